import { describe, expect, test } from 'vitest'
import { AuthExchange } from '../../../src/connection/auth-exchange.js'
import { ConnectionError } from '../../../src/errors.js'
import { drainFrames, feed, greetedCore } from '../../helpers/cores.js'
import { frames } from '../../helpers/frames.js'
import { jsonOf, type NaiveFrame } from '../../helpers/naive-frames.js'

const client = () => {
  const core = greetedCore({ role: 'client', side: 'dialer' })
  return { core, exchange: new AuthExchange(core, 3) }
}
const server = (maxFailures = 3) => {
  const core = greetedCore()
  return { core, exchange: new AuthExchange(core, maxFailures) }
}
const ended = () => new ConnectionError('ERR_FAKESSH_CONNECTION_LOST', 'gone')
const REQUEST = { method: 'psk', user: 'u' }

describe('client', () => {
  test('the answers go to those who asked, in order', async () => {
    const { exchange } = client()
    const [first, second] = [exchange.ask(REQUEST), exchange.ask(REQUEST)]
    exchange.onReply({ status: 'failure', code: 'C', message: '', attemptsLeft: 1 })
    exchange.onReply({ status: 'success', user: 'u' })
    expect(await first).toMatchObject({ status: 'failure' })
    expect(await second).toMatchObject({ status: 'success' })
  })

  test('an answer nobody waits for is harmless', () => {
    client().exchange.onReply({ status: 'success', user: 'u' })
  })

  test('when the connection ends everyone who asked hears of it, once', async () => {
    const { exchange } = client()
    const asked = [exchange.ask(REQUEST), exchange.ask(REQUEST)]
    const error = ended()
    exchange.fail(error)
    exchange.fail(ended())
    for (const one of asked) await expect(one).rejects.toBe(error)
  })

  test('a credential that fits in no frame is refused here, and nothing is sent', async () => {
    const { core, exchange } = client()
    await expect(exchange.ask({ ...REQUEST, password: 'x'.repeat(5_000) })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_LIMIT',
    })
    expect(core.hasOutput).toBe(false)
    const next = exchange.ask(REQUEST)
    exchange.onReply({ status: 'success', user: 'u' })
    await expect(next).resolves.toMatchObject({ status: 'success' })
  })
})

describe('server', () => {
  const answers = (core: ReturnType<typeof server>['core']) =>
    drainFrames(core).map((f: NaiveFrame) => jsonOf(f))

  test('a credential that is accepted opens the connection', () => {
    const { core, exchange } = server()
    feed(core, frames.auth())
    expect(exchange.answer(REQUEST, true)).toBe(true)
    expect(answers(core)).toEqual([{ status: 'success', user: 'u' }])
    expect(core.state).toBe('open')
  })

  test('refusals count down to the last one, and tell nothing', () => {
    const { core, exchange } = server(3)
    const outcomes = ['known', 'unknown', 'known'].map((user) => {
      feed(core, frames.auth({ method: 'password', user, password: 'x' }))
      return exchange.answer({ method: 'password', user }, false)
    })
    expect(outcomes).toEqual([true, true, false])
    const said = answers(core)
    expect(said.map(({ attemptsLeft }) => attemptsLeft)).toEqual([2, 1, 0])
    expect(new Set(said.map(({ message, code }) => `${code} ${message}`)).size).toBe(1)
    expect(JSON.stringify(said)).not.toContain('known')
  })

  test.each([1, 0])('with %i failures allowed the first is the last', (maxFailures) => {
    const { core, exchange } = server(maxFailures)
    feed(core, frames.auth())
    expect(exchange.answer(REQUEST, false)).toBe(false)
    expect(answers(core)).toMatchObject([{ attemptsLeft: 0 }])
  })
})

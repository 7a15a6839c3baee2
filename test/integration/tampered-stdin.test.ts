// On a transport without TLS: input of a command that is damaged on its way is noticed before the command sees it, also when the command
// ends before its input does, so that no end of the stream is there to prove anything.
import { expect, test } from 'vitest'
import { interceptedPair, type SeenFrame } from '../helpers/intercepted-pair.js'
import { served } from '../helpers/served.js'
import { until } from '../helpers/until.js'

const HEADER_BYTES = 16

/** What `head` makes of two writes, of which `meddle` changes the frames; stdin stays open. */
async function headOf(meddle: (frame: SeenFrame, dataIndex: number) => Buffer) {
  const all = await served()
  let dataIndex = 0
  const { transports } = interceptedPair({
    meddle: (frame) => {
      if (frame.direction !== 'up' || frame.name !== 'DATA') return frame.bytes
      dataIndex += 1
      return meddle(frame, dataIndex)
    },
  })
  const client = await all.connectOver(transports)
  const process = client.exec('head -c 5')
  let output = ''
  process.on('data', (chunk) => {
    output += String(chunk)
  })
  process.on('error', () => {})
  const result = process.result.then(
    ({ exitCode }) => exitCode,
    ({ code }: { code: string }) => code,
  )
  process.write('hel')
  process.write('lo')
  const outcome = await result
  await client.close({ drainMs: 0 })
  await until(() => all.leftovers().length === 0)
  return { outcome, output }
}

test('untouched input gives the result', async () => {
  expect(await headOf(({ bytes }) => bytes)).toEqual({ outcome: 0, output: 'hello' })
})

const flipped = (bytes: Buffer) => {
  const damaged = Buffer.from(bytes)
  damaged.writeUInt8(damaged.readUInt8(HEADER_BYTES) ^ 1, HEADER_BYTES)
  return damaged
}

test.each<[string, (frame: SeenFrame, dataIndex: number) => Buffer]>([
  ['a flipped bit in the first piece', ({ bytes }, index) => (index === 1 ? flipped(bytes) : bytes)],
  ['a flipped bit in the last piece', ({ bytes }, index) => (index === 2 ? flipped(bytes) : bytes)],
  ['a lost piece', ({ bytes }, index) => (index === 1 ? Buffer.alloc(0) : bytes)],
  ['a piece that comes twice', ({ bytes }, index) => (index === 1 ? Buffer.concat([bytes, bytes]) : bytes)],
])('%s is refused although stdin has not ended', async (_name, meddle) => {
  const { outcome, output } = await headOf(meddle)
  expect(outcome).toMatch(/^ERR_FAKESSH_(PROTOCOL|CONNECTION_LOST)$/)
  expect('hello'.startsWith(output)).toBe(true)
})

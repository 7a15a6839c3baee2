import { expect, test } from 'vitest'
import type { Bench } from '../../../bench/bench.js'
import { Cleanup } from '../../../bench/cleanup.js'
import type { LoopDelay } from '../../../bench/measure/event-loop.js'
import type { Contender, Readings, Row } from '../../../bench/row.js'
import { type RunRowOptions, runRow } from '../../../bench/run-row.js'
import { RATE } from '../../helpers/bench-results.js'

/** Rows that start nothing have no use for the rest of it. */
const bench = { scope: () => new Cleanup() } as Bench

/** A contender whose trials read the given numbers, one after the other; an error is thrown instead. */
function contender(
  name: string,
  values: readonly (number | Error)[],
  more: Partial<Contender> = {},
): Contender {
  let turn = 0
  const trial = async (): Promise<Readings> => {
    const value = values[turn]
    turn += 1
    if (value === undefined || value instanceof Error) throw value ?? new Error('one trial too many')
    return { rate: value }
  }
  return { name, kind: name === 'fake-ssh' ? 'subject' : 'peer', trial, ...more }
}

function run(contenders: readonly Contender[], row: Partial<Row> = {}, options: RunRowOptions = {}) {
  const whole: Row = {
    name: 'get',
    title: 'get a file',
    what: 'Gets.',
    rounds: 2,
    measures: { rate: RATE },
    thresholds: [{ measure: 'rate', to: 'scp', atLeast: 1.5 }],
    open: async () => contenders,
    ...row,
  }
  return runRow(whole, bench, options)
}

test('counted rounds are read, the warm-up is not', async () => {
  const result = await run([contender('fake-ssh', [1, 30, 40]), contender('scp', [1, 10, 20])])
  expect(result.contenders).toEqual([
    { name: 'fake-ssh', kind: 'subject', readings: { rate: [30, 40] } },
    { name: 'scp', kind: 'peer', readings: { rate: [10, 20] } },
  ])
  expect(result.verdicts).toMatchObject([{ measured: 2.5, outcome: 'pass' }])
  expect(result.error).toBeUndefined()
})

test('rounds and warm-ups can be chosen', async () => {
  const members = [contender('fake-ssh', [1, 2, 3]), contender('scp', [1, 2, 3])]
  const { contenders } = await run(members, { warmups: 0 }, { rounds: 3 })
  expect(contenders.map(({ readings }) => readings.rate)).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ])
})

test('a wrong result is told of, and the rest is measured', async () => {
  const broken = contender('scp', [1, new Error('the bytes are wrong')])
  const result = await run([contender('fake-ssh', [1, 2, 3]), broken])
  expect(result.contenders[1]).toEqual({
    name: 'scp',
    kind: 'peer',
    readings: {},
    error: 'the bytes are wrong',
  })
  expect(result.contenders[0]?.readings.rate).toEqual([2, 3])
  expect(result.verdicts).toMatchObject([{ outcome: 'not measured' }])
})

test('only who is asked for runs beside the subject', async () => {
  const members = ['fake-ssh', 'scp', 'rsync'].map((name) => contender(name, [1, 2, 3]))
  const { contenders } = await run(members, {}, { against: ['rsync'] })
  expect(contenders.map(({ name }) => name)).toEqual(['fake-ssh', 'rsync'])
})

test('both event loops are watched, once for each trial', async () => {
  const log: string[] = []
  const side = (name: string, delay: LoopDelay) => ({
    startLoopWatch: async () => void log.push(`start ${name}`),
    stopLoopWatch: async () => {
      log.push(`stop ${name}`)
      return delay
    },
    kill: () => {},
  })
  const client = side('client', { p99Ms: 3, maxMs: 5 })
  const server = side('server', { p99Ms: 4, maxMs: 6 })
  const result = await run([contender('fake-ssh', [1], { client, server })], { warmups: 0, rounds: 1 })
  expect(result.contenders[0]?.readings).toEqual({
    rate: [1],
    clientLoop: [3],
    clientLoopMax: [5],
    serverLoop: [4],
    serverLoopMax: [6],
  })
  expect(log).toEqual(['start client', 'start server', 'stop client', 'stop server'])
  expect(result.measures.clientLoop?.unit).toBe('ms')
})

test('what a row started is undone at the end, also when it could not be opened', async () => {
  let undone = 0
  const result = await run([], {
    open: async (_bench, cleanup) => {
      cleanup.add(() => {
        undone += 1
      })
      throw new Error('there is no room')
    },
  })
  expect(result).toMatchObject({ error: 'there is no room', contenders: [], verdicts: [] })
  expect(undone).toBe(1)
})

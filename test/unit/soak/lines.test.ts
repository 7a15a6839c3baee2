// That a soak would see what it looks for: with everything in order, and with successes that are none.
import { mkdirSync, readdirSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { Lines } from '../../../soak/lines.js'
import { OPERATIONS } from '../../../soak/operations.js'
import { Random } from '../../../soak/random.js'
import { addUp, emptyTally, sumOf } from '../../../soak/tally.js'
import { connectedPair } from '../../../src/testing/index.js'
import { temporaryDirectory } from '../../helpers/temporary-directory.js'
import { until } from '../../helpers/until.js'

/** Lines on a pair that serves `root`; they look for what they wrote in `looksIn`. */
async function linesOn(looksIn: 'root' | 'elsewhere') {
  const directory = temporaryDirectory()
  for (const name of ['root', 'elsewhere', 'local']) mkdirSync(directory.at(name))
  const pair = await connectedPair({ user: { root: directory.at('root'), exec: 'shell' }, faults: {} })
  onTestFinished(() => pair.close())
  const tally = emptyTally()
  const lines = new Lines({
    connect: async () => pair.client,
    tally,
    root: directory.at(looksIn),
    local: directory.at('local'),
    random: new Random(1, 0),
    name: 'line',
  })
  return { directory, pair, tally, lines }
}

test('with everything in order each operation succeeds, and removes what it made', async () => {
  const { directory, tally, lines } = await linesOn('root')
  await lines.warmUp()
  lines.begin()
  await until(() => sumOf(tally.operations) > 50)
  await lines.finish()
  expect(Object.keys(tally.operations).sort()).toEqual(Object.keys(OPERATIONS).sort())
  expect(tally).toMatchObject({ failures: {}, losses: [] })
  for (const name of ['root', 'local']) expect(readdirSync(directory.at(name))).toEqual([])
})

test('a success that wrote nothing is a loss, and so is a failure that no fault of the link explains', async () => {
  const { tally, lines } = await linesOn('elsewhere')
  await lines.warmUp()
  expect(tally.losses).toHaveLength(5)
  expect(tally.losses).toEqual([
    expect.stringMatching(/^durable: ENOENT: /),
    expect.stringMatching(/^get: ENOENT: /),
    expect.stringMatching(/^put: .* is not there after a success$/),
    expect.stringMatching(/^upload: .* is not there after a success$/),
    expect.stringMatching(/^download: ENOENT: /),
  ])
})

test('a lost connection is a failure, told by its code', async () => {
  const { pair, tally, lines } = await linesOn('root')
  lines.begin()
  await until(() => pair.client.pendingOperations > 3)
  pair.faults.cut()
  // The pair has no other connection to give: each line waits for one.
  await until(() => sumOf(tally.failures) > 0)
  expect(Object.keys(tally.failures)).toEqual(['ERR_FAKESSH_CONNECTION_LOST'])
  expect(sumOf(tally.failed)).toBe(sumOf(tally.failures))
  expect(tally.losses).toEqual([])
})

test('what several clients did is added up', () => {
  const one = {
    operations: { get: 1 },
    failures: { A: 1 },
    failed: { get: 1 },
    losses: ['x'],
    connections: 1,
  }
  const other = {
    operations: { get: 2, put: 1 },
    failures: { B: 1 },
    failed: { put: 1 },
    losses: [],
    connections: 2,
  }
  expect(addUp([one, other])).toEqual({
    operations: { get: 3, put: 1 },
    failures: { A: 1, B: 1 },
    failed: { get: 1, put: 1 },
    losses: ['x'],
    connections: 3,
  })
})

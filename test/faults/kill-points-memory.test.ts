// Thousands of connections in memory, each with faults at random frames and bytes, under the protocol's own checks.
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { connectedPair } from '../../src/testing/index.js'
import { MARK, markedProcesses } from '../helpers/marked-processes.js'
import { within } from '../helpers/operations.js'
import { until } from '../helpers/processes.js'
import { openBelow } from '../helpers/temporary-directory.js'
import { recordUncaught } from '../helpers/uncaught.js'
import { attemptsOf } from './attempts.js'
import { connected, runOperations } from './judge-attempt.js'
import { randomRun, runAll } from './random-run.js'

const RUN = randomRun(2_000)
const LANES = 16
const KEEPALIVE_MS = 50
const QUICKLY = { minDelayMs: 1, maxDelayMs: 20 }
const CLEAN_MS = 10_000
const LIMITS = { maxBytes: 100_000, connectBytes: 1_500, canVanishConnecting: false }

test(`${RUN.count} connections, seed ${RUN.seed}`, { timeout: RUN.timeoutMs }, async () => {
  const uncaught = recordUncaught()
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'kill-points-')))
  onTestFinished(() => rmSync(base, { recursive: true, force: true }))
  const mark = randomUUID()
  const before = process.getActiveResourcesInfo().sort()

  const tally = await runAll(
    RUN,
    attemptsOf(RUN.seed, RUN.count, LIMITS),
    LANES,
    async (attempt, _, counts) => {
      const directory = join(base, String(attempt.number))
      const place = { root: join(directory, 'root'), local: join(directory, 'local') }
      for (const path of [directory, place.root, place.local]) mkdirSync(path)
      const { plan, seed, meetsConnecting, reconnects } = attempt
      const pair = await connected(
        connectedPair({
          user: { root: place.root, exec: 'shell' },
          env: { [MARK]: `${mark}.${attempt.number}` },
          keepaliveIntervalMs: KEEPALIVE_MS,
          reconnect: reconnects && QUICKLY,
          faults: { seed, ...(meetsConnecting ? plan : {}) },
        }),
        counts,
      )
      if (pair === undefined) return
      pair.client.on('reconnecting', () => pair.faults.heal())
      if (!meetsConnecting) pair.faults.setFaults(plan)
      try {
        const judge = await runOperations(attempt, pair.client, place, counts)
        await within(CLEAN_MS, 'closing', pair.close())
        await within(
          CLEAN_MS,
          'files',
          until(() => partsBelow(directory) + openBelow(directory).length === 0),
        )
        judge()
      } finally {
        await pair.close()
      }
      expect(pair.faults.connections).toEqual([])
      rmSync(directory, { recursive: true })
    },
  )

  await within(
    CLEAN_MS,
    'processes',
    until(() => markedProcesses(mark).length === 0),
  )
  await within(
    CLEAN_MS,
    'handles',
    until(() => isSame(process.getActiveResourcesInfo().sort(), before)),
  )
  expect(uncaught).toEqual([])
  // Neither all through nor all broken: the points lie where it matters.
  const failures = Object.values(tally.failures).reduce((sum, count) => sum + count, 0)
  if (RUN.count > 100) {
    expect(tally.successes).toBeGreaterThan(RUN.count / 5)
    expect(failures).toBeGreaterThan(RUN.count / 5)
  }
})

const partsBelow = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.part'))
    .length

/** What keeps the event loop alive, beyond what did before. */
const isSame = (now: readonly string[], before: readonly string[]) => String(now) === String(before)

// A flipped, dropped or doubled byte below the integrity layer: whatever it hits, no operation succeeds wrongly, every one settles, and
// the target stays as it was. Positions are a seeded sample over everything that travels, with every byte of the first frames.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConnectedPair, connectedPair } from '../../src/testing/index.js'

type Damage = 'flipped' | 'dropped' | 'doubled'
type Way = 'to-server' | 'to-client'

const CONTENT = randomBytes(20_000)
const SAMPLES = 30
/** Ends what waits for a byte that was dropped at the very end. */
const KEEPALIVE_MS = 20

let base: string
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'damage-'))
})
afterAll(() => rmSync(base, { recursive: true, force: true }))

/** A pair in which one byte of one direction, counted from the moment `arm` is called, is damaged. */
async function damagedPair(way: Way, position: number, damage: Damage) {
  const root = mkdtempSync(join(base, 'root-'))
  let passed = Number.NEGATIVE_INFINITY
  const arm = () => {
    passed = 0
  }
  const pair = await connectedPair({
    user: { root, exec: 'shell' },
    keepaliveIntervalMs: KEEPALIVE_MS,
    intercept: (bytes, direction) => {
      if (direction !== way) return bytes
      const at = position - passed
      passed += bytes.length
      if (at < 0 || at >= bytes.length) return bytes
      const byte = bytes[at] as number
      const middle = { flipped: [byte ^ 0x10], dropped: [], doubled: [byte, byte] }[damage]
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(middle), bytes.subarray(at + 1)])
    },
  })
  return { pair, root, arm, passedBytes: () => passed }
}

interface Operation {
  readonly prepare?: (root: string) => void
  readonly run: (pair: ConnectedPair, root: string) => Promise<unknown>
  /** After a success, which a byte that nobody needed allows. */
  readonly expectSuccess: (root: string, value: unknown) => void
  /** After a failure. */
  readonly expectUntouched: (root: string) => void
}

const noLeftovers = (root: string) =>
  expect(readdirSync(root).filter((name) => name.endsWith('.part'))).toEqual([])

const OPERATIONS: Record<string, Operation> = {
  put: {
    prepare: (root) => writeFileSync(join(root, 'target'), 'old'),
    run: ({ client }) => client.put('target').end(CONTENT).result,
    expectSuccess: (root) => expect(readFileSync(join(root, 'target')).equals(CONTENT)).toBe(true),
    // The server may have committed before the client could hear of it; it is then the new file, whole.
    expectUntouched: (root) => {
      const now = readFileSync(join(root, 'target'))
      expect(now.equals(Buffer.from('old')) || now.equals(CONTENT)).toBe(true)
    },
  },
  download: {
    prepare: (root) => writeFileSync(join(root, 'source'), CONTENT),
    run: ({ client }, root) => client.download('source', join(root, 'copy')),
    expectSuccess: (root) => expect(readFileSync(join(root, 'copy')).equals(CONTENT)).toBe(true),
    expectUntouched: (root) => expect(existsSync(join(root, 'copy'))).toBe(false),
  },
  exec: {
    run: ({ client }) =>
      client.run('cat; echo "$0" >&2; exit 3', { input: CONTENT, encoding: 'buffer', reject: false }),
    expectSuccess: (_root, value) => {
      const { stdout, stderr, exitCode } = value as { stdout: Buffer; stderr: Buffer; exitCode: number }
      expect([stdout.equals(CONTENT), exitCode]).toEqual([true, 3])
      expect(stderr.toString()).toMatch(/sh\n$/)
    },
    expectUntouched: () => {},
  },
}

/** How many bytes travel each way when nothing is damaged. */
async function measure(operation: Operation, way: Way): Promise<number> {
  const { pair, root, arm, passedBytes } = await damagedPair(way, Number.POSITIVE_INFINITY, 'flipped')
  operation.prepare?.(root)
  arm()
  operation.expectSuccess(root, await operation.run(pair, root))
  await pair.close()
  return passedBytes()
}

describe.each(Object.keys(OPERATIONS))('%s', (name) => {
  const operation = OPERATIONS[name] as Operation
  describe.each(['to-server', 'to-client'] as const)('%s', (way) => {
    test.each(['flipped', 'dropped', 'doubled'] as const)(
      'a byte that is %s',
      { timeout: 60_000 },
      async (damage) => {
        const total = await measure(operation, way)
        const step = Math.max(1, Math.floor(total / SAMPLES))
        let failures = 0
        for (let position = 0; position < total; position += position < 20 ? 1 : step) {
          const { pair, root, arm } = await damagedPair(way, position, damage)
          operation.prepare?.(root)
          arm()
          const outcome = await operation.run(pair, root).then(
            (value) => ({ value }),
            (error: Error & { code?: string }) => ({ error }),
          )
          await pair.close()
          const where = `byte ${position} of ${total}`
          if ('value' in outcome) operation.expectSuccess(root, outcome.value)
          else {
            failures += 1
            expect(outcome.error.code, `${where}: ${outcome.error.message}`).toMatch(/^ERR_FAKESSH_/)
            operation.expectUntouched(root)
          }
          noLeftovers(root)
        }
        expect(failures).toBeGreaterThan(0)
      },
    )
  })
})

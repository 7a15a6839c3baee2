/** What the clients do over and over. Each verifies what it was told was a success, and that a failure left nothing torn. */
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import type { FakeSshClient } from 'fake-ssh'
import type { Random } from './random.js'

/** What one operation has to work with. */
export interface Work {
  readonly client: FakeSshClient
  readonly root: string
  readonly local: string
  readonly random: Random
  /** For its files: nobody else's. */
  readonly name: string
  /** Random bytes, up to so many. */
  content(maxBytes: number): Buffer
  /** To be looked at when nothing is on its way any more. */
  doubtful(file: Doubtful): void
}

/**
 * A file at the server whose writing failed here: if only the answer was lost, it appears whole, maybe later than the failure, as what was
 * sent before is still on its way.
 */
export interface Doubtful {
  readonly path: string
  readonly content: Buffer
}

/** What was promised was not kept. Everything else that an operation rejects with is a failure of the operation. */
export class Loss extends Error {}

function must(isKept: boolean, what: string): void {
  if (!isKept) throw new Loss(what)
}

const SMALL_BYTES = 200_000
const BIG_BYTES = 8_000_000
const MAX_LINES = 5_000

/** What a target may be after a failure: not there, or whole. Removes it. */
export async function expectWhole(path: string, content: Buffer, isSuccess: boolean): Promise<void> {
  const isThere = existsSync(path)
  must(isThere || !isSuccess, `${path} is not there after a success`)
  if (isThere) must((await readFile(path)).equals(content), `${path} is torn`)
  await rm(path, { force: true })
}

export const OPERATIONS: { readonly [name: string]: (work: Work) => Promise<void> } = {
  async exec({ client, content }) {
    const given = content(SMALL_BYTES)
    const proc = client.exec('cat; echo warned >&2; exit 3')
    proc.end(given)
    const [stdout, stderr, { exitCode }] = await all([buffer(proc), text(proc.stderr), proc.result])
    must(stdout.equals(given), 'exec: another stdout')
    must(stderr === 'warned\n' && exitCode === 3, `exec: ${exitCode}, ${stderr}`)
  },
  async durable({ client, root, name, content }) {
    const given = content(BIG_BYTES)
    const ran = join(root, name)
    try {
      const proc = client.exec(`echo once >> ${name}; cat; echo warned >&2; exit 3`, { durable: true })
      proc.end(given)
      const [stdout, stderr, { exitCode }] = await all([buffer(proc), text(proc.stderr), proc.result])
      must(stdout.equals(given), `durable: another stdout, ${stdout.length} bytes for ${given.length}`)
      must(stderr === 'warned\n' && exitCode === 3, `durable: ${exitCode}, ${stderr}`)
      must((await readFile(ran, 'utf8')) === 'once\n', 'durable: it ran more than once')
    } finally {
      await rm(ran, { force: true })
    }
  },
  async run({ client, random }) {
    const count = random.between(1, MAX_LINES)
    const { stdout } = await client.run('seq', [String(count)])
    const lines = Array.from({ length: count }, (_, index) => `${index + 1}\n`)
    must(stdout === lines.join(''), `run: ${stdout.length} characters of another output`)
  },
  async session({ client, name }) {
    const session = await client.session()
    try {
      await session.run(`cd /; SOAK='${name}'; export SOAK`)
      const { stdout } = await session.run('echo "$SOAK"')
      must(stdout === `${name}\n`, `session: ${stdout}`)
    } finally {
      await session.close()
    }
  },
  async get({ client, root, name, content }) {
    const given = content(BIG_BYTES)
    const path = join(root, name)
    await writeFile(path, given)
    try {
      must((await buffer(client.get(name))).equals(given), 'get: other bytes')
    } finally {
      await rm(path)
    }
  },
  async put({ client, root, name, content, doubtful }) {
    const given = content(BIG_BYTES)
    const path = join(root, name)
    await client
      .put(name)
      .end(given)
      .result.catch((error) => {
        doubtful({ path, content: given })
        throw error
      })
    await expectWhole(path, given, true)
  },
  async upload({ client, root, local, name, content, doubtful }) {
    const given = content(BIG_BYTES)
    const [source, path] = [join(local, `${name}.source`), join(root, name)]
    await writeFile(source, given)
    try {
      await client.upload(source, name)
      await expectWhole(path, given, true)
    } catch (error) {
      doubtful({ path, content: given })
      throw error
    } finally {
      await rm(source)
    }
  },
  async download({ client, root, local, name, content }) {
    const given = content(BIG_BYTES)
    const source = join(root, name)
    await writeFile(source, given)
    try {
      const target = join(local, name)
      await client.download(name, target).catch(async (error) => {
        await expectWhole(target, given, false)
        throw error
      })
      await expectWhole(target, given, true)
    } finally {
      await rm(source)
    }
  },
}

/** As Promise.all, but waits for those that go on: streams of a failed operation end a moment later. */
async function all<T extends readonly unknown[]>(
  promises: {
    readonly [Index in keyof T]: Promise<T[Index]>
  },
): Promise<T> {
  await Promise.allSettled(promises)
  return (await Promise.all(promises)) as unknown as T
}

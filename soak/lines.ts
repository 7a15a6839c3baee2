/** Several operations at a time on one client, each line beginning the next when the last one is over. */
import { randomBytes } from 'node:crypto'
import { type FakeSshClient, FakeSshError } from 'fake-ssh'
import { type Doubtful, expectWhole, Loss, OPERATIONS, type Work } from './operations.js'
import type { Random } from './random.js'
import { addLoss, countIn, type Tally } from './tally.js'
import { SETTLE_MS } from './timing.js'

const LINES = 6
const POOL_BYTES = 16_000_000

/** What a fault on the link may be told as. Anything else is a loss: the program would look for its own mistake. */
const EXPECTED: ReadonlySet<string> = new Set([
  'ERR_FAKESSH_CONNECTION_LOST',
  'ERR_FAKESSH_KEEPALIVE_TIMEOUT',
  'ERR_FAKESSH_NOT_STARTED',
  'ERR_FAKESSH_PROTOCOL',
  // Damage in the handshake can look like another key, or another server. Then the client gives up, and what waited is told why.
  'ERR_FAKESSH_AUTH_FAILED',
  'ERR_FAKESSH_SERVER_IDENTITY',
])

export interface LinesOptions {
  connect(): Promise<FakeSshClient>
  readonly tally: Tally
  readonly root: string
  readonly local: string
  readonly random: Random
  /** Prefix of all names of files. */
  readonly name: string
}

export class Lines {
  readonly #options: LinesOptions
  readonly #pool = randomBytes(POOL_BYTES)
  #client: Promise<FakeSshClient>
  #count = 0
  readonly #doubtful: Doubtful[] = []
  #isFinishing = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(options: LinesOptions) {
    this.#options = options
    this.#client = this.#connected()
  }

  /** Each operation once, so that what the first one makes for good is there. */
  async warmUp(): Promise<void> {
    for (const name of Object.keys(OPERATIONS)) await this.#operate(name)
  }

  begin(): void {
    this.#running = Promise.all(Array.from({ length: LINES }, () => this.#line()))
  }

  async finish(): Promise<void> {
    this.#isFinishing = true
    await this.#running
    // One more, on a link that is whole again: the client is of use to the end.
    await this.warmUp()
  }

  async close(): Promise<void> {
    await (await this.#client).close({ drainMs: 0 })
  }

  /** Looks at what may have become of writing that failed; when the server has seen the end of every connection. */
  async check(): Promise<void> {
    for (const { path, content } of this.#doubtful) await this.#tell(path, expectWhole(path, content, false))
  }

  async #line(): Promise<void> {
    const names = Object.keys(OPERATIONS)
    while (!this.#isFinishing) await this.#operate(this.#options.random.pick(names))
  }

  async #operate(operation: string): Promise<void> {
    const { tally, root, local, random, name } = this.#options
    const client = await this.#usable()
    this.#count += 1
    countIn(tally.operations, operation)
    const content = (maxBytes: number) => {
      // Most are small: more of them, and more of their beginnings and ends are hit.
      const bytes = Math.floor(maxBytes * random.next() ** 3)
      const from = random.between(0, POOL_BYTES - bytes)
      return this.#pool.subarray(from, from + bytes)
    }
    const doubtful = (file: Doubtful) => void this.#doubtful.push(file)
    const work: Work = { client, root, local, random, name: `${name}-${this.#count}`, content, doubtful }
    await this.#tell(
      operation,
      settled(operation, (OPERATIONS[operation] as (given: Work) => Promise<void>)(work)),
    )
  }

  /** Counts what went wrong. */
  async #tell(what: string, promise: Promise<void>): Promise<void> {
    const { tally } = this.#options
    try {
      await promise
    } catch (error) {
      if (FakeSshError.is(error) && EXPECTED.has(error.code)) {
        countIn(tally.failures, error.code)
        countIn(tally.failed, what)
      } else addLoss(tally, `${what}: ${error instanceof Loss ? error.message : describe(error)}`)
    }
  }

  /** A client with which operations can be started. */
  async #usable(): Promise<FakeSshClient> {
    for (;;) {
      const current = this.#client
      const client = await current
      if (client.isConnected) return client
      // Replaced meanwhile: it will say nothing more.
      if (current !== this.#client) continue
      await new Promise<void>((resolve) => {
        client.once('reconnect', () => resolve())
        client.once('disconnect', () => resolve())
      })
    }
  }

  /** One that gives up, because damage made the server look like another one, is replaced. */
  async #connected(): Promise<FakeSshClient> {
    const client = await this.#options.connect()
    client.on('disconnect', ({ error, willReconnect }) => {
      if (error !== undefined && !willReconnect) this.#client = this.#connected()
    })
    return client
  }
}

async function settled(operation: string, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Loss(`${operation} did not settle in ${SETTLE_MS} ms`)), SETTLE_MS)
  })
  await Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code = error.name } = error as { code?: string }
  return `${code}: ${error.message}`
}

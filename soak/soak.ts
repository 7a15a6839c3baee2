/** A server and clients, each a process of its own, with a faulty link between the server and each client. */
import { randomUUID } from 'node:crypto'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type FaultProxy, faultProxy } from 'fake-ssh/testing'
import type { Cleanup } from '../bench/cleanup.js'
import { Worker } from '../bench/peers/worker.js'
import { FaultMaker } from './fault-maker.js'
import { type ProcessState, processesWith, stateOf } from './process-state.js'
import type { ClientMethods } from './processes/client.js'
import type { ServerMethods } from './processes/server.js'
import { Random } from './random.js'
import type { Moment } from './report.js'
import { addLoss, addUp, countIn } from './tally.js'
import { CLEAN_MS, EXPIRED_MS } from './timing.js'

const MARK = 'FAKESSH_SOAK_MARK'
/** The helper that starts programs makes some connections ahead, now more, now fewer; each client may have one more or less. */
const SPARE_HANDLES = 16
const POLL_MS = 20

interface Line {
  readonly client: Worker<ClientMethods>
  readonly proxy: FaultProxy
  readonly faults: FaultMaker
}

export class Soak {
  readonly #directory: string
  readonly #seed: number
  readonly #cleanup: Cleanup
  readonly #mark = randomUUID()
  readonly #lines: Line[] = []
  /** Found by this process, besides those that clients found. */
  readonly #losses: string[] = []
  #server: Worker<ServerMethods> | undefined

  constructor(directory: string, seed: number, cleanup: Cleanup) {
    this.#directory = directory
    this.#seed = seed
    this.#cleanup = cleanup
  }

  /** Starts everything; every operation has been done once when it resolves, and no fault made. */
  async start(clients: number): Promise<void> {
    const root = join(this.#directory, 'root')
    await mkdir(root)
    this.#server = await this.#worker<ServerMethods>('server')
    const { port, target } = await this.#server.call('listen', root, { [MARK]: this.#mark })
    for (let number = 0; number < clients; number += 1) {
      const local = join(this.#directory, `local${number}`)
      await mkdir(local)
      const proxy = await faultProxy({ target: { port }, seed: this.#seed })
      this.#cleanup.add(() => proxy.close())
      const client = await this.#worker<ClientMethods>('client')
      const faults = new FaultMaker(proxy, new Random(this.#seed, 1_000 + number))
      this.#lines.push({ client, proxy, faults })
      await client.call('start', proxy.connectionString(target), root, local, this.#seed, number)
    }
  }

  /** Operations and faults, from now on. */
  async begin(): Promise<void> {
    for (const { client, faults } of this.#lines) {
      await client.call('begin')
      faults.start()
    }
  }

  async moment(name: string): Promise<Moment> {
    const tallies = await Promise.all(this.#lines.map(({ client }) => client.call('report')))
    const tally = addUp(tallies)
    for (const loss of this.#losses) addLoss(tally, loss)
    const faults: { [kind: string]: number } = {}
    for (const line of this.#lines)
      for (const [kind, count] of Object.entries(line.faults.counts)) countIn(faults, kind, count)
    return { name, tally, faults, states: this.#states() }
  }

  /** No more faults and operations. What is left afterwards is a loss. */
  async finish(start: Moment): Promise<void> {
    await Promise.all(this.#lines.map(({ faults }) => faults.stop()))
    await Promise.all(this.#lines.map(({ client }) => client.call('finish')))
    // What was kept has expired by then.
    await this.#expect('handles', () => this.#grown(start), EXPIRED_MS)
    await Promise.all(this.#lines.map(({ client }) => client.call('close')))
    await this.#expect('connections', async () => {
      const count = (await this.#server?.call('connections')) ?? 0
      return count === 0 ? [] : [`${count} at the server`]
    })
    await Promise.all(this.#lines.map(({ client }) => client.call('check')))
    await this.#expect('programs', () => processesWith(MARK, this.#mark).map(String))
    await this.#expect('files', () => this.#files(), EXPIRED_MS)
    for (const fault of (await this.#server?.call('faults')) ?? []) this.#losses.push(`server: ${fault}`)
    await this.#server?.call('close')
  }

  async #worker<Methods extends ServerMethods | ClientMethods>(name: string): Promise<Worker<Methods>> {
    const worker = await Worker.start<Methods>(new URL(`./processes/${name}.js`, import.meta.url))
    this.#cleanup.add(() => worker.stop())
    return worker
  }

  #states(): { [process: string]: ProcessState } {
    const named = [
      ['server', this.#server?.pid] as const,
      ...this.#lines.map(({ client }, number) => [`client ${number}`, client.pid] as const),
    ]
    return Object.fromEntries(
      named.flatMap(([name, pid]) => (pid === undefined ? [] : [[name, stateOf(pid)]])),
    )
  }

  #grown({ states }: Moment): string[] {
    return Object.entries(this.#states()).flatMap(([name, { handles }]) => {
      const before = states[name]?.handles ?? 0
      return handles > before + SPARE_HANDLES ? [`${name}: ${handles}, ${before} at the start`] : []
    })
  }

  /** Operations remove their own files. */
  async #files(): Promise<string[]> {
    const entries = await readdir(this.#directory, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  }

  /** Waits until nothing is left of a kind; what is left then is a loss. */
  async #expect(kind: string, left: () => string[] | Promise<string[]>, limitMs = CLEAN_MS): Promise<void> {
    const until = performance.now() + limitMs
    let found = await left()
    while (found.length > 0 && performance.now() < until) {
      await pause(POLL_MS)
      found = await left()
    }
    for (const one of found) this.#losses.push(`${kind} left: ${one}`)
  }
}

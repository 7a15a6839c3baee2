/** One client of a soak, in a process of its own: several operations at a time, one after the other, through every fault. */
import { FakeSshClient, FakeSshError } from 'fake-ssh'
import { serveMethods } from '../../bench/processes/serve-methods.js'
import { Lines } from '../lines.js'
import { Random } from '../random.js'
import { emptyTally, type Tally } from '../tally.js'
import { KEEPALIVE_MS } from '../timing.js'

const OPTIONS = {
  keepaliveIntervalMs: KEEPALIVE_MS,
  connectTimeoutMs: 2 * KEEPALIVE_MS,
  reconnect: { minDelayMs: 10, maxDelayMs: 500 },
}

const tally = emptyTally()
let lines: Lines | undefined

/** Connects, however often it takes: faults meet this as well. */
async function connect(target: string): Promise<FakeSshClient> {
  for (;;) {
    try {
      const client = await FakeSshClient.connect(target, OPTIONS)
      tally.connections += 1
      client.on('reconnect', () => {
        tally.connections += 1
      })
      return client
    } catch (error) {
      if (!FakeSshError.is(error)) throw error
    }
  }
}

const methods = {
  async start(target: string, root: string, local: string, seed: number, number: number): Promise<void> {
    const random = new Random(seed, number)
    lines = new Lines({ connect: () => connect(target), tally, root, local, random, name: `client${number}` })
    await lines.warmUp()
  },
  /** Everything at random from here on. */
  begin: () => lines?.begin(),
  report: (): Tally => tally,
  /** No more operations; settles when the last one has. */
  finish: () => lines?.finish(),
  close: () => lines?.close(),
  /** When the server has seen the end of every connection. */
  check: () => lines?.check(),
}

export type ClientMethods = typeof methods

serveMethods(methods)

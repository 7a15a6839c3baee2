/** Every way two ends can be joined, so that one test runs over all of them: in memory and TCP, either side dialling. */
import { memoryPair } from '../../src/transport/memory-pair.js'
import type { Transport } from '../../src/transport/transport.js'
import { tcpPair } from './tcp-pair.js'

export interface Wiring {
  readonly name: string
  /** First the client's end, then the server's. */
  connect(): Promise<[client: Transport, server: Transport]>
}

const reversed = ([a, b]: [Transport, Transport]): [Transport, Transport] => [b, a]

export const WIRINGS: readonly Wiring[] = [
  { name: 'in memory', connect: async () => memoryPair() },
  { name: 'in memory, the server dials', connect: async () => reversed(memoryPair()) },
  { name: 'over TCP', connect: tcpPair },
  { name: 'over TCP, the server dials', connect: async () => reversed(await tcpPair()) },
]

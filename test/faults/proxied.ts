/** A server on TLS behind a fault proxy, with what an operation needs, and clients that go through the proxy. */
import { onTestFinished } from 'vitest'
import { type ConnectStringOptions, FakeSshClient } from '../../src/index.js'
import { type FaultProxy, faultProxy } from '../../src/testing/index.js'
import { type Material, material, type Operation } from '../helpers/operations.js'
import { type Served, served } from '../helpers/served.js'

export const KEEPALIVE_MS = 500

export interface Proxied {
  readonly all: Served
  readonly proxy: FaultProxy
  readonly what: Material
  /** Closed when the test has finished. */
  connect(options?: ConnectStringOptions): Promise<FakeSshClient>
}

export async function proxied(operation: Operation, bytes: number): Promise<Proxied> {
  const all = await served({ transport: 'tls', keepaliveIntervalMs: KEEPALIVE_MS, expectsFaults: true })
  const direct = all.server.connectionString('test')
  const proxy = await faultProxy({ target: { port: Number(new URL(direct).port) }, seed: 1 })
  onTestFinished(() => proxy.close())
  const what = material(bytes, 1_000)
  operation.prepare(all, what)
  return {
    all,
    proxy,
    what,
    connect: async (options) => {
      const client = await FakeSshClient.connect(proxy.connectionString(direct), {
        keepaliveIntervalMs: KEEPALIVE_MS,
        ...options,
      })
      onTestFinished(() => client.close({ drainMs: 0 }))
      return client
    },
  }
}

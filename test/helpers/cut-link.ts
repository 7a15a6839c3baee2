/** A client whose connection is cut again and again, at bytes that a seed picks, by a proxy that counts what passed. */
import { onTestFinished } from 'vitest'
import { FakeSshClient } from '../../src/index.js'
import { type FaultDirection, type FaultProxy, faultProxy } from '../../src/testing/index.js'
import type { Served } from './served.js'

export interface CutLink {
  readonly client: FakeSshClient
  readonly proxy: FaultProxy
  /** Cuts so far. */
  readonly cuts: number
  /** Bytes that passed in the direction that is cut, over all connections. */
  readonly passedBytes: number
}

export interface CutOptions {
  readonly direction: FaultDirection
  /** Cuts, one a connection; after the last one the connection lives. */
  readonly cuts: number
  /** Bytes of a connection after which it is cut at the latest. */
  readonly maxBytes: number
  /** Even ones cut with an end, odd ones with a reset. */
  readonly seed: number
}

/** Reconnects as fast as it goes. */
export const QUICK = { minDelayMs: 1, maxDelayMs: 20 }

export async function cutLink(all: Served, options: CutOptions): Promise<CutLink> {
  const { direction, cuts, maxBytes, seed } = options
  const target = all.server.connectionString('test')
  const proxy = await faultProxy({
    target: { port: Number(new URL(target).port) },
    seed,
    // Which of the two it is makes a difference to what is still read.
    [direction]: { cut: { afterBytes: { min: 0, max: maxBytes }, how: seed % 2 === 0 ? 'end' : 'reset' } },
  })
  const client = await connectThrough(proxy, target)
  let passed = 0
  let count = 0
  proxy.on('fault', ({ afterBytes = 0 }) => {
    passed += afterBytes
    count += 1
    if (count === cuts) proxy.setFaults({})
  })
  onTestFinished(async () => {
    await client.close({ drainMs: 0 })
    await proxy.close()
  })
  return {
    client,
    proxy,
    get cuts() {
      return count
    },
    get passedBytes() {
      return passed + proxy.connections.reduce((sum, one) => sum + one[direction].passed, 0)
    },
  }
}

/** Also when the first connections are cut before they are made. */
async function connectThrough(proxy: FaultProxy, target: string): Promise<FakeSshClient> {
  for (;;) {
    try {
      return await FakeSshClient.connect(proxy.connectionString(target), { reconnect: QUICK })
    } catch (error) {
      if (proxy.log.length === 0) throw error
    }
  }
}

/** Does something while the event loops of both sides are watched. */
import type { LoopDelay } from '../measure/event-loop.js'
import type { Watchable } from './worker.js'

export interface WatchedSides {
  readonly client?: Watchable | undefined
  readonly server?: Watchable | undefined
}

export interface Loops {
  readonly client?: LoopDelay | undefined
  readonly server?: LoopDelay | undefined
}

export async function watchLoops<Result>(
  { client, server }: WatchedSides,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly loops: Loops }> {
  await Promise.all([client?.startLoopWatch(), server?.startLoopWatch()])
  const result = await work()
  const [clientLoop, serverLoop] = await Promise.all([client?.stopLoopWatch(), server?.stopLoopWatch()])
  return { result, loops: { client: clientLoop, server: serverLoop } }
}

/** As readings: those that every row has besides its own. */
export function loopReadings({ client, server }: Loops): { [measure: string]: number } {
  return {
    ...(client && { clientLoop: client.p99Ms, clientLoopMax: client.maxMs }),
    ...(server && { serverLoop: server.p99Ms, serverLoopMax: server.maxMs }),
  }
}

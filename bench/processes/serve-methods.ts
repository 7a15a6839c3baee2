/** The child's half of a worker: calls arrive over Node's IPC channel, one reply each. */
import { watchMethods } from './watch-methods.js'

/** A call by the parent. */
export interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

/** What the parent hears: first that the process is ready, then a reply to each call. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string }

/** Methods take and return what JSON can carry. */
export type Methods = { readonly [name: string]: (...args: never[]) => unknown }

/** Serves until the parent is gone. */
export function serveMethods(methods: Methods): void {
  const all: Methods = { ...methods, ...watchMethods }
  const tell = (report: Report) => process.send?.(report)
  process.on('message', async ({ id, method, args }: Call) => {
    try {
      const call = all[method] as ((...given: readonly unknown[]) => unknown) | undefined
      if (call === undefined) throw new Error(`no method '${method}'`)
      tell({ kind: 'result', id, value: await call(...args) })
    } catch (error) {
      tell({ kind: 'failure', id, message: describe(error) })
    }
  })
  // Not left to the event loop running empty: a server never lets it, and a CPU profile is written on exit.
  process.on('disconnect', () => process.exit())
  process.on('SIGTERM', () => process.exit())
  tell({ kind: 'ready' })
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error.message}${cause}`
}

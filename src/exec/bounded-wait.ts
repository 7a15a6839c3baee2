/** Bounds a wait for the peer, so that a promise settles also where the peer never answers. */

/** How long the server may take to answer, where the caller gives no `timeoutMs`, in milliseconds. As long as usual proxies wait. */
export const ANSWER_TIMEOUT_MS = 30_000

/** The promise, or after `limitMs` what `onLate` returns or throws. The timer keeps no process alive. */
export async function within<T>(promise: Promise<T>, limitMs: number, onLate: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs)
    timer.unref()
  })
  try {
    return await Promise.race([promise, late.then(onLate)])
  } finally {
    clearTimeout(timer)
  }
}

/** How transfers call listeners of the application. */

/**
 * Calls back into the application. What that throws is its own uncaught exception, from a fresh turn: a transfer must not fail, nor stop
 * half way through its own work, because of a faulty listener.
 */
export function callListener(call: () => void): void {
  try {
    call()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

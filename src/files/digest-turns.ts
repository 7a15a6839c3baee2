/** Lets only a few files of a user be digested at once, so that a few small OPENs cannot keep a server busy and its memory full. */

/** Of one user. One fills the time that another waits for the disk. */
const MAX_AT_ONCE = 2

interface Queue {
  running: number
  /** In the order in which they came. */
  readonly waiting: Set<() => void>
}

export class DigestTurns {
  readonly #queues = new Map<string, Queue>()

  /** Does the work when it is its turn. Rejects with `signal.reason` when the signal is aborted before. */
  async during<Result>(user: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted()
    const queue = this.#queues.get(user) ?? { running: 0, waiting: new Set() }
    this.#queues.set(user, queue)
    if (queue.running < MAX_AT_ONCE) queue.running += 1
    else await turnIn(queue, signal)
    try {
      return await work()
    } finally {
      this.#next(user, queue)
    }
  }

  #next(user: string, queue: Queue): void {
    const [next] = queue.waiting
    if (next !== undefined) {
      // It has the place of the one that ended.
      next()
      return
    }
    queue.running -= 1
    if (queue.running === 0) this.#queues.delete(user)
  }
}

function turnIn({ waiting }: Queue, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      waiting.delete(onTurn)
      reject(signal.reason)
    }
    const onTurn = () => {
      waiting.delete(onTurn)
      signal.removeEventListener('abort', onAbort)
      resolve()
    }
    waiting.add(onTurn)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** The exchange of AUTH frames: what the client waits for, and how often a server lets one connection try. */
import type { ConnectionError } from '../errors.js'
import type { ConnectionCore } from '../protocol/connection-core.js'
import type { AuthReply, AuthRequest, JsonObject } from '../protocol/messages.js'

interface Waiting {
  readonly resolve: (reply: AuthReply) => void
  readonly reject: (error: ConnectionError) => void
}

export class AuthExchange {
  readonly #core: ConnectionCore
  readonly #maxFailures: number
  #failures = 0
  /** Client: AUTHs that wait for their answer, in order. */
  readonly #waiting: Waiting[] = []

  constructor(core: ConnectionCore, maxFailures: number) {
    this.#core = core
    this.#maxFailures = maxFailures
  }

  /** Client: sends a credential. Settles with the answer, or when `fail` is called; rejects with ERR_FAKESSH_LIMIT what fits in no frame. */
  async ask(request: JsonObject): Promise<AuthReply> {
    this.#core.sendAuth(request)
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** Client: the server answered. */
  onReply(reply: AuthReply): void {
    this.#waiting.shift()?.resolve(reply)
  }

  /** The connection ended. */
  fail(error: ConnectionError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }

  /** Server: answers a credential. False when that was the last attempt. The answer does not tell whether the user exists. */
  answer(request: AuthRequest, isAccepted: boolean): boolean {
    if (isAccepted) {
      this.#core.sendAuthReply({ status: 'success', user: request.user })
      return true
    }
    this.#failures += 1
    const attemptsLeft = Math.max(0, this.#maxFailures - this.#failures)
    const message = 'the user or the credential was refused'
    this.#core.sendAuthReply({ status: 'failure', code: 'ERR_FAKESSH_AUTH_FAILED', message, attemptsLeft })
    return attemptsLeft > 0
  }
}

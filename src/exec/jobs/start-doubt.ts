/** Whether a server may have started a command of which nothing was heard, and what that makes of what is told later. */
import { ConnectionError, type FakeSshError } from '../../errors.js'

/** Of an operation that ends with one of these nothing was done. */
const PROMISES: ReadonlySet<string> = new Set(['ERR_FAKESSH_NOT_STARTED', 'ERR_FAKESSH_SHUTDOWN'])

export class StartDoubt {
  /** The loss by which nobody knows whether the server has heard of it. */
  #loss: ConnectionError | undefined

  /** It may have been started. */
  get isThere(): boolean {
    return this.#loss !== undefined
  }

  /** The connection ended on which an OPEN had been sent, or had even been answered. */
  onLost(error: ConnectionError): void {
    this.#loss ??= unpromising(error)
  }

  /** Codes of later attempts can promise that nothing was done, but only of themselves. */
  endingOf(error: FakeSshError): FakeSshError {
    return PROMISES.has(error.code) ? (this.#loss ?? error) : error
  }
}

/** A server that leaves does not answer what has crossed its goodbye, nor what it had just begun with. */
function unpromising(error: ConnectionError): ConnectionError {
  if (!PROMISES.has(error.code)) return error
  const message = `the server left before it answered: ${error.message}`
  return new ConnectionError('ERR_FAKESSH_CONNECTION_LOST', message, { host: error.host, cause: error })
}

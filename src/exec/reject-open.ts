/** Answers an OPEN that leads nowhere. */
import type { IncomingOpen } from '../connection/channel-handler.js'
import { FakeSshError } from '../errors.js'

/** Refuses with what the error says, if it was made for the peer; else with no detail. Without an error: the peer gave up. */
export function rejectOpen(open: IncomingOpen, error?: unknown): void {
  if (FakeSshError.is(error)) open.reject(error.code, error.message)
  else if (error === undefined) open.reject('ERR_FAKESSH_CANCELLED', 'the operation was cancelled')
  else open.reject('ERR_FAKESSH_INTERNAL', 'the server failed to start the operation')
}

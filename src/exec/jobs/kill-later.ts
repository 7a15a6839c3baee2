/** Ends a job that was given up while there was no connection. */
import type { ChannelOpener } from '../../connection/channel-opener.js'
import { FakeSshError } from '../../errors.js'
import type { JsonObject } from '../../protocol/messages.js'
import { askJobs } from './job-request.js'

/** Times that the server may fail to answer: because the connection is lost, or has no channel to spare. */
const MAX_ATTEMPTS = 10

/**
 * Sends the signal on the next connection there is, which also keeps the job from being started if it was not yet; gives up when there will be
 * none, or the server refuses. Never rejects.
 */
export async function killLater(opener: ChannelOpener, id: string, signal: JsonObject): Promise<void> {
  const { recovery } = opener
  if (recovery === undefined) return
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    try {
      await recovery.whenOpen()
      await askJobs(opener, 'signal', { job: id, ...signal, prevent: true }, {})
      return
    } catch (error) {
      const isUnanswered = FakeSshError.is(error) && error.code === 'ERR_FAKESSH_TIMEOUT'
      if (!isUnanswered && !recovery.isRecoverable(error)) return
    }
  }
}

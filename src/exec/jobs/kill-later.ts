/** Ends a job that was given up while there was no connection. */
import type { ChannelOpener } from '../../connection/channel-opener.js'
import type { JsonObject } from '../../protocol/messages.js'
import { askJobs } from './job-request.js'

/** Connections that may be lost before the server has answered. */
const MAX_ATTEMPTS = 10

/** Sends the signal on the next connection there is; gives up when there will be none, or the server refuses. Never rejects. */
export async function killLater(opener: ChannelOpener, id: string, signal: JsonObject): Promise<void> {
  const { recovery } = opener
  if (recovery === undefined) return
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    try {
      await recovery.whenOpen()
      await askJobs(opener, 'signal', { job: id, ...signal }, {})
      return
    } catch (error) {
      if (!recovery.isRecoverable(error)) return
    }
  }
}

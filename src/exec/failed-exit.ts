/** The end of an exec whose end the server failed to tell. */
import type { Channel } from '../connection/channel-handler.js'

/** Says so and closes. Never throws: it is called where nobody could catch, and an unhandled failure would end every connection. */
export function sendFailedExit(channel: Channel): void {
  const message = 'the server failed to follow the command to its end'
  try {
    channel.sendExit({ error: { code: 'ERR_FAKESSH_INTERNAL', message } })
    channel.close()
  } catch {
    abandon(channel)
  }
}

function abandon(channel: Channel): void {
  try {
    channel.abort()
  } catch {
    // The connection itself is broken, and reports that.
  }
}

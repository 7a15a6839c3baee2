/** One request about the jobs of a user, on a channel of its own (docs/protocol.md, 7.5). */
import type { Channel, ChannelHandler } from '../../connection/channel-handler.js'
import type { ChannelOpener } from '../../connection/channel-opener.js'
import { ConnectionError, FakeSshError } from '../../errors.js'
import type { OperationOptions } from '../../options.js'
import type { JsonObject } from '../../protocol/messages.js'
import { ANSWER_TIMEOUT_MS } from '../bounded-wait.js'
import { ExecDeadline } from '../exec-deadline.js'
import { boundsOf } from '../exec-options.js'

/** Rejects with the server's refusal, ERR_FAKESSH_TIMEOUT (without `timeoutMs` after 30,000 ms), `signal.reason`, or the end of the connection. */
export async function askJobs(
  opener: ChannelOpener,
  type: string,
  params: JsonObject,
  options: OperationOptions,
): Promise<JsonObject> {
  const { signal, timeoutMs = ANSWER_TIMEOUT_MS } = boundsOf(options)
  signal?.throwIfAborted()
  let channel: Channel | undefined
  let deadline: ExecDeadline | undefined
  try {
    return await new Promise((resolve, reject) => {
      deadline = new ExecDeadline(
        { signal, timeoutMs },
        {
          onAbort: reject,
          onTimeout: () =>
            reject(failure('ERR_FAKESSH_TIMEOUT', `${type}: no answer within ${timeoutMs} ms`)),
        },
      )
      if (options.timeoutMs === undefined) deadline.unref()
      const handler: ChannelHandler = {
        onOpened: () => void channel?.request(type, params).then(resolve, reject),
        onData() {},
        onEof() {},
        onClosed: (error) =>
          reject(error ?? failure('ERR_FAKESSH_CANCELLED', `${type}: the server closed the channel`)),
      }
      channel = opener.open('jobs', {}, [], handler)
    })
  } catch (error) {
    // The peer's message does not say what it was about.
    if (FakeSshError.is(error) && error.op === undefined) {
      // Whether it is an end of our own connection has to remain to be seen.
      const Failure = ConnectionError.is(error) ? ConnectionError : FakeSshError
      throw new Failure(error.code, error.message, { op: 'jobs', host: error.host, cause: error })
    }
    throw error
  } finally {
    deadline?.stop()
    channel?.abort()
  }
}

function failure(code: string, message: string): FakeSshError {
  return new FakeSshError(code, message, { op: 'jobs' })
}

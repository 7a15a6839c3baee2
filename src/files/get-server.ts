/** The server's half of `get` (docs/protocol.md, section 7.3). */
import type { IncomingOpen } from '../connection/channel-handler.js'
import type { FakeSshError } from '../errors.js'
import { type FileServiceDeps, refuse, trackOpen } from './file-service.js'
import type { SourceFile } from './file-system.js'
import { type GetParams, parseGetParams } from './messages.js'
import { cancelledByPeer, failureOf, type Proof } from './proof.js'
import { sendSource } from './send-source.js'

/** Serves one `get` that has been permitted. Settles when it is over and its channel closed; never rejects. */
export async function serveGet(open: IncomingOpen, deps: FileServiceDeps): Promise<void> {
  const tracker = trackOpen('get', open, deps)
  const { channel } = open
  let params: GetParams
  let source: SourceFile | undefined
  try {
    params = parseGetParams(open.params)
    source = await deps.fileSystem.openSource(params.path)
    if (open.signal.aborted) throw cancelledByPeer()
  } catch (error) {
    await source?.close()
    refuse(open, tracker, error)
    return
  }

  const { size, mode, mtimeMs } = source.facts
  const { meter } = tracker
  const closed = new Promise<FakeSshError | undefined>((resolve) => {
    open.accept({ size, mode, mtimeMs }, [], {
      // We offered no window, so the core lets nothing through.
      onData: () => undefined,
      onEof: () => undefined,
      onAcknowledged: (_stream, consumed) => meter.setAcknowledged(consumed),
      onClosed: resolve,
    })
  })
  tracker.started(size)

  let proof: Proof | undefined
  let failure: unknown
  try {
    const onSent = (bytes: number) => meter.addTransferred(bytes)
    proof = await sendSource(source, channel, { algorithm: params.algorithm, onSent })
  } catch (error) {
    failure = channel.isClosed ? cancelledByPeer() : error
    channel.sendCommit({ error: failureOf(error) })
  }
  await source.close()

  // The opener compares before it closes. Whether it was content it does not say, so a CLOSE after our COMMIT counts as yes.
  const lost = await closed
  channel.close()
  if (proof && !lost) tracker.finished(proof, { mode, mtimeMs })
  else tracker.failed(lost ?? failure)
}

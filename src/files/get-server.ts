/** The server's half of `get` (docs/protocol.md, section 7.3). */
import type { IncomingOpen } from '../connection/channel-handler.js'
import type { FakeSshError } from '../errors.js'
import { Digest } from './digest.js'
import { digestBytes } from './digest-prefix.js'
import { type FileServiceDeps, refuse, trackOpen } from './file-service.js'
import type { SourceFile } from './file-system.js'
import { type GetParams, type HeldPrefix, parseGetParams } from './messages.js'
import { cancelledByPeer, failureOf, type Proof } from './proof.js'
import { type Prefix, sendSource } from './send-source.js'

/** Serves one `get` that has been permitted. Settles when it is over and its channel closed; never rejects. */
export async function serveGet(open: IncomingOpen, deps: FileServiceDeps): Promise<void> {
  const tracker = trackOpen('get', open, deps)
  const { channel } = open
  let params: GetParams
  let source: SourceFile | undefined
  let had: Prefix | undefined
  try {
    params = parseGetParams(open.params)
    const { path, offset, length, have } = params
    source = await deps.fileSystem.openSource(path, { offset, length })
    if (have !== undefined) had = await compare(source, params, have, deps, open.signal)
    if (open.signal.aborted) throw cancelledByPeer()
  } catch (error) {
    await source?.close()
    refuse(open, tracker, open.signal.aborted ? cancelledByPeer() : error)
    return
  }

  const { size, mode, mtimeMs } = source.facts
  const { algorithm, offset = 0, length = Number.POSITIVE_INFINITY } = params
  const start = had?.bytes ?? 0
  const { meter } = tracker
  const closed = new Promise<FakeSshError | undefined>((resolve) => {
    open.accept({ size, mode, mtimeMs, start }, [], {
      // We offered no window, so the core lets nothing through.
      onData: () => undefined,
      onEof: () => undefined,
      onAcknowledged: (_stream, consumed) => meter.setAcknowledged(start + consumed),
      onClosed: resolve,
    })
  })
  tracker.started(Math.min(Math.max(0, size - offset), length), start)

  let proof: Proof | undefined
  let failure: unknown
  try {
    const onSent = (bytes: number) => meter.addTransferred(bytes)
    proof = await sendSource(source, channel, { algorithm, had, onSent })
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

/** What the opener has, if it is the beginning of what is asked for; otherwise the source is at its start again. */
async function compare(
  source: SourceFile,
  { algorithm, offset = 0, length = Number.POSITIVE_INFINITY }: GetParams,
  { bytes, digest: theirs }: HeldPrefix,
  { digests, user }: FileServiceDeps,
  signal: AbortSignal,
): Promise<Prefix | undefined> {
  // There is nothing to read for it.
  if (bytes > Math.min(source.facts.size - offset, length)) return undefined
  const digest = new Digest(algorithm)
  const read = (into: Uint8Array) => source.read(into)
  const count = await digests.during(user, signal, () => digestBytes(read, bytes, digest, signal))
  if (count === bytes && digest.hexSoFar() === theirs) return { bytes, digest }
  source.rewind()
  return undefined
}

/** A Connection whose raw peer has confirmed a channel. */
import { frames } from './frames.js'
import { type RawSetup, rawConnected } from './raw-peer.js'
import { RecordingHandler } from './recording-handler.js'

/** A channel of ours, confirmed by the peer, that both may send 100 bytes on. */
export async function openedChannel(
  handler = new RecordingHandler(),
): Promise<RawSetup & { handler: RecordingHandler; id: number }> {
  const raw = await rawConnected({ role: 'client' })
  handler.channel = raw.connection.open('test', {}, [100], handler)
  const { channel: id } = await raw.peer.next('OPEN')
  raw.peer.send(frames.openOk(id, [100]))
  await handler.opened
  return { ...raw, handler, id }
}

/** The next bytes of a transport, however it gives them. */
import { once } from 'node:events'
import type { Transport } from '../../src/transport/transport.js'

export async function nextBytes({ stream, setReceiver }: Transport): Promise<Buffer> {
  if (setReceiver === undefined) return ((await once(stream, 'data')) as [Buffer])[0]
  return new Promise((resolve) => setReceiver((bytes) => resolve(Buffer.from(bytes))))
}

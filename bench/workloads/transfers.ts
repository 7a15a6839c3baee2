/** Files there and back: one, many at once, and many small ones. */
import type { Direction, FileClient, LibraryClient } from '../clients/remote-client.js'
import { timed } from './timed.js'

/** A file at both ends. */
export interface FilePair {
  readonly remote: string
  readonly local: string
}

export interface AtOnce {
  readonly ms: number
  /** Bytes of the slowest and of the fastest when the first had finished, as multiples of the mean. */
  readonly smallestShare: number
  readonly largestShare: number
}

export function transferOne(
  client: FileClient,
  direction: Direction,
  { remote, local }: FilePair,
): Promise<number> {
  return timed(() => (direction === 'get' ? client.get(remote, local) : client.put(local, remote)))
}

export async function transferAtOnce(
  client: LibraryClient,
  direction: Direction,
  pairs: readonly FilePair[],
): Promise<AtOnce> {
  let shares: number[] = []
  const ms = await timed(async () => {
    const transfers = await Promise.all(
      pairs.map(({ remote, local }) => client.start(direction, remote, local)),
    )
    await Promise.race(transfers.map(({ done }) => done))
    shares = transfers.map((transfer) => transfer.transferredBytes())
    await Promise.all(transfers.map(({ done }) => done))
  })
  const mean = shares.reduce((sum, bytes) => sum + bytes, 0) / shares.length
  return { ms, smallestShare: Math.min(...shares) / mean, largestShare: Math.max(...shares) / mean }
}

/** Reads small files whole, all at once or one after the other. Milliseconds. */
export function readSmall(
  client: LibraryClient,
  names: readonly string[],
  bytesEach: number,
  order: 'at once' | 'in sequence',
): Promise<number> {
  const read = async (name: string) => {
    const { length } = await client.read(name)
    if (length !== bytesEach) throw new Error(`'${name}' has ${length} bytes instead of ${bytesEach}`)
  }
  return timed(async () => {
    if (order === 'at once') await Promise.all(names.map(read))
    else for (const name of names) await read(name)
  })
}

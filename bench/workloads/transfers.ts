/** Files there and back: one, many at once, and many small ones. */
import type { Direction, FileClient, LibraryClient } from '../clients/remote-client.js'
import { timed } from './timed.js'

const LOOK_INTERVAL_MS = 5

/** A file at both ends. */
export interface FilePair {
  readonly remote: string
  readonly local: string
}

export interface AtOnce {
  readonly ms: number
  /** Bytes of the slowest and of the fastest when half of all had been moved, as multiples of the mean. */
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
  bytesEach: number,
): Promise<AtOnce> {
  let shares: number[] = []
  const ms = await timed(async () => {
    const transfers = await Promise.all(
      pairs.map(({ remote, local }) => client.start(direction, remote, local)),
    )
    const isHalfDone = (bytes: readonly number[]) => sum(bytes) >= (bytesEach * pairs.length) / 2
    const look = () => {
      const moved = transfers.map((transfer) => transfer.transferredBytes())
      if (shares.length === 0 && isHalfDone(moved)) shares = moved
    }
    const timer = setInterval(look, LOOK_INTERVAL_MS)
    try {
      await Promise.all(transfers.map(({ done }) => done))
    } finally {
      clearInterval(timer)
    }
    look()
  })
  const mean = sum(shares) / shares.length
  return { ms, smallestShare: Math.min(...shares) / mean, largestShare: Math.max(...shares) / mean }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** Reads a file to nowhere. */
export async function readAll(client: LibraryClient, remote: string, bytes: number): Promise<void> {
  const transfer = await client.start('get', remote, '/dev/null')
  await transfer.done
  const moved = transfer.transferredBytes()
  if (moved !== bytes) throw new Error(`${moved} bytes arrived instead of ${bytes}`)
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

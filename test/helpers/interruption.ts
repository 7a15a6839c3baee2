/** A transfer that gets part of the way, and one that comes after it. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { FakeSshClient, type PathTransferOptions, type TransferReceipt } from '../../src/index.js'
import { type Faults, faultProxy } from '../../src/testing/index.js'
import { outcomeOf } from './operations.js'
import { type Served, type ServedOptions, served } from './served.js'

/** Several times what is worth while to keep. */
export const SIZE = 8_000_000

export type Direction = 'upload' | 'download'

export interface Interruptible {
  readonly all: Served
  readonly content: Buffer
  /** Directory of the source, and of the target with its temporary files. */
  readonly from: string
  readonly to: string
  /** The one temporary file there is. */
  part(): string
  /** Runs to its end over a connection with faults in the direction of the file; a number cuts it after so many bytes. */
  transfer(faults?: number | Faults, options?: PathTransferOptions): Promise<TransferReceipt>
  /** Is cut, and leaves a part. */
  interrupt(cutAfterBytes?: number): Promise<void>
  /** What the target holds. */
  result(): Buffer
}

export async function interruptible(
  direction: Direction,
  options: ServedOptions = {},
): Promise<Interruptible> {
  const all = await served({ transport: 'tls', keepsParts: true, ...options })
  const content = randomBytes(SIZE)
  const [from, to] = direction === 'upload' ? [all.local, all.root] : [all.root, all.local]
  const self: Interruptible = {
    all,
    content,
    from,
    to,
    part: () => {
      const [name, ...others] = all.leftovers()
      if (name === undefined || others.length > 0) throw new Error(`not one part: ${all.leftovers()}`)
      return join(to, name)
    },
    transfer: async (faults, more) => {
      const { client, close } = await through(all, direction, faults)
      try {
        return direction === 'upload'
          ? await client.upload(join(from, 'file'), 'copy', more)
          : await client.download('file', join(to, 'copy'), more)
      } finally {
        await close()
      }
    },
    interrupt: async (cutAfterBytes = SIZE / 2) => {
      const before = all.events('disconnect').length
      const { isSuccess } = await outcomeOf(self.transfer(cutAfterBytes))
      if (isSuccess) throw new Error('it was not interrupted')
      // At the server the file is kept before the transfer counts as over.
      while (all.events('disconnect').length === before || !isOver(all)) await new Promise(setImmediate)
    },
    result: () => readFileSync(join(to, 'copy')),
  }
  writeFileSync(join(from, 'file'), content)
  return self
}

function isOver(all: Served): boolean {
  const phases = all.events('transfer').map(({ phase }) => phase)
  return (
    phases.filter((phase) => phase === 'end').length >= phases.filter((phase) => phase === 'start').length
  )
}

async function through(all: Served, direction: Direction, faults: number | Faults = {}) {
  const target = all.server.connectionString('test')
  const cut = typeof faults === 'number' ? { cut: { afterBytes: faults, how: 'end' as const } } : faults
  const proxy = await faultProxy({
    target: { port: Number(new URL(target).port) },
    [direction === 'upload' ? 'up' : 'down']: cut,
  })
  const client = await FakeSshClient.connect(proxy.connectionString(target))
  const close = async () => {
    await client.close({ drainMs: 0 })
    await proxy.close()
  }
  onTestFinished(close)
  return { client, close }
}

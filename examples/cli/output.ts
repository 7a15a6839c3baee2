/** Joins a remote command's output to ours. */
import { finished } from 'node:stream/promises'
import type { ExecProcess, ExecResult } from 'fake-ssh'

export interface ShownOutput {
  readonly result: ExecResult
  /** False when the last line of the output was not ended. */
  readonly isAtLineStart: boolean
}

/**
 * Passes output on byte by byte, as it comes, until the command has ended. A slow reader of ours slows the remote command down.
 * Rejects when the command could not be run to its end.
 */
export async function showOutput(command: ExecProcess): Promise<ShownOutput> {
  let last: number | undefined
  const watch = (chunk: Buffer) => {
    last = chunk.at(-1)
  }
  command.on('data', watch).pipe(process.stdout, { end: false })
  command.stderr.on('data', watch).pipe(process.stderr, { end: false })
  const [result] = await Promise.all([
    command.result,
    finished(command, { writable: false }),
    finished(command.stderr),
  ])
  return { result, isAtLineStart: last === undefined || last === 0x0a }
}

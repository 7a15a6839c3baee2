/** Copies one file, with a progress bar, and tells what was proved. */
import { stat } from 'node:fs/promises'
import { basename, join, posix } from 'node:path'
import { escapeText, type FakeSshClient, type TransferReceipt } from 'fake-ssh'
import { byteSize } from '../common/byte-size.js'
import { progressBar } from '../common/progress-bar.js'
import { UsageError } from './failure.js'

/** Copies `remote` to this machine. The local name is the user's choice or the last part of what the user typed; never the server's. */
export async function getFile(
  client: FakeSshClient,
  remote: string,
  local: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const target = await localTarget(remote, local)
  const bar = progressBar(remote)
  try {
    const receipt = await client.download(remote, target, { signal, preserve: true, onProgress: bar.update })
    return receiptLine(remote, target, receipt)
  } finally {
    bar.stop()
  }
}

/** Copies `local` to the server. */
export async function putFile(
  client: FakeSshClient,
  local: string,
  remote: string,
  signal: AbortSignal,
): Promise<string> {
  const bar = progressBar(local)
  try {
    const receipt = await client.upload(local, remote, { signal, preserve: true, onProgress: bar.update })
    return receiptLine(local, remote, receipt)
  } finally {
    bar.stop()
  }
}

/** Where a file goes that is given no other name, or only a directory. */
async function localTarget(remote: string, local: string | undefined): Promise<string> {
  if (local !== undefined && !(await isDirectory(local))) return local
  return join(local ?? '.', lastPart(remote, posix.basename(remote)))
}

/** Likewise on the server, where a directory is one that ends in a slash. */
export function remoteTarget(local: string, remote: string | undefined): string {
  if (remote !== undefined && !remote.endsWith('/')) return remote
  return `${remote ?? ''}${lastPart(local, basename(local))}`
}

function lastPart(path: string, name: string): string {
  if (name === '' || name === '.' || name === '..') throw new UsageError(`'${path}' names no file`)
  return name
}

async function isDirectory(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined)
  return facts?.isDirectory() === true
}

function receiptLine(from: string, to: string, receipt: TransferReceipt): string {
  const { bytes, algorithm, digest, durationMs } = receipt
  const seconds = (durationMs / 1000).toFixed(2)
  return `${escapeText(from)} -> ${escapeText(to)}  ${byteSize(bytes)} in ${seconds} s  ${algorithm} ${digest}\n`
}

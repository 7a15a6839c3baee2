/** Prints what an upload and a download tell while they run. See README.md. */
import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { TransferChecksum, TransferProgress } from 'fake-ssh'
import { byteSize } from '../common/byte-size.js'
import { withLoopback } from '../common/loopback.js'

const FILE_BYTES = 64 * 1024 * 1024

function progressLine({
  transferred,
  acknowledged,
  total,
  percent,
  bytesPerSecond,
  etaMs,
}: TransferProgress) {
  const share = percent === undefined ? '?' : `${percent.toFixed(0)} %`
  const size = total === undefined ? '' : ` of ${byteSize(total)}`
  const left = etaMs === undefined ? '' : `, ${(etaMs / 1000).toFixed(1)} s left`
  return `progress  ${share.padStart(5)}  transferred ${byteSize(transferred)}${size}, arrived ${byteSize(acknowledged)}, ${byteSize(bytesPerSecond)}/s${left}`
}

function checksumLine({ algorithm, local, remote, match }: TransferChecksum): string {
  return `checksum  ${algorithm} here ${local.slice(0, 16)}… there ${remote.slice(0, 16)}…  ${match ? 'match' : 'DIFFER'}`
}

await withLoopback(async ({ client, directory }) => {
  const source = join(directory, 'source.bin')
  await writeFile(source, randomBytes(FILE_BYTES))

  console.log('upload, path to path: progress by a callback, checksums by the client')
  client.on('checksum', (event) => console.log(`${checksumLine(event)}  (client: ${event.op} ${event.path})`))
  const receipt = await client.upload(source, 'uploaded.bin', {
    onProgress: (progress) => console.log(progressLine(progress)),
  })
  console.log(`receipt   ${receipt.bytes} bytes, ${receipt.algorithm} ${receipt.digest}`)

  console.log('\ndownload, as a stream: everything by events of the stream')
  const download = client.get('uploaded.bin', { algorithm: 'blake2b512' })
  download.on('metadata', ({ size, mode }) =>
    console.log(`metadata  ${size} bytes, mode ${mode.toString(8)}`),
  )
  download.on('progress', (progress) => console.log(progressLine(progress)))
  download.on('checksum', (checksum) => console.log(checksumLine(checksum)))
  await pipeline(download, createWriteStream(join(directory, 'downloaded.bin')))
  const { bytes, algorithm, digest } = await download.result
  console.log(`receipt   ${bytes} bytes, ${algorithm} ${digest}`)
})

/** The other half of the demo: what goes wrong says so, and changes nothing. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { escapeText, FakeSshError, type TransferChecksum } from 'fake-ssh'
import { connectedPair } from 'fake-ssh/testing'
import type { Report } from './report.js'
import type { Stage } from './stage.js'

const MARKER = Buffer.from('the number is 1000')

/** One bit of one byte: 1000 becomes 3000. */
const FLIPPED_BIT = { at: MARKER.indexOf('1000'), bits: [0x02] }

/** The CRC's own polynomial: added to any message it leaves its CRC-32 as it was. Only a real digest sees this damage. */
const CRC_BLIND = { at: 0, bits: [0x41, 0x06, 0x71, 0xdb, 0x01] }

export async function missingFile(report: Report, { client, local }: Stage): Promise<void> {
  report.section('A file that does not exist')
  report.line('get no-such-file')
  const failure = await failureOf(client.download('no-such-file', join(local, 'copy')))
  report.line(`${failure.code}: ${escapeText(failure.message)}`)
  report.check('the error has the code of the remote system', failure.code === 'ENOENT')
  report.check('nothing was written here', !(await readdir(local)).includes('copy'))
}

/**
 * TLS would refuse damaged bytes before fake-ssh sees them. So this connection has none: both ends are in this process, and between
 * them sits something that damages what passes.
 */
export async function damagedTransfers(report: Report, { remote, local }: Stage): Promise<void> {
  report.section('Damage on the way (without TLS, which would notice it first)')
  const [target, copy] = [join(remote, 'report.txt'), join(local, 'report.txt')]

  await writeFile(target, 'the old report\n')
  report.line('put report.txt, and one bit flips between the ends')
  const upload = await damaged(remote, FLIPPED_BIT, (pair) => {
    const put = pair.client.put('report.txt')
    put.end(`the new report: ${MARKER}\n`)
    return put.result
  })
  report.line(`${upload.failure.code}: ${escapeText(upload.failure.message)}`)
  report.check('it was refused', upload.failure.code === 'ERR_FAKESSH_PROTOCOL')
  report.check('the old file is untouched', (await readFile(target, 'utf8')) === 'the old report\n')

  await writeFile(target, `the new report: ${MARKER}\n`)
  await writeFile(copy, 'the old copy\n')
  report.line('get report.txt, and five bytes change so that no CRC-32 notices')
  const download = await damaged(remote, CRC_BLIND, ({ client }) => client.download('report.txt', copy))
  report.line(`${download.failure.code}: ${escapeText(download.failure.message)}`)
  for (const { local: here, remote: there } of download.checksums) {
    report.line(`sha256 of what was sent  ${there}`)
    report.line(`sha256 of what arrived   ${here}`)
  }
  report.check('the digest refused it', download.failure.code === 'ERR_FAKESSH_DIGEST_MISMATCH')
  report.check('the old copy is untouched', (await readFile(copy, 'utf8')) === 'the old copy\n')
}

type Damage = typeof CRC_BLIND
type Pair = Awaited<ReturnType<typeof connectedPair>>

/** Runs a transfer over a connection that does such damage wherever the marker passes. */
async function damaged(root: string, damage: Damage, transfer: (pair: Pair) => Promise<unknown>) {
  const intercept = (bytes: Buffer) => {
    const found = bytes.indexOf(MARKER)
    for (const [index, bits] of found === -1 ? [] : damage.bits.entries()) {
      const at = found + damage.at + index
      bytes.writeUInt8(bytes.readUInt8(at) ^ bits, at)
    }
    return bytes
  }
  const checksums: TransferChecksum[] = []
  await using pair = await connectedPair({ user: { root }, intercept })
  const serverIsDone = new Promise<void>((resolve) => {
    pair.server.on('transfer', ({ phase }) => phase === 'end' && resolve())
  })
  pair.client.on('checksum', (checksum) => checksums.push(checksum))
  const failure = await failureOf(transfer(pair))
  await serverIsDone
  return { failure, checksums }
}

async function failureOf(operation: Promise<unknown>): Promise<FakeSshError> {
  try {
    await operation
  } catch (error) {
    if (FakeSshError.is(error)) return error
    throw error
  }
  return new FakeSshError('none', 'it succeeded, which it should not have')
}

/** The first half of the demo: a program travels to the server, runs there, and travels back. */
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { escapeText, type FakeSshClient, type TransferChecksum } from 'fake-ssh'
import { byteSize } from '../common/byte-size.js'
import type { Report } from './report.js'
import type { Stage } from './stage.js'

/** What the uploaded copy is made to do: something on both outputs, with time between, and an exit code of its own. */
const COMMAND = `./node --version; ./node -e 'console.error("this line came over stderr"); setTimeout(() => {
  console.log("this one half a second later"); process.exit(7) }, 500)'`

/** Uploads the program that runs this demo. */
export async function uploadProgram(report: Report, { client }: Stage): Promise<void> {
  report.section('Upload the running node binary')
  report.line(`put ${process.execPath} node`)
  const checksum = nextChecksum(client)
  const bar = report.progress('node')
  // `preserve` keeps it executable.
  const upload = client.upload(process.execPath, 'node', { preserve: true, onProgress: bar.update })
  const receipt = await upload.finally(bar.stop)
  report.line(`${byteSize(receipt.bytes)} in ${(receipt.durationMs / 1000).toFixed(1)} s`)
  report.check('both ends computed the same sha256 while it travelled', (await checksum).match)
}

/** Runs it, and prints what it says at the time it says it. */
export async function runProgram(report: Report, { client }: Stage): Promise<void> {
  report.section('Run the uploaded copy on the server')
  report.line('$ ./node --version; ./node -e … (says something on both outputs, exits with 7)')
  const startedAt = performance.now()
  const lines: string[] = []
  const show = async (name: string, output: Readable) => {
    for await (const line of createInterface({ input: output })) {
      const ms = (performance.now() - startedAt).toFixed(0).padStart(5)
      report.line(`${ms} ms  ${name}  ${line}`)
      lines.push(line)
    }
  }
  const running = client.exec(COMMAND)
  running.end()
  const [{ exitCode }] = await Promise.all([
    running.result,
    show('stdout', running),
    show('stderr', running.stderr),
  ])
  report.line(`exit code ${exitCode}`)
  report.check(`the copy is node ${process.version}`, lines.includes(process.version))
  report.check('stdout, stderr and the exit code 7 arrived', lines.length === 3 && exitCode === 7)
}

/** Downloads it again, and has the server's own tools confirm what the library proved. */
export async function downloadProgram(report: Report, { client, local }: Stage): Promise<void> {
  report.section('Download it back')
  report.line('get node')
  const checksum = nextChecksum(client)
  const bar = report.progress('node')
  const download = client.download('node', join(local, 'node'), { onProgress: bar.update })
  const receipt = await download.finally(bar.stop)
  const { local: here, match } = await checksum
  const { stdout } = await client.run('sha256sum node 2>/dev/null || shasum -a 256 node')
  const [there = ''] = stdout.split(' ')
  report.line(`checksum event          ${here}`)
  report.line(`$ sha256sum node        ${escapeText(there)}`)
  report.check('they are the same', match && there === here && receipt.digest === here)
}

function nextChecksum(client: FakeSshClient): Promise<TransferChecksum> {
  return new Promise((resolve) => {
    client.once('checksum', resolve)
  })
}

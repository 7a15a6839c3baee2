/** Durable execs that print numbered lines, so that whoever reads them can say what is missing, twice or wrong. */
import type { ExecProcess, FakeSshClient, OutputGap } from '../../src/index.js'
import { until } from './processes.js'
import { turns } from './until.js'

/** Of ten digits. */
const FIRST = 1_000_000_000

const LINE_BYTES = 11

/** A command that prints about so many bytes, in lines of eleven, so that an offset says which line it is in. */
export const printLines = (bytes: number) => `seq ${FIRST} ${FIRST + Math.floor(bytes / LINE_BYTES) - 1}`

/** How many bytes that prints. */
export const bytesOfLines = (bytes: number) => LINE_BYTES * Math.floor(bytes / LINE_BYTES)

/** Reads to the end, and holds the lines after a gap against those that are to be there. */
export async function readLines(proc: ExecProcess) {
  const gaps: OutputGap[] = []
  let bytes = Buffer.alloc(0)
  let offset = 0
  let wrong: string | undefined
  proc.on('gap', (gap) => {
    gaps.push(gap)
    offset = gap.offset + gap.bytes
  })
  proc.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk])
    // To the start of a line.
    const skip = (LINE_BYTES - (offset % LINE_BYTES)) % LINE_BYTES
    if (bytes.length < skip) return
    let at = skip
    let line = FIRST + (offset + skip) / LINE_BYTES
    for (; at + LINE_BYTES <= bytes.length; at += LINE_BYTES, line += 1) {
      const got = bytes.toString('latin1', at, at + LINE_BYTES)
      if (got !== `${line}\n`) wrong ??= `line ${line}: ${got}`
    }
    offset += at
    bytes = bytes.subarray(at)
  })
  proc.resume()
  const result = await proc.result
  await until(() => proc.readableEnded)
  return { gaps, wrong, end: offset + bytes.length, rest: bytes.length, result }
}

export async function jobState(client: FakeSshClient, id: string | undefined) {
  return (await client.jobs()).find((job) => job.id === id)?.state
}

/** Waits until a job's command has ended. */
export async function untilJobEnded(client: FakeSshClient, id: string | undefined): Promise<void> {
  // Over a connection in memory, asking alone would not let the event loop get to files and programs.
  while ((await jobState(client, id)) !== 'exited') await turns(1)
}

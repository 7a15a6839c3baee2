/** A command that outlives its connection, beside the operations that tests of lost connections have in common. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { closed, OPERATIONS, type Operation, outcomeOf } from '../helpers/operations.js'

const DURABLE: Operation = {
  name: 'durable',
  proof: 'EXIT',
  commitsAtServer: false,
  prepare: () => {},
  target: () => undefined,
  async run(client, { root }, { content }) {
    const ran = `ran-${randomUUID()}`
    const proc = client.exec(`echo once >> ${ran}; cat; echo warned >&2; exit 3`, { durable: true })
    const outputs = Promise.all([outcomeOf(buffer(proc)), outcomeOf(text(proc.stderr))])
    proc.end(content)
    const [outcome, [stdout, stderr]] = await Promise.all([outcomeOf(proc.result), outputs, closed(proc)])
    if (!outcome.isSuccess) return outcome
    if (readFileSync(join(root, ran), 'utf8') !== 'once\n') throw new Error('it ran more than once')
    if (outcome.value.exitCode !== 3) throw new Error(`a wrong exit: ${outcome.value.exitCode}`)
    if (!stdout.isSuccess || !stdout.value.equals(content)) throw new Error('another stdout was called right')
    if (!stderr.isSuccess || stderr.value !== 'warned\n') throw new Error('another stderr was called right')
    return outcome
  },
}

/** Those of clients that get their connection back; without that a durable command is left running, as it is meant to be. */
export const RECONNECTING_OPERATIONS: readonly Operation[] = [...OPERATIONS, DURABLE]

/** What a server does, one line an event, on stderr. */
import { escapeText, type FakeSshServer, type ServerEventContext } from 'fake-ssh'
import { byteSize } from '../common/byte-size.js'
import { failureLine } from './failure.js'

export function logEvents(server: FakeSshServer): void {
  server.on('authenticated', (event) => log(event, 'connected'))
  server.on('disconnect', (event) =>
    log(event, event.error ? `lost: ${failureLine(event.error)}` : 'disconnected'),
  )
  server.on('exec', (event) => {
    const command = event.command ?? [event.file, ...(event.args ?? [])].join(' ')
    if (event.phase === 'start') log(event, `exec ${command}`)
    else if (event.phase === 'failed') log(event, `exec ${command}: ${failureLine(event.error)}`)
    else log(event, `exec ${command}: ${event.signal ?? event.exitCode ?? 'cancelled'}`)
  })
  server.on('transfer', (event) => {
    const { op, path, receipt, error } = event
    if (receipt)
      log(event, `${op} ${path}: ${byteSize(receipt.bytes)}, ${receipt.algorithm} ${receipt.digest}`)
    else if (error) log(event, `${op} ${path}: ${failureLine(error)}`)
  })
  server.on('denied', (event) =>
    log(event, `denied ${event.op} ${event.subject ?? ''}: ${failureLine(event.error)}`),
  )
  server.on('fault', ({ error, context }) => log(context, `fault: ${failureLine(error)}`))
}

/** Names and commands are the clients' choice: escaped, so that none can forge a line or play with the terminal. */
function log(event: ServerEventContext | undefined, what: string): void {
  const who = event ? `${event.peer.label} ${event.user ?? '-'}` : 'server'
  process.stderr.write(`${new Date().toISOString()} ${escapeText(`${who} ${what}`)}\n`)
}

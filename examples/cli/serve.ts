/** The server: says on stdout how to reach it, and on stderr what it does, until a signal ends it. */
import { realpath } from 'node:fs/promises'
import { type ExecPermission, FakeSshServer, generateToken } from 'fake-ssh'
import { numberOption, optionsAndWords } from './arguments.js'
import { UsageError } from './failure.js'
import { onSignals } from './interruption.js'
import { logEvents } from './server-log.js'

const OPTIONS = {
  root: { type: 'string', default: '.' },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '0' },
  user: { type: 'string', default: 'user' },
  exec: { type: 'string', default: 'shell' },
  'read-only': { type: 'boolean', default: false },
} as const

const PERMISSIONS = new Map<string, ExecPermission>([
  ['shell', 'shell'],
  ['argv', 'argv'],
  ['none', false],
])

export async function serveCommand(args: readonly string[]): Promise<number> {
  const { values } = optionsAndWords(args, OPTIONS, 0)
  const { root, host, user } = values
  const port = numberOption('port', values.port, 0, 65_535)
  const exec = PERMISSIONS.get(values.exec)
  if (exec === undefined) throw new UsageError(`--exec: expected shell, argv or none, got '${values.exec}'`)
  // A token of one's own lasts from one start to the next.
  const token = process.env.FAKESSH_TOKEN || generateToken()
  const permissions = { root: await realpath(root), readOnly: values['read-only'], exec }
  const server = new FakeSshServer({ users: { [user]: { token, ...permissions } } })
  logEvents(server)
  await server.listen({ host, port })
  const stopped = firstSignal()
  process.stdout.write(`${server.connectionString(user)}\n`)
  await stopped
  await server.close()
  return 0
}

/** A second one ends the process at once. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    const end = onSignals(() => {
      end()
      resolve()
    })
  })
}

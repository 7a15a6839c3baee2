/** The server of a soak, in a process of its own. */
import { FakeSshServer, generateToken } from 'fake-ssh'
import { serveMethods } from '../../bench/processes/serve-methods.js'
import { EXPIRY_MS, KEEPALIVE_MS } from '../timing.js'

let server: FakeSshServer | undefined
const faults: string[] = []
let connections = 0

const methods = {
  async listen(
    root: string,
    env: { readonly [name: string]: string },
  ): Promise<{ port: number; target: string }> {
    server = new FakeSshServer({
      users: { soak: { token: generateToken(), root, exec: 'shell' } },
      keepaliveIntervalMs: KEEPALIVE_MS,
      // Jobs that have ended count until they expire, and a quick machine ends a dozen a second.
      limits: { uploadExpiryMs: EXPIRY_MS, jobExpiryMs: EXPIRY_MS, maxJobs: 500 },
      env,
    })
    server.on('fault', ({ error }) => faults.push(String(error)))
    server.on('connection', () => {
      connections += 1
    })
    server.on('disconnect', () => {
      connections -= 1
    })
    const { port } = await server.listen()
    return { port, target: server.connectionString('soak') }
  },
  /** Those that it knows of. */
  connections: () => connections,
  /** What failed that no operation reports. */
  faults: () => faults,
  close: () => server?.close({ drainMs: 0 }),
}

export type ServerMethods = typeof methods

serveMethods(methods)

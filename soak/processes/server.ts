/** The server of a soak, in a process of its own. */
import { FakeSshServer, generateToken } from 'fake-ssh'
import { serveMethods } from '../../bench/processes/serve-methods.js'
import { KEEPALIVE_MS } from '../timing.js'

let server: FakeSshServer | undefined
const faults: string[] = []

const methods = {
  async listen(
    root: string,
    env: { readonly [name: string]: string },
  ): Promise<{ port: number; target: string }> {
    server = new FakeSshServer({
      users: { soak: { token: generateToken(), root, exec: 'shell' } },
      keepaliveIntervalMs: KEEPALIVE_MS,
      env,
    })
    server.on('fault', ({ error }) => faults.push(String(error)))
    const { port } = await server.listen()
    return { port, target: server.connectionString('soak') }
  },
  /** What failed that no operation reports. */
  faults: () => faults,
  close: () => server?.close({ drainMs: 0 }),
}

export type ServerMethods = typeof methods

serveMethods(methods)

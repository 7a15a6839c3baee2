/** Our server in a process of its own, serving one directory to one user by token. */
import { FakeSshServer, generateToken } from 'fake-ssh'
import { serveMethods } from './serve-methods.js'

const USER = 'bench'

const methods = {
  async listen(root: string, maxConnections: number): Promise<{ port: number; user: string; token: string }> {
    const token = generateToken()
    const server = new FakeSshServer({
      users: { [USER]: { token, root, exec: 'shell' } },
      limits: { maxConnections, maxUnauthenticated: maxConnections },
    })
    const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
    return { port, user: USER, token }
  },
}

export type FakeSshServerMethods = typeof methods

serveMethods(methods)

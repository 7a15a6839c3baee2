/** The server that comes with the `ssh2` package. It accepts anybody, and is only there to hold connections. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import ssh2 from 'ssh2'
import { serveMethods } from './serve-methods.js'

const methods = {
  async listen(hostKeyFile: string): Promise<{ port: number }> {
    const server = new ssh2.Server({ hostKeys: [readFileSync(hostKeyFile)] }, (client) => {
      client.on('authentication', (attempt) => attempt.accept())
      // Clients that go away without a word are how the row ends.
      client.on('error', () => {})
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { port: (server.address() as AddressInfo).port }
  },
}

export type Ssh2ServerMethods = typeof methods

serveMethods(methods)

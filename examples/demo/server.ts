/** The other process of the demo: serves one directory on loopback, until its parent is gone. */
import { FakeSshServer, generateToken } from 'fake-ssh'

const USER = 'demo'

const [root] = process.argv.slice(2)
if (root === undefined || process.send === undefined) throw new Error('to be started by main.ts')
const server = new FakeSshServer({ users: { [USER]: { token: generateToken(), root, exec: 'shell' } } })
server.on('fault', ({ error }) => console.error('server:', error))

// Ctrl-C reaches this process too. The parent decides when to end; should it die without deciding, this notices as well.
process.on('SIGINT', () => {})
process.once('disconnect', () => void server.close({ drainMs: 0 }))

await server.listen({ host: '127.0.0.1', port: 0 })
process.send(server.connectionString(USER))

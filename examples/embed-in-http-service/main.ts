/** An HTTP service with a fake-ssh server inside, for its operators. See README.md. */
import { generateToken } from 'fake-ssh'
import { operationsServer } from './operations.js'
import { GreetingService } from './service.js'

/** How long an operator's command may go on after SIGTERM. */
const DRAIN_MS = 2_000

const service = new GreetingService()
const operations = operationsServer(service, process.env.OPS_TOKEN || generateToken())
operations.on('exec', ({ phase, user, command, file, args = [] }) => {
  if (phase === 'start') console.error(`${user} runs ${JSON.stringify(command ?? [file, ...args])}`)
})
operations.on('fault', ({ error }) => console.error('operations:', error))

const httpPort = await service.listen(Number(process.env.PORT ?? 0))
await operations.listen({ port: Number(process.env.OPS_PORT ?? 0) })
async function shutDown(): Promise<void> {
  process.off('SIGTERM', shutDown)
  process.off('SIGINT', shutDown)
  console.error('shutting down')
  await Promise.all([service.close(), operations.close({ drainMs: DRAIN_MS })])
  // Nothing is left that could keep the process: it ends by itself.
  console.error('bye')
}
process.on('SIGTERM', shutDown)
process.on('SIGINT', shutDown)

console.log(`http://127.0.0.1:${httpPort}`)
console.log(operations.connectionString('ops'))

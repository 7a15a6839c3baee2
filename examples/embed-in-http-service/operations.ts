/** What operators may do to the running service: three commands, and nothing else. No shell, no programs, no files. */
import { once } from 'node:events'
import { type CommandContext, type CommandHandler, FakeSshServer } from 'fake-ssh'
import type { GreetingService } from './service.js'

/** As in sysexits.h: the command was used in a wrong way. */
const EX_USAGE = 64

export function operationsServer(service: GreetingService, token: string): FakeSshServer {
  const commands: { [name: string]: CommandHandler } = {
    'app:status': ({ stdout }) => {
      stdout.write(`${JSON.stringify(service.status)}\n`)
    },
    'app:maintenance': ({ args, stdout, stderr }) => {
      const [wanted] = args
      if (wanted !== 'on' && wanted !== 'off') {
        stderr.write('usage: app:maintenance on|off\n')
        return EX_USAGE
      }
      service.isInMaintenance = wanted === 'on'
      stdout.write(`maintenance is ${wanted}\n`)
      return 0
    },
    'app:tail': (context) => tail(service, context),
  }
  return new FakeSshServer({
    users: { ops: { token, exec: { allow: Object.keys(commands) } } },
    commands,
  })
}

/** Requests as they come, until whoever watches has seen enough. */
async function tail(service: GreetingService, { stdout, signal }: CommandContext): Promise<void> {
  const show = (line: string) => {
    // Somebody who reads slowly misses lines, rather than filling the memory of the service.
    if (!stdout.writableNeedDrain) stdout.write(`${line}\n`)
  }
  service.on('request', show)
  stdout.write('watching\n')
  if (!signal.aborted) await once(signal, 'abort')
  service.off('request', show)
}

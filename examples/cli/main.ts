/** fakessh: serve, exec, get, put, and a prompt. See README.md. */
import { FakeSshClient } from 'fake-ssh'
import { leadingOptions } from './arguments.js'
import { execCommand, getCommand, putCommand } from './commands.js'
import { EXIT_FAILED, signalExitCode } from './exit-codes.js'
import { reportFailure, UsageError } from './failure.js'
import { promptCommand } from './prompt.js'
import { serveCommand } from './serve.js'

const USAGE = `usage:
  fakessh serve [--root DIR] [--host HOST] [--port PORT] [--user NAME] [--exec shell|argv|none] [--read-only]
  fakessh [--url URL] exec [--cwd DIR] [--timeout SECONDS] 'COMMAND LINE'
  fakessh [--url URL] exec [--cwd DIR] [--timeout SECONDS] PROGRAM ARGUMENT...
  fakessh [--url URL] get REMOTE [LOCAL]
  fakessh [--url URL] put LOCAL [REMOTE]
  fakessh [--url URL] [shell]

URL is what serve prints, fakessh://user:token@host:port. Better in the environment variable FAKESSH_URL: everybody
on a machine can see the arguments of a program.
`

const CLIENT_COMMANDS = new Map([
  ['exec', execCommand],
  ['get', getCommand],
  ['put', putCommand],
  ['shell', promptCommand],
])

async function main(args: readonly string[]): Promise<number> {
  const { values, rest } = leadingOptions(args, { url: { type: 'string' }, help: { type: 'boolean' } })
  const [name = 'shell', ...commandArgs] = rest
  if (values.help === true) {
    process.stdout.write(USAGE)
    return 0
  }
  if (name === 'serve') return serveCommand(commandArgs)
  const understand = CLIENT_COMMANDS.get(name)
  if (understand === undefined) throw new UsageError(`'${name}' is no command; --help lists them`)
  const command = understand(commandArgs)
  const url = values.url ?? process.env.FAKESSH_URL
  if (!url) throw new UsageError('no server: set FAKESSH_URL, or give --url')
  await using client = await FakeSshClient.connect(url)
  return await command(client)
}

// Whoever read our output is gone, as in `fakessh exec … | head -1`. A lost connection ends the remote command.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', ({ code }: NodeJS.ErrnoException) =>
    process.exit(code === 'EPIPE' ? signalExitCode('SIGPIPE') : EXIT_FAILED),
  )
}
process.exitCode = await main(process.argv.slice(2)).catch(reportFailure)

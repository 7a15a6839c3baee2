/** The commands that do one thing and end: `exec`, `get`, `put`. */
import type { FakeSshClient } from 'fake-ssh'
import { leadingOptions, numberOption, optionsAndWords } from './arguments.js'
import { exitCodeOf } from './exit-codes.js'
import { UsageError } from './failure.js'
import { interruptCommand, interruptTransfer, onSignals } from './interruption.js'
import { showOutput } from './output.js'
import { getFile, putFile, remoteTarget } from './transfer.js'

/** What is left to do once the arguments were understood and there is a connection. Resolves with the exit code. */
export type ClientCommand = (client: FakeSshClient) => Promise<number>

/** Longest `--timeout`, in seconds: what a timer can hold. */
const MAX_TIMEOUT_S = 2_147_483

/** One word is a command line for the remote shell; more are a program and its arguments, which nothing splits or expands. */
export function execCommand(args: readonly string[]): ClientCommand {
  const { values, rest } = leadingOptions(args, { cwd: { type: 'string' }, timeout: { type: 'string' } })
  const [command, ...words] = rest
  if (!command) throw new UsageError('exec: which command?')
  const seconds = numberOption('timeout', values.timeout, 1, MAX_TIMEOUT_S)
  const options = { cwd: values.cwd, timeoutMs: seconds && seconds * 1000 }
  return async (client) => {
    const running = words.length === 0 ? client.exec(command, options) : client.exec(command, words, options)
    const endSignals = onSignals(interruptCommand(running))
    process.stdin.pipe(running)
    try {
      const { result } = await showOutput(running)
      return exitCodeOf(result)
    } finally {
      endSignals()
      // Or a terminal that is still read would keep this program running.
      process.stdin.unpipe(running)
      process.stdin.destroy()
    }
  }
}

export function getCommand(args: readonly string[]): ClientCommand {
  const [remote, local] = fileNames('get', args)
  return (client) => transfer((signal) => getFile(client, remote, local, signal))
}

export function putCommand(args: readonly string[]): ClientCommand {
  const [local, remote] = fileNames('put', args)
  const target = remoteTarget(local, remote)
  return (client) => transfer((signal) => putFile(client, local, target, signal))
}

function fileNames(command: string, args: readonly string[]): [from: string, to: string | undefined] {
  const { words } = optionsAndWords(args, {}, 2)
  const [from, to] = words
  if (!from) throw new UsageError(`${command}: which file?`)
  return [from, to]
}

async function transfer(start: (signal: AbortSignal) => Promise<string>): Promise<number> {
  const controller = new AbortController()
  const endSignals = onSignals(interruptTransfer(controller))
  try {
    process.stdout.write(await start(controller.signal))
    return 0
  } finally {
    endSignals()
  }
}

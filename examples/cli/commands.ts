/** The commands that do one thing and end: `exec`, `get`, `put`. Each returns the exit code. */
import type { FakeSshClient } from 'fake-ssh'
import { leadingOptions, numberOption, optionsAndWords } from './arguments.js'
import { exitCodeOf } from './exit-codes.js'
import { UsageError } from './failure.js'
import { interruptCommand, interruptTransfer, onSignals } from './interruption.js'
import { showOutput } from './output.js'
import { getFile, putFile, remoteTarget } from './transfer.js'

/** Longest `--timeout`, in seconds: what a timer can hold. */
const MAX_TIMEOUT_S = 2_147_483

/** One word is a command line for the remote shell; more are a program and its arguments, which nothing splits or expands. */
export async function execCommand(client: FakeSshClient, args: readonly string[]): Promise<number> {
  const { values, rest } = leadingOptions(args, { cwd: { type: 'string' }, timeout: { type: 'string' } })
  const [command, ...words] = rest
  if (command === undefined) throw new UsageError('exec: which command?')
  const seconds = numberOption('timeout', values.timeout, 1, MAX_TIMEOUT_S)
  const options = { cwd: values.cwd, timeoutMs: seconds && seconds * 1000 }
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

export async function getCommand(client: FakeSshClient, args: readonly string[]): Promise<number> {
  const { words } = optionsAndWords(args, {}, 2)
  const [remote, local] = words
  if (remote === undefined) throw new UsageError('get: which file?')
  return transfer((signal) => getFile(client, remote, local, signal))
}

export async function putCommand(client: FakeSshClient, args: readonly string[]): Promise<number> {
  const { words } = optionsAndWords(args, {}, 2)
  const [local, remote] = words
  if (local === undefined) throw new UsageError('put: which file?')
  return transfer((signal) => putFile(client, local, remoteTarget(local, remote), signal))
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

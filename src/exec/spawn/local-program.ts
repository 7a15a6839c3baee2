/** Starts a program as a child of this process: the way that works everywhere, and costs more the larger this process is. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { Program, ProgramExit, ProgramStart } from './program.js'

/** Rejects with the error of the operating system (`code`, `errno`) when it could not be started. */
export async function startLocally(start: ProgramStart): Promise<Program> {
  const child = spawn(start.file, start.args, {
    cwd: start.cwd,
    env: start.env,
    detached: process.platform !== 'win32',
    windowsHide: true,
    windowsVerbatimArguments: start.isVerbatim === true,
    stdio: start.hasStatePipe === true ? ['pipe', 'pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe'],
    ...(start.name === undefined ? {} : { argv0: start.name }),
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    // Never taken off: a later 'error' says only that a signal could not be delivered, which the sender sees itself.
    child.on('error', reject)
  })
  return localProgram(child)
}

/** Of a child whose 'spawn' has just been emitted. */
function localProgram(child: ChildProcess): Program {
  const [stdin, stdout, stderr, state] = child.stdio
  return {
    pid: child.pid as number,
    stdin: stdin as Writable,
    stdout: stdout as Readable,
    stderr: stderr as Readable,
    state: (state as Readable | null | undefined) ?? undefined,
    exited: new Promise<ProgramExit>((resolve) => {
      child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }))
    }),
    signalAlone: (signal) => child.kill(signal),
  }
}

/** A process of its own that runs one of test/fixtures and answers calls, so that memory, handles and crashes can be told apart. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { CallMessage, Reply } from '../fixtures/answer-calls.js'

export interface ChildPeer {
  readonly pid: number
  /** Runs a function that the fixture offers; rejects with what it threw, and when the process ends first. */
  call<Result>(name: string, ...args: unknown[]): Promise<Result>
  /** How it ended. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  /** What it wrote to stdout and stderr so far. */
  readonly output: string
  kill(signal: NodeJS.Signals): void
}

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Starts `test/fixtures/<name>.ts`. The process ends with the test at the latest. `launch` is a shell command that becomes the process: it
 * has Node and its arguments as `"$0" "$@"`.
 */
export async function childPeer(
  name: string,
  nodeOptions: readonly string[] = [],
  launch?: string,
): Promise<ChildPeer> {
  const script = fileURLToPath(new URL(`../fixtures/${name}.ts`, import.meta.url))
  const shell = launch === undefined ? {} : { execPath: '/bin/sh' }
  const before = launch === undefined ? [] : ['-c', launch, process.execPath]
  const child = fork(script, [], {
    ...shell,
    cwd: root,
    execArgv: [...before, '--import', 'tsx', ...nodeOptions],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: unknown) => void }>()
  let calls = 0
  const exited = once(child, 'close').then(([code, signal]) => {
    for (const { reject } of waiting.values())
      reject(new Error(`${name} ended (${code ?? signal}): ${output}`))
    waiting.clear()
    return { code: code as number | null, signal: signal as string | null }
  })
  child.on('message', ({ id, ...reply }: Reply) => {
    const call = waiting.get(id)
    waiting.delete(id)
    if ('error' in reply)
      call?.reject(Object.assign(new Error(`${name}: ${reply.error}`), { code: reply.code }))
    else call?.resolve(reply.value as never)
  })
  onTestFinished(async () => {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await exited
  })
  const call = <Result>(operation: string, ...args: unknown[]): Promise<Result> =>
    new Promise((resolve, reject) => {
      calls += 1
      waiting.set(calls, { resolve, reject })
      child.send({ id: calls, operation, args } satisfies CallMessage, (error) => {
        if (error !== null) reject(error)
      })
    })
  const peer: ChildPeer = {
    pid: child.pid as number,
    call,
    exited,
    get output() {
      return output
    },
    kill: (signal) => void child.kill(signal),
  }
  await peer.call('ready')
  return peer
}

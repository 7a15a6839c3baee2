// exec() and run(): their two forms, their options, what they give.
import { type Duplex, Readable } from 'node:stream'
import type {
  AttachOptions,
  ClientSession,
  ExecOptions,
  ExecProcess,
  ExecResult,
  FakeSshClient,
  JobInfo,
  KillJobOptions,
  KillOptions,
  OutputGap,
  RunOptions,
  RunResult,
  SessionOptions,
} from 'fake-ssh'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

declare const client: FakeSshClient
declare const session: ClientSession

// A command line, or a program and its arguments
expectType<ExecProcess>(client.exec('ls -l'))
expectType<ExecProcess>(client.exec('ls -l', { cwd: '/', timeoutMs: 1 }))
expectType<ExecProcess>(client.exec('ls', ['-l']))
expectType<ExecProcess>(client.exec('ls', ['-l'] as const, { env: { A: 'b', C: undefined } }))
expectError(client.exec())
expectError(client.exec(['ls', '-l']))
expectError(client.exec('ls', '-l'))
expectError(client.exec('ls', [1]))
expectError(client.exec('ls', { cwd: '/' }, ['-l']))

// Options
expectAssignable<ExecOptions>({
  cwd: '/',
  env: {},
  strictEnv: true,
  signal: AbortSignal.abort(),
  timeoutMs: 1,
})
expectError(client.exec('ls', { timeout: 1 }))
expectError(client.exec('ls', { cwdd: '/' }))
expectError(client.exec('ls', ['-l'], { strictEnv: 'yes' }))
expectError(client.exec('ls', { env: { A: 1 } }))
expectError(client.exec('ls', { shell: '/bin/bash' }))
expectError(client.exec('ls', { signal: 'SIGTERM' }))
// What only run() knows
expectError(client.exec('ls', { maxBuffer: 1 }))
expectError(client.exec('ls', { input: 'text' }))
expectError(client.exec('ls', { reject: false }))

// The process
declare const proc: ExecProcess
expectAssignable<Duplex>(proc)
expectType<Readable>(proc.stderr)
expectType<number | undefined>(proc.pid)
expectType<string | undefined>(proc.cwd)
expectType<readonly string[]>(proc.refusedEnv)
expectType<Promise<ExecResult>>(proc.result)
// @ts-expect-error read-only
proc.result = Promise.reject(new Error())
// @ts-expect-error read-only
proc.stderr = new Readable()
expectError(proc.refusedEnv.push('PATH'))

// kill
expectType<Promise<boolean>>(proc.kill())
expectType<Promise<boolean>>(proc.kill('SIGINT'))
expectType<Promise<boolean>>(proc.kill('SIGTERM', { forceKillAfterMs: false }))
expectAssignable<KillOptions>({ forceKillAfterMs: 100 })
expectError(proc.kill('TERM'))
expectError(proc.kill(9))
expectError(proc.kill('SIGTERM', { forceKillAfterMs: true }))
expectError(proc.kill('SIGTERM', { forceKill: 100 }))

// The result
declare const result: ExecResult
expectType<number | null>(result.exitCode)
expectType<string | null>(result.signal)
expectType<false>(result.timedOut)
expectType<number>(result.stdinBytes)
expectType<boolean>(result.stderrDiscarded)
expectType<boolean>(result.stdioLeaked)
// @ts-expect-error read-only
result.exitCode = 0
// @ts-expect-error read-only
result.refusedEnv[0] = 'PATH'
expectError(result.stdout)
expectError(result.code)

// run: text unless bytes are asked for
expectType<Promise<RunResult<string>>>(client.run('ls'))
expectType<Promise<RunResult<string>>>(client.run('ls', ['-l']))
expectType<Promise<RunResult<string>>>(client.run('ls', { encoding: 'utf8' }))
expectType<Promise<RunResult<string>>>(client.run('ls', { encoding: undefined }))
expectType<Promise<RunResult<Buffer>>>(client.run('ls', { encoding: 'buffer' }))
expectType<Promise<RunResult<Buffer>>>(client.run('ls', ['-l'], { encoding: 'buffer', reject: false }))
expectType<string>((await client.run('ls')).stdout)
expectType<Buffer>((await client.run('ls', { encoding: 'buffer' })).stderr)
expectType<boolean>((await client.run('ls')).truncated)
expectAssignable<ExecResult>(await client.run('ls'))
expectAssignable<RunOptions>({ input: 'text' })
expectAssignable<RunOptions>({ input: new Uint8Array(1) })
expectAssignable<RunOptions>({ input: Readable.from(['text']) })
expectError(client.run('ls', { encoding: 'latin1' }))
expectError(client.run('ls', { input: 1 }))
expectError(client.run('ls', { maxBuffer: '10M' }))
expectError(client.run('ls', { stdin: 'text' }))
expectError(client.run('ls', { reject: 'no' }))
// With an encoding that is only known at run time the output is one or the other
declare const encoding: 'utf8' | 'buffer'
declare const anyOptions: RunOptions
expectType<Promise<RunResult<string> | RunResult<Buffer>>>(client.run('ls', { encoding }))
expectType<Promise<RunResult<string> | RunResult<Buffer>>>(client.run('ls', ['-l'], anyOptions))
expectType<Promise<RunResult<string> | RunResult<Buffer>>>(session.run('ls', anyOptions))
expectType<Promise<RunResult<string> | RunResult<Buffer>>>(session.run('ls', ['-l'], { encoding }))
// Text is not bytes
expectNotAssignable<Promise<RunResult<Buffer>>>(client.run('ls'))
expectError((await client.run('ls', { encoding: 'buffer' })).stdout.trim())
declare const collected: RunResult
// @ts-expect-error read-only
collected.stdout = ''

// Sessions have the same two calls
expectType<Promise<ClientSession>>(client.session())
expectType<Promise<ClientSession>>(client.session({ cwd: 'logs', env: { A: 'b' }, timeoutMs: 1 }))
expectNotAssignable<SessionOptions>({ strictEnv: true })
expectError(client.session('logs'))
expectError(client.session({ dir: 'logs' }))
expectType<ExecProcess>(session.exec('ls'))
expectType<ExecProcess>(session.exec('ls', ['-l'], { cwd: '/' }))
expectType<Promise<RunResult>>(session.run('ls'))
expectType<Promise<RunResult<Buffer>>>(session.run('ls', ['-l'], { encoding: 'buffer' }))
expectType<string>(session.cwd)
expectType<readonly string[]>(session.refusedEnv)
expectType<Promise<void>>(session.close())
expectAssignable<AsyncDisposable>(session)
// @ts-expect-error read-only
session.cwd = '/'
expectError(session.get('file'))
expectError(session.run('ls', { encoding: 'latin1' }))

// Durable execs
expectType<ExecProcess>(client.exec('make', { durable: true }))
expectError(client.exec('make', { durable: 'yes' }))
expectType<Promise<RunResult>>(client.run('make', { durable: true }))
expectType<string | undefined>(proc.jobId)
expectType<{ readonly stdout: number; readonly stderr: number }>(proc.offsets)
expectType<void>(proc.detach())
proc.on('gap', (gap) => expectType<OutputGap>(gap))
expectType<readonly OutputGap[]>(result.gaps)
declare const gap: OutputGap
expectType<'stdout' | 'stderr'>(gap.stream)
expectType<number>(gap.offset + gap.bytes)
// @ts-expect-error read-only
gap.bytes = 0
expectType<ExecProcess>(client.attach('id'))
expectType<ExecProcess>(client.attach('id', proc.offsets))
expectAssignable<AttachOptions>({ stdout: 1, stderr: 2, signal: AbortSignal.abort(), timeoutMs: 1 })
expectError(client.attach())
expectError(client.attach('id', { offset: 1 }))
expectType<Promise<readonly JobInfo[]>>(client.jobs({ timeoutMs: 1 }))
expectType<Promise<boolean>>(client.killJob('id'))
expectType<Promise<boolean>>(client.killJob('id', 'SIGKILL', { forceKillAfterMs: false, timeoutMs: 1 }))
expectAssignable<KillJobOptions>({ signal: AbortSignal.abort() })
expectError(client.killJob('id', 'KILL'))
expectType<Promise<void>>(client.forgetJob('id'))
declare const job: JobInfo
expectType<'running' | 'exited'>(job.state)
expectType<number | null>(job.exitCode)
expectError(session.attach('id'))

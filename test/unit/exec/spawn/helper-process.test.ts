import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { HelperGone } from '../../../../src/exec/spawn/helper-gone.js'
import { HelperProcess } from '../../../../src/exec/spawn/helper-process.js'
import { startLocally } from '../../../../src/exec/spawn/local-program.js'
import type { Program, ProgramStart } from '../../../../src/exec/spawn/program.js'
import { childPeer } from '../../../helpers/child-peer.js'
import { isRunning, openFiles, processesWith, sleepMarker, until } from '../../../helpers/processes.js'

const env = { PATH: process.env.PATH ?? '/usr/bin:/bin' }

const shell = (command: string, more: Partial<ProgramStart> = {}): ProgramStart => ({
  file: '/bin/sh',
  args: ['-c', command],
  cwd: '/',
  env,
  ...more,
})

async function startedHelper(): Promise<HelperProcess> {
  const helper = await HelperProcess.start(process.execPath)
  onTestFinished(() => killHelper(helper))
  return helper
}

function killHelper(helper: HelperProcess): void {
  if (helper.pid !== undefined && isRunning(helper.pid)) process.kill(helper.pid, 'SIGKILL')
}

function killGroup({ pid }: Program): void {
  if (isRunning(pid)) process.kill(-pid, 'SIGKILL')
}

/** What an error of the operating system says, in a form that can be compared. */
async function failureOf(starting: Promise<Program>): Promise<unknown> {
  const error = await starting.then(
    () => undefined,
    (reason: NodeJS.ErrnoException) => reason,
  )
  const { code, errno, syscall, path, message } = error ?? ({} as NodeJS.ErrnoException)
  return { code, errno, syscall, path, message }
}

describe('a program', () => {
  test('is started with what was asked for, and nothing else', async () => {
    const helper = await startedHelper()
    const odd = { ...env, 'ODD.NAME': 'a\nb', EMPTY: '', __proto__x: 'é\u{1f600}' }
    const program = await helper.start({
      file: '/usr/bin/env',
      args: ['-0'],
      name: 'called',
      cwd: '/tmp',
      env: odd,
    })
    const shown = (await text(program.stdout)).split('\0').slice(0, -1)
    expect(shown).toEqual(Object.entries(odd).map(([name, value]) => `${name}=${value}`))
    expect(await program.exited).toEqual({ exitCode: 0, signal: null })
  })

  test('has its own directory, name, group and session', async () => {
    const helper = await startedHelper()
    const command = 'pwd; tr "\\0" " " < /proc/$$/cmdline; echo; cut -d" " -f5,6 /proc/$$/stat; exit 3'
    const program = await helper.start({ ...shell(command), name: 'called', cwd: '/usr' })
    const [directory, name, ids] = (await text(program.stdout)).split('\n')
    expect([directory, name?.split(' ')[0], ids]).toEqual(['/usr', 'called', `${program.pid} ${program.pid}`])
    expect(await program.exited).toEqual({ exitCode: 3, signal: null })
  })

  test.each([
    [false, ['0', '1', '2']],
    [true, ['0', '1', '2', '3']],
  ])('holds no file but its own (state pipe: %s), all of them blocking', async (hasStatePipe, expected) => {
    const helper = await startedHelper()
    const others = await Promise.all(Array.from({ length: 5 }, () => helper.start(shell('sleep 60'))))
    const program = await helper.start({ file: 'sleep', args: ['60'], cwd: '/', env, hasStatePipe })
    const local = await startLocally({ file: 'sleep', args: ['60'], cwd: '/', env, hasStatePipe })
    const filesOf = ({ pid }: Program) => readdirSync(`/proc/${pid}/fd`)
    for (const { pid } of [local, program]) {
      await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n')
    }
    // What the tests were started with may leave them files that every program inherits.
    expect(filesOf(local)).toEqual(expect.arrayContaining(filesOf(program)))
    expect(filesOf(program)).toEqual(expect.arrayContaining(expected))
    const files = `/proc/${program.pid}/fd`
    expect(new Set(expected.map((fd) => readlinkSync(`${files}/${fd}`))).size).toBe(expected.length)
    for (const fd of expected) {
      const flags = /flags:\s+([0-7]+)/.exec(readFileSync(`/proc/${program.pid}/fdinfo/${fd}`, 'utf8'))?.[1]
      expect(Number.parseInt(flags ?? '', 8) & 0o4000).toBe(0)
    }
    for (const each of [...others, local, program]) killGroup(each)
    expect(await program.exited).toEqual({ exitCode: null, signal: 'SIGKILL' })
  })

  test('writes a state of any length', async () => {
    const helper = await startedHelper()
    const program = await helper.start(shell('head -c 1000000 /dev/zero >&3', { hasStatePipe: true }))
    expect((await text(program.state as NodeJS.ReadableStream)).length).toBe(1_000_000)
  })

  test('reads its input to its end, and gets no more once it has ended', async () => {
    const helper = await startedHelper()
    const program = await helper.start(shell('wc -c'))
    program.stdin.end(Buffer.alloc(5_000_000))
    expect((await text(program.stdout)).trim()).toBe('5000000')
    await program.exited
    const short = await helper.start(shell('exit 0'))
    await short.exited
    await until(() => short.stdin.destroyed)
  })

  test('waits while nobody reads its output', async () => {
    const helper = await startedHelper()
    const program = await helper.start(shell('yes'))
    await until(() => program.stdout.readableLength > 0)
    const cpu = () => readFileSync(`/proc/${program.pid}/stat`, 'utf8').split(' ').slice(13, 15).join()
    await until(() => readFileSync(`/proc/${program.pid}/stat`, 'utf8').includes(') S '))
    const before = cpu()
    for (let i = 0; i < 20; i += 1) await helper.start(shell('exit 0')).then(({ exited }) => exited)
    expect([cpu(), program.stdout.readableLength < 1_000_000]).toEqual([before, true])
    killGroup(program)
  })

  test('is told of as ended while its children still hold its output', async () => {
    const helper = await startedHelper()
    const marker = sleepMarker()
    const program = await helper.start(shell(`sleep ${marker} & exit 4`))
    expect(await program.exited).toEqual({ exitCode: 4, signal: null })
    expect(program.stdout.readableEnded).toBe(false)
    process.kill(-program.pid, 'SIGKILL')
  })

  test.each([
    ['a missing program', { file: '/no/such/program' }],
    ['a file that cannot be run', { file: '/etc/passwd' }],
    ['a directory', { file: '/tmp' }],
    ['a missing directory', { cwd: '/no/such/directory' }],
    ['a file in place of the directory', { cwd: '/etc/passwd' }],
    ['too many arguments', { args: Array.from({ length: 200 }, () => 'x'.repeat(100_000)) }],
    ['NUL in an argument', { args: ['a\0b'] }],
  ])('%s fails as it does without a helper', async (_, more) => {
    const helper = await startedHelper()
    const start = { ...shell('exit 0'), ...more }
    const failure = await failureOf(helper.start(start))
    expect(failure).toEqual(await failureOf(startLocally(start)))
    expect(failure).toMatchObject({ code: expect.stringMatching(/^E/) })
    expect(await (await helper.start(shell('exit 5'))).exited).toEqual({ exitCode: 5, signal: null })
  })
})

describe('many at once', () => {
  test('each get their own pipes, whether or not they have a state pipe', async () => {
    const helper = await startedHelper()
    const run = async (index: number) => {
      const hasStatePipe = index % 3 === 0
      if (index % 7 === 0) {
        await expect(helper.start({ ...shell(''), file: '/no/such/program' })).rejects.toMatchObject({
          code: 'ENOENT',
        })
      }
      const state = hasStatePipe ? `; echo state${index} >&3` : ''
      const program = await helper.start(
        shell(`read line; echo out$line; echo err$line >&2${state}; exit ${index}`, { hasStatePipe }),
      )
      program.stdin.end(`${index}\n`)
      const [out, err, told, exit] = await Promise.all([
        text(program.stdout),
        text(program.stderr),
        program.state === undefined ? '' : text(program.state),
        program.exited,
      ])
      return { out, err, told, exit }
    }
    const results = await Promise.all(Array.from({ length: 100 }, (_, index) => run(index)))
    results.forEach((result, index) => {
      expect(result).toEqual({
        out: `out${index}\n`,
        err: `err${index}\n`,
        told: index % 3 === 0 ? `state${index}\n` : '',
        exit: { exitCode: index, signal: null },
      })
    })
  })

  test('leave no file open', async () => {
    const helper = await startedHelper()
    const run = async () => {
      const program = await helper.start(shell('exit 0'))
      program.stdin.end()
      await Promise.all([text(program.stdout), text(program.stderr), program.exited])
    }
    const files = () => readdirSync(`/proc/${helper.pid}/fd`).length
    await run()
    const before = [openFiles(), files()] as const
    await Promise.all(Array.from({ length: 50 }, run))
    // Connections made ahead come and go.
    await until(() => openFiles() <= before[0] + 8 && files() <= before[1] + 8)
  })
})

describe('a helper that is killed', () => {
  test('fails what it was asked for, and all whose end it would have told', { timeout: 30_000 }, async () => {
    const helper = await startedHelper()
    const marker = sleepMarker()
    const programs = await Promise.all(
      Array.from({ length: 50 }, () => helper.start(shell(`exec sleep ${marker}`))),
    )
    const pending = Array.from({ length: 50 }, () => helper.start(shell(`exec sleep ${marker}`)))
    killHelper(helper)
    const starts = await Promise.allSettled(pending)
    for (const program of programs) await expect(program.exited).rejects.toThrow(HelperGone)
    for (const start of starts) {
      if (start.status === 'fulfilled') await expect(start.value.exited).rejects.toThrow(HelperGone)
      else expect(start.reason).toBeInstanceOf(HelperGone)
    }
    expect(
      starts.filter((start) => start.status === 'rejected' && start.reason.wasAsked === false),
    ).not.toEqual([])
    expect(helper.isUsable).toBe(false)
    await expect(helper.start(shell('exit 0'))).rejects.toMatchObject({ wasAsked: false })
    for (const pid of processesWith(`sleep\0${marker}`)) process.kill(pid, 'SIGKILL')
  })
})

describe('a helper that is retired', () => {
  test('ends when nothing runs any more, and tells of everything before', async () => {
    const helper = await startedHelper()
    const program = await helper.start(shell('read line; exit 6'))
    const pending = helper.start(shell('exit 7'))
    helper.retire()
    expect(helper.isUsable).toBe(false)
    expect(await (await pending).exited).toEqual({ exitCode: 7, signal: null })
    program.stdin.end('\n')
    expect(await program.exited).toEqual({ exitCode: 6, signal: null })
    await until(() => !isRunning(helper.pid as number))
  })

  test('ends at once when nothing runs', async () => {
    const helper = await startedHelper()
    helper.retire()
    await until(() => !isRunning(helper.pid as number))
  })
})

describe('the host', () => {
  const helpersOf = (host: number) =>
    processesWith('fake-ssh spawn helper').filter((pid) => parentOf(pid) === host)

  test('that is killed leaves no helper, no program and no directory', { timeout: 30_000 }, async () => {
    const marker = sleepMarker()
    const host = await childPeer('spawn-host')
    await host.call('start', `trap "" TERM; sleep ${marker} & sleep ${marker}`)
    await host.call('start', `exec sleep ${marker}`)
    await until(() => processesWith(`sleep\0${marker}`).length === 3)
    const [helper] = helpersOf(host.pid)
    host.kill('SIGKILL')
    await until(() => processesWith(marker).length === 0)
    await until(() => !isRunning(helper as number))
  })

  test('is not kept by its helper, which ends with it', { timeout: 30_000 }, async () => {
    const host = await childPeer('spawn-host')
    await host.call('run', 'exit 0')
    const [helper] = helpersOf(host.pid)
    expect(helper).toBeTypeOf('number')
    await host.call('leave')
    expect(await host.exited).toEqual({ code: 0, signal: null })
    await until(() => !isRunning(helper as number))
  })

  test('is kept by a program that runs', { timeout: 30_000 }, async () => {
    const host = await childPeer('spawn-host')
    const running = host.call('run', 'read line < /dev/null; sleep 0.2; exit 9')
    expect(await running).toEqual({ exitCode: 9, signal: null })
  })

  test('does not pass options of its own Node on', { timeout: 30_000 }, async () => {
    const host = await childPeer('spawn-host', ['--max-old-space-size=400'])
    await host.call('run', 'exit 0')
    const [helper] = helpersOf(host.pid)
    expect(readFileSync(`/proc/${helper}/environ`, 'utf8')).not.toMatch(/NODE_|HOME/)
    await host.call('leave')
  })

  test('can be interrupted in a terminal without its helper', async () => {
    const helper = await startedHelper()
    const [group, session] =
      readFileSync(`/proc/${helper.pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(2, 4) ?? []
    expect([group, session]).toEqual([String(helper.pid), String(helper.pid)])
  })
})

function parentOf(pid: number): number {
  return Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { baseEnvironment } from '../../../src/exec/environment.js'
import { ProcessGroup, requireSignal, startProgram } from '../../../src/exec/process-group.js'
import type { ProgramStart } from '../../../src/exec/spawn/program.js'
import { isRunning, openFiles, processesWith, sleepMarker, until } from '../../helpers/processes.js'

const env = baseEnvironment('/bin/sh')

/** Starts a shell command in a group, which is gone when the test has finished. */
async function shell(command: string, more: Partial<ProgramStart> = {}): Promise<ProcessGroup> {
  const group = await startProgram({ file: '/bin/sh', args: ['-c', command], cwd: '/', env, ...more })
  onTestFinished(async () => {
    group.kill('SIGKILL')
    await group.terminate(0)
  })
  return group
}

/** The first line of stdout: the command has come that far. */
async function firstLine(group: ProcessGroup): Promise<string> {
  const [chunk] = await once(group.stdout, 'data')
  return String(chunk).trim()
}

describe('starting', () => {
  test('gives the pid, the exit code and the output', async () => {
    const group = await shell('echo $$; exit 7')
    expect(await firstLine(group)).toBe(String(group.pid))
    expect(await group.exited).toEqual({ exitCode: 7, signal: null })
  })

  test('the program leads a group and a session of its own', async () => {
    const group = await shell('cut -d" " -f5,6 /proc/$$/stat')
    expect(await firstLine(group)).toBe(`${group.pid} ${group.pid}`)
  })

  test('the program sees the name it was called by', async () => {
    const group = await startProgram({
      file: '/bin/sh',
      args: ['-c', 'tr "\\0" " " < /proc/$$/cmdline; exit'],
      name: 'mysh',
      cwd: '/',
      env,
    })
    expect(await firstLine(group)).toMatch(/^mysh -c/)
  })

  test('only the three standard files are open, and the fourth where it is asked for', async () => {
    const list = 'for fd in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$fd ] && echo $fd; done; echo end'
    expect((await collect(await shell(list))).trim()).toBe('end')
    expect((await collect(await shell(list, { hasStatePipe: true }))).trim()).toBe('3\nend')
  })

  test.each([
    ['ENOENT', '/no/such/program'],
    ['EACCES', '/etc/passwd'],
    ['EACCES', '/tmp'],
  ])('rejects with %s for %s', async (code, file) => {
    await expect(startProgram({ file, args: [], cwd: '/', env })).rejects.toMatchObject({ code })
  })

  test('rejects with E2BIG for arguments above the limit of the operating system', async () => {
    const args = Array.from({ length: 200 }, () => 'x'.repeat(100_000))
    await expect(startProgram({ file: '/bin/true', args, cwd: '/', env })).rejects.toMatchObject({
      code: 'E2BIG',
    })
  })

  test('failures leave no file open', async () => {
    const fail = () => startProgram({ file: '/no/such/program', args: [], cwd: '/', env }).catch(() => {})
    await fail()
    const before = openFiles()
    for (let i = 0; i < 20; i += 1) await fail()
    await until(() => openFiles() <= before)
  })
})

describe('signals', () => {
  test('reach the whole group', async () => {
    const marker = sleepMarker()
    const group = await shell(`sleep ${marker} & sleep ${marker} & echo up; wait`)
    await firstLine(group)
    await until(() => processesWith(`sleep\0${marker}`).length === 2)
    expect(group.kill('SIGTERM')).toBe(true)
    expect(await group.exited).toEqual({ exitCode: null, signal: 'SIGTERM' })
    await until(() => processesWith(marker).length === 0)
  })

  test('can be told apart and caught', async () => {
    const group = await shell(
      'trap "echo usr1" USR1; trap "exit 9" HUP; echo up; while :; do sleep 0.01; done',
    )
    await firstLine(group)
    group.kill('SIGUSR1')
    expect(await firstLine(group)).toBe('usr1')
    group.kill('SIGHUP')
    expect(await group.exited).toEqual({ exitCode: 9, signal: null })
  })

  test('reach members after the program itself has ended', async () => {
    const marker = sleepMarker()
    const group = await shell(`sleep ${marker} & echo up`)
    await group.exited
    expect(group.isAlive()).toBe(true)
    expect(group.kill('SIGTERM')).toBe(true)
    await until(() => processesWith(marker).length === 0)
    await until(() => !group.isAlive())
  })

  test('are not sent once the group was seen gone', async () => {
    const group = await shell('exit 0')
    await group.exited
    await until(() => !group.isAlive())
    expect(group.kill('SIGTERM')).toBe(false)
    expect(group.kill('SIGKILL')).toBe(false)
  })

  test('are not sent to a stranger that got the number of a program that has ended', async () => {
    // A group whose leader has ended cannot have a process of its number: such a process is somebody else's.
    const marker = sleepMarker()
    const stranger = spawn('sleep', [marker], { detached: true, stdio: 'pipe' })
    const group = new ProcessGroup({
      pid: stranger.pid as number,
      stdin: stranger.stdin,
      stdout: stranger.stdout,
      stderr: stranger.stderr,
      state: undefined,
      exited: Promise.resolve({ exitCode: 0, signal: null }),
    })
    await group.exited
    expect(group.isAlive()).toBe(false)
    expect(group.kill('SIGKILL')).toBe(false)
    await group.terminate(0)
    expect(isRunning(stranger.pid as number)).toBe(true)
    stranger.kill('SIGKILL')
    await until(() => !isRunning(stranger.pid as number))
  })

  test('unknown names are refused', () => {
    for (const name of ['SIGNOPE', 'TERM', '', '9', 'toString', '__proto__']) {
      expect(() => requireSignal(name)).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }))
    }
    expect(requireSignal('SIGTERM')).toBe('SIGTERM')
  })
})

describe('killAfter', () => {
  test('kills what did not end', async () => {
    const group = await shell('trap "" TERM; echo up; while :; do sleep 0.01; done')
    await firstLine(group)
    group.kill('SIGTERM')
    group.killAfter(30)
    expect(await group.exited).toEqual({ exitCode: null, signal: 'SIGKILL' })
  })

  test('kills members that outlive the program', async () => {
    const marker = sleepMarker()
    const group = await shell(`(trap "" TERM; exec sleep ${marker}) & echo up; wait`)
    await firstLine(group)
    await until(() => processesWith(`sleep\0${marker}`).length === 1)
    group.kill('SIGTERM')
    group.killAfter(30)
    expect(await group.exited).toEqual({ exitCode: null, signal: 'SIGTERM' })
    await until(() => processesWith(marker).length === 0)
  })

  test('does nothing to a group that is gone', async () => {
    const group = await shell('exit 0')
    await group.exited
    await until(() => !group.isAlive())
    group.killAfter(0)
    expect(group.isAlive()).toBe(false)
  })
})

describe('terminate', () => {
  test('ends a group that obeys, without waiting for the grace time', async () => {
    const marker = sleepMarker()
    const group = await shell(`sleep ${marker} & sleep ${marker}`)
    await until(() => processesWith(`sleep\0${marker}`).length === 2)
    await group.terminate(60_000)
    expect(await group.exited).toEqual({ exitCode: null, signal: 'SIGTERM' })
    expect(processesWith(marker)).toEqual([])
  })

  test('leaves no survivor of a tree that ignores SIGTERM', async () => {
    const marker = sleepMarker()
    const group = await shell(`trap "" TERM; sleep ${marker} & (sleep ${marker} & wait) & echo up; wait`)
    await firstLine(group)
    await until(() => processesWith(`sleep\0${marker}`).length === 2)
    await group.terminate(50)
    expect(await group.exited).toEqual({ exitCode: null, signal: 'SIGKILL' })
    await until(() => processesWith(marker).length === 0)
  })

  test('ends a group that is stopped', async () => {
    const marker = sleepMarker()
    const group = await shell(`sleep ${marker}`)
    // A process that is being forked while the signals are sent gets none of them.
    await until(() => processesWith(`sleep\0${marker}`).length === 1)
    group.kill('SIGSTOP')
    await group.terminate(60_000)
    expect(await group.exited).toEqual({ exitCode: null, signal: 'SIGTERM' })
  })

  test('ends members after the program itself has ended', async () => {
    const marker = sleepMarker()
    const group = await shell(`(trap "" TERM; exec sleep ${marker}) &`)
    await group.exited
    await until(() => processesWith(`sleep\0${marker}`).length === 1)
    await group.terminate(30)
    expect(processesWith(marker)).toEqual([])
  })

  test('is done once, however often it is asked for', async () => {
    const group = await shell('sleep 60')
    expect(group.terminate(1000)).toBe(group.terminate(1000))
    await group.terminate(1000)
    expect(isRunning(group.pid)).toBe(false)
  })
})

async function collect(group: ProcessGroup): Promise<string> {
  let text = ''
  for await (const chunk of group.stdout) text += chunk
  return text
}

import { describe, expect, test } from 'vitest'
import {
  parseExecInfo,
  parseExecParams,
  parseSessionInfo,
  parseSessionParams,
  parseSignalInfo,
  parseSignalParams,
} from '../../../src/exec/messages.js'

const withCode = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) })

describe('exec params', () => {
  test('a command line', () => {
    expect(parseExecParams({ command: 'ls | wc' })).toEqual({
      target: { command: 'ls | wc' },
      cwd: undefined,
      env: [],
      strictEnv: false,
      session: undefined,
    })
  })

  test('a program with everything', () => {
    const params = { file: 'git', args: ['log'], cwd: '/a', env: { A: '1' }, strictEnv: true, session: 3 }
    expect(parseExecParams(params)).toEqual({
      target: { file: 'git', args: ['log'] },
      cwd: '/a',
      env: [['A', '1']],
      strictEnv: true,
      session: 3,
    })
  })

  test('args may be absent, and unknown fields are ignored', () => {
    expect(parseExecParams({ file: 'ls', color: 'red' }).target).toEqual({ file: 'ls', args: [] })
  })

  test('the name __proto__ stays a name', () => {
    const params = JSON.parse('{"command":"x","env":{"__proto__":"p","A":"1"}}')
    expect(parseExecParams(params).env).toEqual([
      ['__proto__', 'p'],
      ['A', '1'],
    ])
  })

  test.each([
    [{}],
    [{ command: 'a', file: 'b' }],
    [{ command: 'a', file: 'b', args: [] }],
    [{ command: 1 }],
    [{ command: 'a\0b' }],
    [{ file: '' }],
    [{ command: 'a\ud800' }],
    [{ file: '\udc00a' }],
    [{ file: 'a', args: ['\udc00\ud800'] }],
    [{ command: 'a', cwd: '/\ud83d' }],
    [{ command: 'a', env: { A: '\ud83d' } }],
    [{ command: 'a', env: { '\ud83d': 'a' } }],
    [{ file: 'a\0' }],
    [{ file: 'a', args: 'b' }],
    [{ file: 'a', args: [1] }],
    [{ file: 'a', args: ['b\0'] }],
    [{ args: ['a'] }],
    [{ command: 'a', cwd: '' }],
    [{ command: 'a', cwd: 'x\0' }],
    [{ command: 'a', cwd: 1 }],
    [{ command: 'a', env: [] }],
    [{ command: 'a', env: null }],
    [{ command: 'a', env: { A: 1 } }],
    [{ command: 'a', strictEnv: 'yes' }],
    [{ command: 'a', session: 0 }],
    [{ command: 'a', session: 1.5 }],
    [{ command: 'a', session: '1' }],
  ])('%j is refused', (params) => {
    expect(() => parseExecParams(params)).toThrow(withCode('ERR_FAKESSH_INVALID_ARG', 'exec: '))
  })

  test('a refusal shows no control characters and stays short', () => {
    const command = `${'\u001b'.repeat(10_000)}`
    const thrown = (() => {
      try {
        return parseExecParams({ command: { [command]: 1 } as never, strictEnv: command as never })
      } catch (error) {
        return error as Error
      }
    })() as Error
    expect(thrown.message).not.toContain('\u001b')
    expect(thrown.message.length).toBeLessThan(8_192)
  })
})

test('session params', () => {
  expect(parseSessionParams({})).toEqual({ cwd: undefined, env: [] })
  expect(parseSessionParams({ cwd: 'a', env: { A: '1' } })).toEqual({ cwd: 'a', env: [['A', '1']] })
  expect(() => parseSessionParams({ cwd: 1 })).toThrow(withCode('ERR_FAKESSH_INVALID_ARG', 'session: cwd'))
})

test('signal params', () => {
  expect(parseSignalParams({ signal: 'SIGHUP' })).toEqual({ signal: 'SIGHUP' })
  expect(parseSignalParams({ signal: 'SIGTERM', forceKillAfterMs: 0 })).toEqual({
    signal: 'SIGTERM',
    forceKillAfterMs: 0,
  })
  for (const forceKillAfterMs of [-1, 0.5, 2 ** 31, 'x']) {
    expect(() => parseSignalParams({ signal: 'SIGTERM', forceKillAfterMs })).toThrow(
      withCode('ERR_FAKESSH_INVALID_ARG', 'forceKillAfterMs'),
    )
  }
})

describe('what a server answers', () => {
  test('is taken as it should be', () => {
    expect(parseExecInfo({ pid: 7, cwd: '/', shell: '/bin/sh', refusedEnv: ['A'] })).toEqual({
      pid: 7,
      cwd: '/',
      shell: '/bin/sh',
      refusedEnv: ['A'],
    })
    expect(parseExecInfo({ cwd: '/' })).toEqual({ cwd: '/' })
    expect(parseSessionInfo({ cwd: '/a' })).toEqual({ cwd: '/a' })
    expect(parseSignalInfo({ delivered: false })).toEqual({ delivered: false })
  })

  test('is the peer breaking the protocol when it is anything else', () => {
    expect(() => parseExecInfo({})).toThrow(withCode('ERR_FAKESSH_PROTOCOL', 'exec: cwd'))
    expect(() => parseExecInfo({ cwd: '/', pid: -1 })).toThrow(withCode('ERR_FAKESSH_PROTOCOL', 'exec: pid'))
    expect(() => parseSessionInfo({ cwd: 1 })).toThrow(withCode('ERR_FAKESSH_PROTOCOL', 'session: cwd'))
    expect(() => parseSignalInfo({ delivered: 1 })).toThrow(
      withCode('ERR_FAKESSH_PROTOCOL', 'signal: delivered'),
    )
  })
})

describe('jobs', () => {
  const id = 'ab'.repeat(32)
  const named = { id, holder: 'cd'.repeat(16), attempt: 1 }

  test('an exec names the job it is to be, from the start unless it says otherwise', () => {
    const offsets = { stdout: 0, stderr: 0 }
    const jobOf = (job: object) => parseExecParams({ command: 'a', job: { ...named, ...job } }).job
    expect(jobOf({})).toEqual({ ...named, ...offsets, again: false })
    const others = { attempt: 2, stdout: 5, stderr: 6, again: true }
    expect(jobOf(others)).toEqual({ ...named, ...others })
  })

  test.each([
    { id: 'ab' },
    { id: id.toUpperCase() },
    { id: undefined },
    { stdout: -1 },
    { holder: id },
    { holder: undefined },
    { attempt: 0 },
    { attempt: undefined },
  ])('one that is none is refused (case %#)', (wrong) => {
    expect(() => parseExecParams({ command: 'a', job: { ...named, ...wrong } })).toThrow(
      withCode('ERR_FAKESSH_INVALID_ARG', 'exec: '),
    )
  })

  test('a job is no part of a session', () => {
    expect(() => parseExecParams({ command: 'a', job: named, session: 1 })).toThrow(
      withCode('ERR_FAKESSH_INVALID_ARG', 'a job cannot be part of a session'),
    )
  })
})

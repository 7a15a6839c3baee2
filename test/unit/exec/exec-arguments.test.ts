import { describe, expect, test } from 'vitest'
import {
  type ExecArguments,
  parseAttachArguments,
  parseExecArguments,
  splitExecArguments,
} from '../../../src/exec/exec-arguments.js'
import { parseExecParams } from '../../../src/exec/messages.js'

const parse = (...args: unknown[]) => parseExecArguments(args as unknown as ExecArguments)
const invalid = (message: string) =>
  expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG', message: expect.stringContaining(message) })

describe('the two forms', () => {
  test('a command line', () => {
    expect(parse('du -sh * | sort')).toEqual({
      command: 'du -sh * | sort',
      params: { command: 'du -sh * | sort' },
      signal: undefined,
      timeoutMs: undefined,
    })
  })

  test('a command line with options', () => {
    expect(parse('ls', { cwd: '/a', timeoutMs: 5 })).toMatchObject({
      params: { command: 'ls', cwd: '/a' },
      timeoutMs: 5,
    })
  })

  test('a program with arguments', () => {
    expect(parse('git', ['log', '-n1']).params).toEqual({ file: 'git', args: ['log', '-n1'] })
    expect(parse('git', []).params).toEqual({ file: 'git', args: [] })
  })

  test('a program with arguments and options', () => {
    const signal = new AbortController().signal
    const call = parse('git', ['log'], { cwd: 'x', env: { A: '1' }, strictEnv: true, signal })
    expect(call.params).toEqual({ file: 'git', args: ['log'], cwd: 'x', env: { A: '1' }, strictEnv: true })
    expect(call.signal).toBe(signal)
  })

  test('a session', () => {
    expect(parseExecArguments(['ls'], 7).params).toEqual({ command: 'ls', session: 7 })
  })

  test('options that are undefined are not there', () => {
    const none = {
      cwd: undefined,
      env: undefined,
      strictEnv: undefined,
      signal: undefined,
      timeoutMs: undefined,
    }
    expect(parse('ls', none).params).toEqual({ command: 'ls' })
    expect(parse('ls', undefined).params).toEqual({ command: 'ls' })
    expect(parse('ls', [], undefined).params).toEqual({ file: 'ls', args: [] })
  })

  test('options of others come back from splitting', () => {
    expect(splitExecArguments<{ input: string }>(['cat', { input: 'x' }])).toEqual({
      command: 'cat',
      words: undefined,
      options: { input: 'x' },
    })
  })

  test('the params are what the server takes', () => {
    const args = ['', ' ', "'", '$(id)', 'ü', '😀']
    const params = JSON.parse(JSON.stringify(parse('x', args, { env: { A: '' } }).params))
    expect(parseExecParams(params)).toMatchObject({ target: { file: 'x', args }, env: [['A', '']] })
  })
})

describe('mistakes', () => {
  test.each([
    [[], 'exec: expected a string, got undefined'],
    [[1], 'exec: expected a string'],
    [[''], 'exec: expected a command'],
    [['a\0b'], 'exec: expected text without NUL'],
    [['a\ud800'], 'exec: expected text without NUL and lone surrogates'],
    [['a', 'b'], 'expected an array of arguments or an object of options, got "b"'],
    [['a', null], 'got null'],
    [['a', 7], 'got number'],
    [['a', [1]], 'args[0]: expected a string'],
    [['a', ['b', undefined]], 'args[1]: expected a string, got undefined'],
    [['a', ['b\0']], 'args[0]: expected text without NUL'],
    [['a', ['\udc00x']], 'args[0]'],
    [['a', [], 'x'], 'an object of options'],
    [['a', { cwd: 1 }], 'cwd: expected a string'],
    [['a', { cwd: '' }], 'cwd: expected a path'],
    [['a', { cwd: 'x\0' }], 'cwd: expected text'],
    [['a', { env: 'A=1' }], 'env: expected an object'],
    [['a', { env: ['A'] }], 'env: expected an object'],
    [['a', { env: null }], 'env: expected an object'],
    [['a', { env: { A: 1 } }], "env['A']: expected a string"],
    [['a', { env: { A: 'x\0' } }], "env['A']: expected text"],
    [['a', { strictEnv: 1 }], 'strictEnv: expected a boolean'],
    [['a', { timeoutMs: 0 }], 'timeoutMs: expected an integer from 1 to 2147483647'],
    [['a', { timeoutMs: 1.5 }], 'timeoutMs'],
    [['a', { timeoutMs: Number.NaN }], 'timeoutMs'],
    [['a', { timeoutMs: 2 ** 31 }], 'timeoutMs'],
    [['a', { timeoutMs: '5' }], 'timeoutMs'],
    [['a', { signal: {} }], 'signal: expected an AbortSignal'],
  ])('%j', (args, message) => {
    expect(() => parse(...args)).toThrow(invalid(message))
  })

  test('more than one frame holds', () => {
    const limit = expect.objectContaining({ code: 'ERR_FAKESSH_LIMIT' })
    expect(() => parse('echo', ['x'.repeat(300_000)])).toThrow(limit)
    // Counted as it travels: a control character takes six bytes of JSON.
    expect(() => parse('echo', ['\u0001'.repeat(50_000)])).toThrow(limit)
    expect(() => parse('echo', ['x'.repeat(260_000)])).not.toThrow()
  })
})

describe('the environment', () => {
  test('undefined values are left out, so that parts of process.env can be passed', () => {
    expect(parse('x', { env: { A: '1', B: undefined } }).params).toEqual({ command: 'x', env: { A: '1' } })
  })

  test('a variable may be called __proto__', () => {
    const env = JSON.parse('{"__proto__":"x"}')
    expect(JSON.stringify(parse('x', { env }).params)).toBe('{"command":"x","env":{"__proto__":"x"}}')
  })
})

test.each([
  [['git', 'log'], 'git log'],
  [['echo', 'a b', ''], "echo 'a b' ''"],
  [['echo', "it's"], "echo 'it'\\''s'"],
  [['x', '--a=b', '@1:2,3.4/5%+'], 'x --a=b @1:2,3.4/5%+'],
])('%j is shown as %s', ([file, ...args], shown) => {
  expect(parse(file, args).command).toBe(shown)
})

describe('durable', () => {
  test('names a job that nobody can guess, and another one each time', () => {
    const [one, two] = [parse('ls', { durable: true }), parse('ls', { durable: true })]
    const { id, holder } = one.durable?.job ?? {}
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(holder).toMatch(/^[0-9a-f]{32}$/)
    expect(two.durable?.job.id).not.toBe(id)
    expect(two.durable?.job.holder).not.toBe(holder)
    expect(one.durable).toEqual({
      kind: 'exec',
      params: { command: 'ls' },
      job: { id, holder, stdout: 0, stderr: 0 },
    })
    expect(parse('ls', { durable: false })).toEqual(parse('ls'))
  })

  test('is refused where it cannot be', () => {
    expect(() => parse('ls', { durable: 1 })).toThrow(invalid('durable: expected a boolean'))
    expect(() => parseExecArguments(['ls', { durable: true }], 3)).toThrow(
      invalid('durable: expected false in a session'),
    )
  })
})

describe('attach', () => {
  const id = 'ab'.repeat(32)

  test('asks for a job from offsets', () => {
    const holder = expect.stringMatching(/^[0-9a-f]{32}$/)
    expect(parseAttachArguments(id, { stderr: 7, timeoutMs: 5 })).toEqual({
      command: 'job abababab',
      params: { job: id, holder, stdout: 0, stderr: 7 },
      signal: undefined,
      timeoutMs: 5,
      durable: {
        kind: 'attach',
        params: { job: id, holder, stdout: 0, stderr: 7 },
        job: { id, holder, stdout: 0, stderr: 7 },
      },
    })
  })

  test('does not show an id that is none: it may be a part of one', () => {
    expect(() => parseAttachArguments(id.slice(1))).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('abab') }),
    )
    expect(() => parseAttachArguments(id, 'x' as never)).toThrow(invalid('an object of options'))
  })
})

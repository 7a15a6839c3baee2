import { describe, expect, test } from 'vitest'
import { parseObject, validate } from '../../../src/protocol/control-codec.js'
import { utf8 } from '../../helpers/frames.js'

const parse = (text: string) => parseObject('OPEN', utf8(text))
const protocolError = (message: string) =>
  expect.objectContaining({ code: 'ERR_FAKESSH_PROTOCOL', message: expect.stringContaining(message) })

describe('parseObject', () => {
  test('an object, whatever is in it', () => {
    expect(parse('{"a":{"b":[1,null,"ü"]}}')).toEqual({ a: { b: [1, null, 'ü'] } })
  })

  test('blanks around it', () => {
    expect(parse(' \n\t{} ')).toEqual({})
  })

  test.each([
    ['nothing', ''],
    ['a byte order mark', '\ufeff{}'],
    ['text behind the object', '{}x'],
    ['a comment', '/* */{}'],
    ['single quotes', "{'a':1}"],
  ])('not %s', (_name, text) => {
    expect(() => parse(text)).toThrow(protocolError('a OPEN frame carries one JSON object in UTF-8'))
  })

  test.each([
    ['1', 'number'],
    ['"x"', 'string'],
    ['true', 'boolean'],
    ['null', 'object'],
    ['[]', 'an array'],
  ])('not %s', (text, what) => {
    expect(() => parse(text)).toThrow(protocolError(`one JSON object, got ${what}`))
  })

  test('a field that must be understood is refused, whatever its value', () => {
    expect(() => parse('{"kind":"exec","!later":null}')).toThrow(
      protocolError('a OPEN frame requires the field "!later", which version 1 does not know'),
    )
  })

  test('a field that only holds an exclamation mark is not', () => {
    expect(parse('{"a!":1}')).toEqual({ 'a!': 1 })
  })

  test('the name of such a field cannot forge a line of a log', () => {
    expect(() => parse('{"!\\n\\u001b[31m\\u202e":1}')).toThrow(protocolError('"!\\x0a\\x1b[31m\\u{202e}"'))
  })

  test('fields named as members of objects are only fields', () => {
    const object = parse('{"__proto__":{"isAdmin":true},"constructor":1,"toString":2}')
    expect(Object.keys(object)).toEqual(['__proto__', 'constructor', 'toString'])
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype)
    expect((object as { isAdmin?: boolean }).isAdmin).toBeUndefined()
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  })

  test('an object nested as deep as a frame allows ends in an answer, not in a crash', () => {
    const depth = 50_000
    const text = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
    let outcome: unknown
    try {
      outcome = parse(text)
    } catch (error) {
      outcome = error
    }
    expect(outcome).toBeTypeOf('object')
  })
})

describe('validate', () => {
  test('gives the fields of the schema and leaves out what it does not know', () => {
    expect(validate('GOODBYE', 'goodbye', { code: 'limit', message: 'm', later: 1 })).toEqual({
      code: 'limit',
      message: 'm',
    })
  })

  test('names the frame, the field, what was expected and what came', () => {
    expect(() => validate('GOODBYE', 'goodbye', { code: 5, message: 'm' })).toThrow(
      protocolError('GOODBYE code: expected string, got 5'),
    )
  })

  test('a field that is missing', () => {
    expect(() => validate('GOODBYE', 'goodbye', { code: 'c' })).toThrow(
      protocolError('GOODBYE message: expected "message", got undefined'),
    )
  })

  test('a field deep inside', () => {
    const open = { kind: 'k', params: {}, windows: [1, 2, -3] }
    expect(() => validate('OPEN', 'open', open)).toThrow(
      protocolError('OPEN windows.2: expected >=0, got -3'),
    )
  })

  test('what the peer wrote is escaped and cut in the message', () => {
    const code = `\u001b]0;title\u0007${'x'.repeat(5_000)}`
    try {
      validate('GOODBYE', 'goodbye', { code, message: '' })
      expect.unreachable()
    } catch (error) {
      const { message } = error as Error
      expect(message).not.toMatch(/\p{Cc}/u)
      expect(message.length).toBeLessThan(3_000)
    }
  })

  test('only the first problem is looked for: a list of thousands costs no thousand messages', () => {
    const windows = Array.from({ length: 50_000 }, () => 'x')
    expect(() => validate('OPEN', 'open', { kind: 'k', params: {}, windows })).toThrow(
      protocolError('OPEN windows'),
    )
  })
})

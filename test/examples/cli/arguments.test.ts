import { describe, expect, test } from 'vitest'
import { leadingOptions, numberOption, optionsAndWords } from '../../../examples/cli/arguments.js'
import { UsageError } from '../../../examples/cli/failure.js'

const OPTIONS = { url: { type: 'string' }, help: { type: 'boolean' } } as const

describe('leadingOptions', () => {
  test.each<[args: string[], values: object, rest: string[]]>([
    [[], {}, []],
    [['exec', 'ls', '-l'], {}, ['exec', 'ls', '-l']],
    [['--url', 'u', 'exec', '--url', 'x'], { url: 'u' }, ['exec', '--url', 'x']],
    [['--url=u', 'exec'], { url: 'u' }, ['exec']],
    [['--help'], { help: true }, []],
    [['--help', '--', '-l', '--'], { help: true }, ['-l', '--']],
    [['exec', '--', 'x'], {}, ['exec', '--', 'x']],
  ])('of %j', (args, values, rest) => {
    const found = leadingOptions(args, OPTIONS)
    expect({ ...found.values }).toEqual(values)
    expect(found.rest).toEqual(rest)
  })

  test.each([[['--nope', 'exec']], [['--url']], [['--help=x', 'exec']], [['-x', 'exec']]])(
    '%j is refused',
    (args) => {
      expect(() => leadingOptions(args, OPTIONS)).toThrow(UsageError)
    },
  )
})

describe('optionsAndWords', () => {
  test('takes them in any order', () => {
    const { values, words } = optionsAndWords(['a', '--url', 'u', 'b'], OPTIONS, 2)
    expect({ values: { ...values }, words }).toEqual({ values: { url: 'u' }, words: ['a', 'b'] })
  })

  test.each([[['a', 'b', 'c']], [['--nope']], [['a', '-x']]])('%j is refused', (args) => {
    expect(() => optionsAndWords(args, OPTIONS, 2)).toThrow(UsageError)
  })
})

describe('numberOption', () => {
  test('is a number, or not given', () => {
    expect([
      numberOption('n', '0', 0, 9),
      numberOption('n', '9', 0, 9),
      numberOption('n', undefined, 0, 9),
    ]).toEqual([0, 9, undefined])
  })

  test.each(['', '-1', '10', '1.5', '1e0', ' 1', 'x', 'NaN', 'Infinity'])('%j is refused', (text) => {
    expect(() => numberOption('n', text, 0, 9)).toThrow(UsageError)
  })
})

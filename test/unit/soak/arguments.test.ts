import { expect, test } from 'vitest'
import { parseSoakArguments } from '../../../soak/arguments.js'

test('what is left out has defaults; the seed is another one each time', () => {
  const [one, other] = [parseSoakArguments([]), parseSoakArguments([])]
  expect(one).toEqual({ minutes: 1, clients: 2, seed: expect.any(Number), wantsHelp: false })
  expect(one.seed).not.toBe(other.seed)
})

test('everything can be given', () => {
  const argv = ['--minutes', '0.5', '--seed', '7', '--clients', '3', '--help']
  expect(parseSoakArguments(argv)).toEqual({ minutes: 0.5, seed: 7, clients: 3, wantsHelp: true })
})

test.each([
  ['--minutes', '0'],
  ['--minutes', 'long'],
  ['--minutes', 'Infinity'],
  ['--seed', '-1'],
  ['--seed', '1.5'],
  ['--seed', '4294967296'],
  ['--clients', '0'],
  ['--clients', '1.5'],
  ['--hours', '1'],
])('%s %s is refused, by name', (name, value) => {
  expect(() => parseSoakArguments([`${name}=${value}`])).toThrow(name)
})

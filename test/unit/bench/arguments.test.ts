import { expect, test } from 'vitest'
import { HELP, parseBenchArguments } from '../../../bench/arguments.js'

const ROWS = ['get', 'put']
const parse = (...argv: string[]) => parseBenchArguments(argv, ROWS)

test('without arguments everything runs, at full scale', () => {
  expect(parse()).toEqual({
    only: [],
    jsonFile: undefined,
    scale: 1,
    rounds: undefined,
    against: undefined,
    profiles: undefined,
    wants: 'run',
  })
})

test('everything can be said', () => {
  const args = ['--only', 'get', '--only', 'put', '--json', 'a.json', '--scale', '0.05', '--rounds', '3']
  expect(parse(...args, '--against', 'scp', '--against', 'ssh2, no delay', '--cpu-prof', 'profiles')).toEqual(
    {
      only: ['get', 'put'],
      jsonFile: 'a.json',
      scale: 0.05,
      rounds: 3,
      against: ['scp', 'ssh2, no delay'],
      profiles: 'profiles',
      wants: 'run',
    },
  )
})

test('a row that does not exist is refused with those that do', () => {
  expect(() => parse('--only', 'gte')).toThrow("--only: no row is called 'gte'; there are get, put")
})

test.each(['0', '-1', '2', 'much', ''])('a scale of %j is refused', (scale) => {
  expect(() => parse(`--scale=${scale}`)).toThrow('--scale')
})

test.each(['0', '1.5', 'many'])('%j rounds are refused', (rounds) => {
  expect(() => parse('--rounds', rounds)).toThrow('--rounds')
})

test('what is unknown is refused', () => {
  expect(() => parse('--fast')).toThrow('--fast')
  expect(() => parse('get')).toThrow('get')
})

test('help and the list are asked for by name', () => {
  expect(parse('--help').wants).toBe('help')
  expect(parse('-h').wants).toBe('help')
  expect(parse('--list').wants).toBe('list')
})

test('the help names every option', () => {
  for (const option of ['only', 'json', 'against', 'rounds', 'scale', 'cpu-prof', 'list'])
    expect(HELP).toContain(`--${option}`)
})

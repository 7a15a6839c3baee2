import { expect, test } from 'vitest'
import { JobHolders } from '../../../../src/exec/jobs/job-holders.js'

/** What becomes of OPENs, given as `holder attempt arrival`. */
function outcomes(...opens: readonly string[]): string[] {
  const holders = new JobHolders()
  return opens.map((open) => {
    const [holder = '', attempt, arrival] = open.split(' ')
    try {
      holders.admit({ holder, attempt: Number(attempt) }, Number(arrival))
      return 'in'
    } catch (error) {
      return (error as { code: string }).code
    }
  })
}

const FENCED = 'ERR_FAKESSH_FENCED'

test('each attempt of a holder takes the place of the one before, wherever the bytes of that were meanwhile', () => {
  expect(outcomes('a 1 1', 'a 3 2', 'a 2 3', 'a 3 4', 'a 4 5')).toEqual(['in', 'in', FENCED, FENCED, 'in'])
})

test('its order is that of its attempts, not of their arrival', () => {
  expect(outcomes('a 1 2', 'a 2 1')).toEqual(['in', 'in'])
})

test('a new holder takes the place of another, which does not come back', () => {
  expect(outcomes('a 1 1', 'b 1 2', 'a 2 3', 'c 5 4', 'b 2 5', 'a 3 6')).toEqual([
    'in',
    'in',
    FENCED,
    'in',
    FENCED,
    FENCED,
  ])
})

test('of two holders the one whose OPEN arrived later stays, whichever is decided first', () => {
  expect(outcomes('b 1 2', 'a 1 1', 'b 2 3')).toEqual(['in', FENCED, 'in'])
})

test('one that is decided late is newer than a holder that asked before it, also where that has come back meanwhile', () => {
  expect(outcomes('a 1 1', 'a 2 3', 'b 1 2', 'a 3 4')).toEqual(['in', 'in', 'in', FENCED])
})

test('remembers so many that were replaced', () => {
  const many = Array.from({ length: 1_002 }, (_, i) => `${i} 1 ${i + 1}`)
  expect(outcomes(...many, '0 2 2000', '2 2 2001').slice(-2)).toEqual(['in', FENCED])
})

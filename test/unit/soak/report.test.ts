import { expect, test } from 'vitest'
import { momentLine, summary } from '../../../soak/report.js'

const MOMENT = {
  name: 'minute 3',
  states: { server: { rssBytes: 100 * 2 ** 20, handles: 30 } },
  tally: {
    operations: { put: 2, get: 1 },
    failures: { ERR_B: 1, ERR_A: 2 },
    failed: { put: 3 },
    losses: ['put: torn'],
    connections: 4,
  },
  faults: { 'cut, end': 2 },
}

test('a moment is one line', () => {
  expect(momentLine(MOMENT)).toBe(
    'minute 3  3 operations, 3 failed, 2 faults, 1 losses; server 100 MiB 30 handles',
  )
})

test('the end tells everything by name', () => {
  expect(summary(MOMENT).split('\n')).toEqual([
    'operations  3: get 1, put 2',
    'faults      2: cut, end 2',
    'connections 4',
    'failures    3: ERR_A 2, ERR_B 1',
    'of          put 3',
    'losses      1',
    '  put: torn',
  ])
})

// The table in the code is that of docs/protocol.md, section 5.3.
import { expect, test } from 'vitest'
import { RECEIVABLE } from '../../../src/protocol/connection-states.js'
import { TYPE_NAMES, type TypeName } from '../../helpers/frames.js'
import { tableOf } from '../../helpers/specification.js'

const cells = new Map(
  tableOf('### 5.3 Connection states').map(([state = '', may = '']) => [state.replaceAll('`', ''), may]),
)
const named = (state: string) => new Set(cells.get(state)?.match(/\b[A-Z_]{4,}\b/g) as TypeName[])

test('the states are those of the specification', () => {
  expect([...cells.keys()]).toEqual(Object.keys(RECEIVABLE))
})

test('before authentication only what the specification names may arrive', () => {
  expect(RECEIVABLE.hello).toEqual(named('hello'))
  expect(RECEIVABLE.auth).toEqual(named('auth'))
})

test('an open connection takes everything but HELLO and AUTH', () => {
  expect(cells.get('open')).toContain('every frame but HELLO and AUTH')
  const others = TYPE_NAMES.filter((name) => name !== 'HELLO' && name !== 'AUTH')
  expect(RECEIVABLE.open).toEqual(new Set(others))
  expect(RECEIVABLE.draining).toEqual(RECEIVABLE.open)
})

test('a closed connection takes nothing', () => {
  expect(RECEIVABLE.closed.size).toBe(0)
})

test('no frame that does work is received before authentication', () => {
  for (const name of TYPE_NAMES.filter((type) => RECEIVABLE.hello.has(type) || RECEIVABLE.auth.has(type))) {
    expect(['HELLO', 'AUTH', 'GOODBYE', 'PING', 'PONG']).toContain(name)
  }
})

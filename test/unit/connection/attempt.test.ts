import { expect, test } from 'vitest'
import { newHolder } from '../../../src/connection/attempt.js'

test('no two holders are the same', () => {
  expect(newHolder()).toMatch(/^[0-9a-f]{32}$/)
  expect(newHolder()).not.toBe(newHolder())
})

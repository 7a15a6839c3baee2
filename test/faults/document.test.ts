// docs/reliability.md shows the rows that the other tests here were held to. UPDATE_OUTCOMES=1 writes them there.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ERROR_CODES } from '../../src/errors.js'
import { repository } from '../helpers/documents.js'
import { withTables } from './outcome-tables.js'
import { OUTCOMES, type Outcome } from './outcomes.js'

const path = join(repository, 'docs/reliability.md')

test('the document has the rows as they are tested', () => {
  const text = readFileSync(path, 'utf8')
  const right = withTables(text)
  if (process.env.UPDATE_OUTCOMES === '1') writeFileSync(path, right)
  expect(text).toBe(right)
})

describe('withTables()', () => {
  const all = Object.keys(OUTCOMES).map((group) => `<!-- outcomes: ${group} -->\n<!-- end -->`)

  test('puts each row in, once', () => {
    const text = withTables(all.join('\n'))
    const faults = Object.values(OUTCOMES).flatMap((rows) =>
      Object.values<Outcome>(rows).map((row) => row.fault),
    )
    const inText = [...text.matchAll(/^\| (?!What|---)([^|]+) \|/gm)].map(([, fault]) => fault)
    expect(inText).toEqual(faults)
    expect(withTables(text)).toBe(text)
  })

  test('refuses a document that leaves a group out, has one twice, or has another one', () => {
    expect(() => withTables(all.slice(1).join('\n'))).toThrow('no table for link')
    expect(() => withTables([...all, all[0]].join('\n'))).toThrow("no group 'link'")
    expect(() => withTables(`${all[0]}`.replace('link', 'other'))).toThrow("no group 'other'")
  })
})

test('every code of a row is documented, or one of the operating system', () => {
  const codes = Object.values(OUTCOMES).flatMap((rows) =>
    Object.values<Outcome>(rows).flatMap((row) => row.codes),
  )
  expect(codes.filter((code) => !(code in ERROR_CODES) && !/^E[A-Z]+$/.test(code))).toEqual([])
})

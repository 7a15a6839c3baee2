import { expect, test } from 'vitest'
import { markdownSection, replaceSection } from '../../../../bench/report/markdown.js'
import { contenderResult, rowResult, runResult } from '../../../helpers/bench-results.js'

const RUN = runResult([
  rowResult({
    contenders: [contenderResult('fake-ssh', { rate: [3] }), contenderResult('tar | ssh', { rate: [2] })],
    verdicts: [{ measure: 'rate', to: 'tar | ssh', atLeast: 2, measured: 1.5, outcome: 'short' }],
  }),
])

test('every line of the table has as many cells as its header', () => {
  const table = markdownSection(RUN)
    .split('\n')
    .filter((line) => line.startsWith('|'))
  const cells = table.map((line) => line.split(/(?<!\\)\|/).length)
  expect(table.length).toBe(4)
  expect(new Set(cells).size).toBe(1)
})

test('names that would end a cell are escaped', () => {
  expect(markdownSection(RUN)).toContain('| tar \\| ssh |')
})

test('what falls short is emphasised, and rows are explained', () => {
  const section = markdownSection(RUN)
  expect(section).toContain('| **short** |')
  expect(section).toContain('- **get**: get a file. Gets a file.')
})

const DOCUMENT = 'before\n<!-- results: begin -->\nold\n<!-- results: end -->\nafter\n'

test('only what stands between the markers is replaced', () => {
  expect(replaceSection(DOCUMENT, 'new')).toBe(
    'before\n<!-- results: begin -->\n\nnew\n\n<!-- results: end -->\nafter\n',
  )
})

test('replacing twice is the same as replacing once', () => {
  const once = replaceSection(DOCUMENT, 'new')
  expect(replaceSection(once, 'new')).toBe(once)
})

test.each(['no markers', '<!-- results: end --> <!-- results: begin -->'])('%s is refused', (document) => {
  expect(() => replaceSection(document, 'new')).toThrow('the document has no')
})

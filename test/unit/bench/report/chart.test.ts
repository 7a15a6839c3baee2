import { expect, test } from 'vitest'
import { chart } from '../../../../bench/report/chart.js'
import { chartGroups } from '../../../../bench/report/chart-groups.js'
import type { RowResult } from '../../../../bench/report/result.js'
import { contenderResult, RATE, rowResult, runResult, TIME } from '../../../helpers/bench-results.js'

const ROW: RowResult = rowResult({
  measures: { rate: RATE, time: TIME },
  contenders: [
    contenderResult('fake-ssh', { rate: [100, 300, 200], time: [1] }),
    contenderResult('a <b> & c', { rate: [50] }),
    contenderResult('broken', { rate: [999] }, { error: 'it broke' }),
  ],
  verdicts: [
    { measure: 'rate', to: 'a <b> & c', atLeast: 3, measured: 4, outcome: 'pass' },
    { measure: 'time', below: 10, measured: 1, outcome: 'pass' },
  ],
})

test('a group shows the medians of who was measured, and what is asked', () => {
  const [group] = chartGroups(runResult([ROW]))
  expect(group).toEqual({
    title: 'get: throughput',
    measure: RATE,
    bars: [
      { name: 'fake-ssh', kind: 'subject', value: 200 },
      { name: 'a <b> & c', kind: 'peer', value: 50 },
    ],
    marks: [150],
  })
})

test('measures that are compared with somebody are shown; where none is, the first that is asked about', () => {
  const titles = (row: RowResult) => chartGroups(runResult([row])).map(({ title }) => title)
  expect(titles(ROW)).toEqual(['get: throughput'])
  expect(titles({ ...ROW, verdicts: ROW.verdicts.slice(1) })).toEqual(['get: time'])
  expect(titles({ ...ROW, verdicts: [] })).toEqual([])
})

test('a plain bound is marked where it is', () => {
  const [group] = chartGroups(runResult([{ ...ROW, verdicts: ROW.verdicts.slice(1) }]))
  expect(group?.marks).toEqual([10])
})

test('names are escaped', () => {
  const drawing = chart(runResult([ROW]))
  expect(drawing).toContain('>a &lt;b&gt; &amp; c</text>')
  expect(drawing).not.toContain('<b>')
})

test('bars are in proportion', () => {
  const widths = [...chart(runResult([ROW])).matchAll(/width="([\d.]+)" height="14"/g)].map(([, width]) =>
    Number(width),
  )
  expect(widths).toHaveLength(2)
  expect((widths[0] ?? 0) / (widths[1] ?? 1)).toBeCloseTo(4, 1)
})

test('nothing is drawn outside, however many rows there are', () => {
  const drawing = chart(runResult(Array.from({ length: 20 }, () => ROW)))
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(drawing) ?? []
  const places = [...drawing.matchAll(/ x="([\d.]+)" y="([\d.]+)"/g)]
  expect(places.length).toBeGreaterThan(100)
  for (const [, x, y] of places) {
    expect(Number(x)).toBeLessThan(Number(width))
    expect(Number(y)).toBeLessThan(Number(height))
  }
})

test('values below zero and groups of nothing but zeros have bars without length', () => {
  const negative = { ...ROW, contenders: [contenderResult('fake-ssh', { rate: [-3] })] }
  const zero = {
    ...ROW,
    contenders: [contenderResult('fake-ssh', { rate: [0] })],
    verdicts: ROW.verdicts.slice(0, 1),
  }
  const drawing = chart(runResult([negative, zero]))
  expect(drawing).not.toMatch(/NaN|Infinity|="-/)
})

test('an empty run is still a drawing', () => {
  expect(chart(runResult([]))).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
})

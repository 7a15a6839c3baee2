import { expect, test } from 'vitest'
import { PROGRESS_INTERVAL_MS, ProgressMeter, type TransferProgress } from '../../../src/files/progress.js'

/** A meter whose time is moved by hand. */
function manualMeter(total?: number) {
  const reports: TransferProgress[] = []
  const time = { now: 5_000 }
  const meter = new ProgressMeter(
    (progress) => reports.push(progress),
    () => time.now,
  )
  meter.expect(total)
  const step = (ms: number, bytes: number) => {
    time.now += ms
    meter.addTransferred(bytes)
  }
  return { meter, reports, time, step }
}

test('reports at most every 100 ms', () => {
  const { reports, step } = manualMeter(1_000_000)
  for (let i = 0; i < 1000; i++) step(1, 100)
  expect(reports).toHaveLength(1000 / PROGRESS_INTERVAL_MS)
  expect(reports.map(({ elapsedMs }) => elapsedMs)).toEqual([
    100, 200, 300, 400, 500, 600, 700, 800, 900, 1000,
  ])
})

test('a first report says all there is to say', () => {
  const { reports, step } = manualMeter(1000)
  step(100, 250)
  expect(reports).toEqual([
    {
      transferred: 250,
      acknowledged: 0,
      total: 1000,
      percent: 25,
      bytesPerSecond: 2500,
      etaMs: 300,
      elapsedMs: 100,
    },
  ])
})

test('the end is always reported, once, even right after another report', () => {
  const { meter, reports, step } = manualMeter(10)
  step(100, 10)
  meter.finish()
  meter.finish()
  meter.addTransferred(5)
  expect(reports).toHaveLength(2)
  expect(reports.at(-1)).toMatchObject({
    transferred: 10,
    acknowledged: 10,
    total: 10,
    percent: 100,
    etaMs: 0,
  })
})

test('nothing at all is 100 percent in no time', () => {
  const { meter, reports } = manualMeter(0)
  meter.finish()
  expect(reports).toEqual([
    { transferred: 0, acknowledged: 0, total: 0, percent: 100, bytesPerSecond: 0, etaMs: 0, elapsedMs: 0 },
  ])
})

test('without a total there is neither percent nor eta until the end', () => {
  const { meter, reports, step } = manualMeter()
  step(200, 50)
  expect(reports[0]).toMatchObject({
    total: undefined,
    percent: undefined,
    etaMs: undefined,
    bytesPerSecond: 250,
  })
  meter.finish()
  expect(reports[1]).toMatchObject({ total: 50, percent: 100, etaMs: 0 })
})

test('a virtual file that says 0 has no known total', () => {
  const { reports, step } = manualMeter(0)
  step(100, 50)
  expect(reports[0]).toMatchObject({ transferred: 50, total: undefined, percent: undefined })
})

test('a total that was exceeded is forgotten', () => {
  const { meter, reports, step } = manualMeter(100)
  step(100, 90)
  step(100, 90)
  meter.finish()
  expect(reports.map(({ percent }) => percent)).toEqual([90, undefined, 100])
  expect(reports.at(-1)?.total).toBe(180)
})

test('acknowledged grows, is reported, and never passes what was transferred', () => {
  const { meter, reports, step, time } = manualMeter(100)
  step(1, 50)
  time.now += 100
  meter.setAcknowledged(70)
  time.now += 100
  meter.setAcknowledged(20)
  time.now += 100
  step(0, 0)
  expect(reports.map(({ acknowledged }) => acknowledged)).toEqual([50, 50])
  meter.finish()
  expect(reports.at(-1)).toMatchObject({ transferred: 50, acknowledged: 50 })
})

test('everything is monotonic', () => {
  const { meter, reports, step } = manualMeter(10_000)
  for (let i = 1; i <= 50; i++) {
    step(i * 7, i * 3)
    meter.setAcknowledged(i * i)
  }
  meter.finish()
  for (const key of ['transferred', 'acknowledged', 'elapsedMs'] as const) {
    const values = reports.map((report) => report[key])
    expect(values).toEqual([...values].sort((a, b) => a - b))
  }
})

test('the speed follows a change within seconds, and does not jump', () => {
  const { reports, step } = manualMeter()
  for (let i = 0; i < 100; i++) step(100, 1000)
  expect(reports.at(-1)?.bytesPerSecond).toBe(10_000)
  step(100, 0)
  const dipped = reports.at(-1)?.bytesPerSecond ?? 0
  expect(dipped).toBeGreaterThan(9_000)
  expect(dipped).toBeLessThan(10_000)
  for (let i = 0; i < 100; i++) step(100, 5000)
  expect(reports.at(-1)?.bytesPerSecond).toBeGreaterThan(49_000)
})

test('a stall is told by the next report: the speed falls and the eta grows', () => {
  const { reports, step } = manualMeter(1_000_000)
  step(100, 100_000)
  step(10_000, 0)
  expect(reports[1]?.bytesPerSecond).toBeLessThan((reports[0]?.bytesPerSecond ?? 0) / 100)
  expect(reports[1]?.etaMs).toBeGreaterThan((reports[0]?.etaMs ?? 0) * 100)
})

test('before anything moved the eta is unknown', () => {
  const { reports, step } = manualMeter(100)
  step(100, 0)
  expect(reports[0]).toMatchObject({ bytesPerSecond: 0, etaMs: undefined, percent: 0 })
})

test('with the real clock', () => {
  const reports: TransferProgress[] = []
  const meter = new ProgressMeter((progress) => reports.push(progress))
  meter.addTransferred(1)
  meter.finish()
  expect(reports).toHaveLength(1)
  expect(reports[0]?.elapsedMs).toBeGreaterThanOrEqual(0)
  expect(Number.isFinite(reports[0]?.bytesPerSecond)).toBe(true)
})

test('an attempt that begins further on begins there, and its speed is its own', () => {
  const { meter, reports, step } = manualMeter(1_000)
  meter.startAt(600)
  step(100, 100)
  expect(reports).toMatchObject([{ transferred: 700, acknowledged: 600, percent: 70, bytesPerSecond: 1_000 }])
})

test('an attempt that begins further back does not take back what was told', () => {
  const { meter, reports, step } = manualMeter(1_000)
  step(100, 800)
  meter.setAcknowledged(700)
  meter.startAt(0)
  step(100, 300)
  step(100, 600)
  expect(reports.map(({ transferred }) => transferred)).toEqual([800, 800, 900])
  expect(reports.map(({ acknowledged }) => acknowledged)).toEqual([0, 700, 700])
})

test('a source that became shorter than what was had of it says nothing of what is left', () => {
  const { meter, reports, step } = manualMeter(1_000)
  step(100, 800)
  meter.expect(500)
  meter.startAt(0)
  step(100, 100)
  expect(reports.at(-1)).toMatchObject({ transferred: 800, total: undefined, percent: undefined })
})

test('an attempt that goes on behind bytes that wait to be read does not count those as arrived for good', () => {
  const { meter, reports, step } = manualMeter(1_000)
  meter.startAt(600, 200)
  step(100, 0)
  expect(reports.at(-1)).toMatchObject({ transferred: 600, acknowledged: 200 })
})

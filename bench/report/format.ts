/** Numbers and bounds as people read them. */
import type { Bound, Unit } from '../row.js'

/** Three digits that matter, and none more than that. */
export function formatNumber(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

export function formatValue(value: number, unit: Unit): string {
  return `${formatNumber(value)} ${unit}`
}

/** From the smallest to the largest; empty for a single value. */
export function formatRange(values: readonly number[]): string {
  if (values.length < 2) return ''
  return `${formatNumber(Math.min(...values))} to ${formatNumber(Math.max(...values))}`
}

/** `≥ 1.5 × scp`, or for a plain value `< 20 ms`. */
export function formatBound(bound: Bound, unit: Unit, to: string | undefined): string {
  const [sign, value] = signed(bound)
  return to === undefined ? `${sign} ${value} ${unit}` : `${sign} ${value} × ${to}`
}

function signed({ atLeast, atMost, below }: Bound): [sign: string, value: number] {
  if (atLeast !== undefined) return ['≥', atLeast]
  if (atMost !== undefined) return ['≤', roundBound(atMost)]
  if (below !== undefined) return ['<', below]
  throw new RangeError('a bound without a value')
}

/** A third is asked for as 1/3, and shown as what fits a table. */
function roundBound(value: number): number {
  return Number(value.toFixed(2))
}

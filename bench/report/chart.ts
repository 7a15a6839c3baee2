/** Draws the chart: horizontal bars in groups, in two columns, as plain SVG. */
import type { ContenderKind } from '../row.js'
import { type Bar, type ChartGroup, chartGroups } from './chart-groups.js'
import { formatValue } from './format.js'
import type { RunResult } from './result.js'
import { runSummary } from './summary.js'

const COLUMN_WIDTH = 470
const MARGIN = 20
const LABEL_WIDTH = 165
const VALUE_WIDTH = 90
const BAR_HEIGHT = 14
const LINE_HEIGHT = 19
const TITLE_HEIGHT = 26
const GROUP_GAP = 16
const HEADER_HEIGHT = 62

const COLOURS: { readonly [kind in ContenderKind]: string } = {
  subject: '#1d4ed8',
  ours: '#93b4f5',
  peer: '#9ca3af',
  limit: '#e5e7eb',
}
const LEGEND: { readonly [kind in ContenderKind]: string } = {
  subject: 'fake-ssh',
  ours: 'fake-ssh, another way',
  peer: 'peer',
  limit: 'limit',
}
const MARK_COLOUR = '#dc2626'

export function chart(result: RunResult): string {
  const groups = chartGroups(result)
  const heights = groups.map(heightOf)
  const half = heights.reduce((sum, height) => sum + height, 0) / 2
  const ends = [HEADER_HEIGHT, HEADER_HEIGHT]
  let column = 0
  const drawn = groups.map((group, index) => {
    // The left column takes groups until it holds half of all.
    if (column === 0 && (ends[0] ?? 0) - HEADER_HEIGHT >= half) column = 1
    const y = ends[column] ?? HEADER_HEIGHT
    ends[column] = y + (heights[index] ?? 0)
    return drawGroup(group, MARGIN + column * COLUMN_WIDTH, y)
  })
  const [width, height] = [2 * COLUMN_WIDTH + MARGIN, Math.max(...ends) + MARGIN]
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">
<title>fake-ssh beside its peers, medians of one run</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${text(MARGIN, 26, runSummary(result)[0] ?? '', { fill: '#374151' })}
${legend()}
${drawn.join('\n')}
</svg>
`
}

function heightOf({ bars }: ChartGroup): number {
  return TITLE_HEIGHT + bars.length * LINE_HEIGHT + GROUP_GAP
}

function drawGroup({ title, measure, bars, marks }: ChartGroup, x: number, y: number): string {
  const room = COLUMN_WIDTH - LABEL_WIDTH - VALUE_WIDTH - MARGIN
  const largest = Math.max(...bars.map(({ value }) => value), ...marks)
  const scaled = (value: number) => (largest > 0 ? (Math.max(0, value) / largest) * room : 0)
  const drawBar = ({ name, kind, value }: Bar, index: number) => {
    const top = y + TITLE_HEIGHT + index * LINE_HEIGHT
    const [baseline, start] = [top + BAR_HEIGHT - 3, x + LABEL_WIDTH]
    const ticks = kind === 'subject' ? marks.map((mark) => tick(start + scaled(mark), top)) : []
    return [
      text(start - 8, baseline, name, { anchor: 'end', weight: kind === 'subject' ? 600 : 400 }),
      `<rect x="${start}" y="${top}" width="${round(scaled(value))}" height="${BAR_HEIGHT}" fill="${COLOURS[kind]}"/>`,
      ...ticks,
      text(x + LABEL_WIDTH + room + 8, baseline, formatValue(value, measure.unit), {}),
    ].join('')
  }
  const heading = `${title}, ${measure.better} is better`
  return [text(x, y + 14, heading, { weight: 600 }), ...bars.map(drawBar)].join('\n')
}

function tick(x: number, top: number): string {
  return `<rect x="${round(x) - 1}" y="${top - 2}" width="2" height="${BAR_HEIGHT + 4}" fill="${MARK_COLOUR}"/>`
}

function legend(): string {
  const entries = Object.entries(LEGEND).map(([kind, label]) => ({
    label,
    colour: COLOURS[kind as ContenderKind],
  }))
  const asked = { label: 'asked of fake-ssh', colour: MARK_COLOUR }
  return [...entries, asked]
    .map(({ label, colour }, index) => {
      const x = MARGIN + index * 160
      return `<rect x="${x}" y="38" width="12" height="12" fill="${colour}"/>${text(x + 18, 48, label, {})}`
    })
    .join('\n')
}

function text(
  x: number,
  y: number,
  content: string,
  { anchor = 'start', weight = 400, fill = '#111827' }: { anchor?: string; weight?: number; fill?: string },
): string {
  return `<text x="${round(x)}" y="${y}" text-anchor="${anchor}" font-weight="${weight}" fill="${fill}">${escapeXml(content)}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

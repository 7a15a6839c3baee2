/** The rows as docs/reliability.md shows them. */
import { type OperationName, OUTCOMES, type Outcome, REMAINS, TARGETS, TIMES } from './outcomes.js'

const HEAD = [
  'What happens',
  'During',
  'The operation ends with',
  'When',
  'Its target',
  'Left behind',
  'The connection',
]

/** Operations there are. */
const ALL = 5

const nameOf = (name: OperationName) => (name === 'durable' ? 'durable `exec`' : `\`${name}\``)

function row({ fault, operations, codes, time, target, remains, isUsable }: Outcome): string[] {
  return [
    fault,
    operations.length === ALL ? 'any operation' : operations.map(nameOf).join(', '),
    codes.length === 0 ? 'success' : codes.map((code) => `\`${code}\``).join(' or '),
    TIMES[time],
    operations.some((name) => !['exec', 'durable', 'get'].includes(name)) ? TARGETS[target] : TARGETS.none,
    REMAINS[remains],
    isUsable ? 'goes on' : 'is over',
  ]
}

function table(outcomes: readonly Outcome[]): string {
  const lines = [HEAD, HEAD.map(() => '---'), ...outcomes.map(row)]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

const BLOCK = /<!-- outcomes: (\w+) -->\n(?:[\s\S]*?\n)??<!-- end -->/g

/** The document with the tables that the rows make. Throws for a group without a place, and for a place without a group. */
export function withTables(text: string): string {
  const groups = new Set(Object.keys(OUTCOMES))
  const result = text.replace(BLOCK, (_block, name: string) => {
    if (!groups.delete(name)) throw new Error(`no group '${name}', or it has two tables`)
    const rows = Object.values<Outcome>(OUTCOMES[name as keyof typeof OUTCOMES])
    return `<!-- outcomes: ${name} -->\n\n${table(rows)}\n\n<!-- end -->`
  })
  if (groups.size > 0) throw new Error(`no table for ${[...groups].join(', ')}`)
  return result
}

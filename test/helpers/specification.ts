/** Tables of docs/protocol.md, so that tests hold the code to the page and the page to the code. */
import { readFileSync } from 'node:fs'

const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8')

/** The text from a heading that starts with this to the next heading. */
export function section(heading: string): string {
  const start = page.indexOf(`\n${heading}`)
  if (start < 0) throw new RangeError(`docs/protocol.md has no heading ${heading}`)
  const end = page.indexOf('\n#', start + 1)
  return page.slice(start, end < 0 ? undefined : end)
}

/** The rows of the first table of a section, without its head; each row as its cells. */
export function tableOf(heading: string): string[][] {
  const rows = section(heading)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split('|')
        .map((cell) => cell.trim()),
    )
  return rows.slice(2)
}

/** The names in back quotes. */
export function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string)
}

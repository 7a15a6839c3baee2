// Reads the parts of a Markdown document that tests hold against the code: headings, links and code blocks.

interface Heading {
  readonly level: number
  readonly text: string
  /** What a link to it names after `#`, as GitHub makes it. */
  readonly fragment: string
}

interface Link {
  readonly target: string
  readonly line: number
}

export interface CodeBlock {
  /** The first word after the fence. */
  readonly language: string
  /** What follows it: how a test treats the block, and why. */
  readonly note: string
  readonly text: string
  /** Of the first line of the text. */
  readonly line: number
}

export interface Markdown {
  readonly headings: readonly Heading[]
  readonly links: readonly Link[]
  readonly blocks: readonly CodeBlock[]
}

const FENCE = /^\s*(`{3,}|~{3,})\s*(\S*)\s*(.*)$/
// Code in the text of a link may hold brackets; an empty line ends a paragraph, and so a link.
const LINK = /\[(?:[^\]`\n]|\n(?!\n)|`[^`]*`)*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g

export function parseMarkdown(source: string): Markdown {
  const headings: Heading[] = []
  const prose: string[] = []
  const blocks: CodeBlock[] = []
  const seen = new Map<string, number>()
  let open: { fence: string; language: string; note: string; line: number; lines: string[] } | undefined
  for (const [index, text] of source.split('\n').entries()) {
    // Blank where there is code, so that the lines of what is left keep their numbers.
    prose[index] = ''
    const [, fence = '', language = '', note = ''] = FENCE.exec(text) ?? []
    if (open !== undefined) {
      if (fence.startsWith(open.fence) && language === '') {
        const { lines, fence: _, ...rest } = open
        blocks.push({ ...rest, text: lines.join('\n') })
        open = undefined
      } else open.lines.push(text)
    } else if (fence !== '') {
      open = { fence, language, note, line: index + 2, lines: [] }
    } else {
      prose[index] = withoutCode(text)
      const [, marks, title] = /^(#{1,6})\s+(.*?)\s*#*$/.exec(text) ?? []
      if (marks !== undefined && title !== undefined) {
        const slug = fragmentOf(title)
        const before = seen.get(slug) ?? 0
        seen.set(slug, before + 1)
        const fragment = before === 0 ? slug : `${slug}-${before}`
        headings.push({ level: marks.length, text: title, fragment })
      }
    }
  }
  if (open !== undefined) throw new Error(`the code block of line ${open.line - 1} does not end`)
  return { headings, links: linksIn(prose.join('\n')), blocks }
}

/** Code that is the whole text of a link stays. */
function withoutCode(line: string): string {
  return line.replace(/`[^`]*`/g, (code, at: number) => {
    return line[at - 1] === '[' && line[at + code.length] === ']' ? code : ''
  })
}

/** A link may go over the end of a line. */
function linksIn(prose: string): Link[] {
  return [...prose.matchAll(LINK)].map(({ 1: target = '', index }) => ({
    target,
    line: prose.slice(0, index).split('\n').length,
  }))
}

/** As GitHub does it: lower case, punctuation dropped, spaces to hyphens. */
function fragmentOf(title: string): string {
  return title
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-')
}

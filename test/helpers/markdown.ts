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
// Also the inner link of an image in a link; code in the text of a link may hold brackets.
const LINK = /\[(?:[^\]`]|`[^`]*`)*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g

export function parseMarkdown(source: string): Markdown {
  const headings: Heading[] = []
  const links: Link[] = []
  const blocks: CodeBlock[] = []
  const seen = new Map<string, number>()
  let open: { fence: string; language: string; note: string; line: number; lines: string[] } | undefined
  for (const [index, text] of source.split('\n').entries()) {
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
      const [, marks, title] = /^(#{1,6})\s+(.*?)\s*#*$/.exec(text) ?? []
      if (marks !== undefined && title !== undefined) {
        const slug = fragmentOf(title)
        const before = seen.get(slug) ?? 0
        seen.set(slug, before + 1)
        const fragment = before === 0 ? slug : `${slug}-${before}`
        headings.push({ level: marks.length, text: title, fragment })
      }
      for (const [, target = ''] of text.replace(/(?<!\[)`[^`]*`(?!\])/g, '').matchAll(LINK))
        links.push({ target, line: index + 1 })
    }
  }
  if (open !== undefined) throw new Error(`the code block of line ${open.line - 1} does not end`)
  return { headings, links, blocks }
}

/** As GitHub does it: lower case, punctuation dropped, spaces to hyphens. */
function fragmentOf(title: string): string {
  return title
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-')
}

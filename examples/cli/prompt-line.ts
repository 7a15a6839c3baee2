/** What a line at the prompt asks for. Only these exact words are ours; every other line goes to the remote shell as it is. */
import { UsageError } from './failure.js'
import { splitWords } from './split-words.js'

export type PromptLine =
  | { readonly do: 'nothing' }
  | { readonly do: 'help' }
  /** Without a code: that of the last command. */
  | { readonly do: 'exit'; readonly code: number | undefined }
  | { readonly do: 'get'; readonly remote: string; readonly local: string | undefined }
  | { readonly do: 'put'; readonly local: string; readonly remote: string | undefined }
  | { readonly do: 'command'; readonly command: string }

/** Throws UsageError. */
export function readPromptLine(line: string): PromptLine {
  const text = line.trim()
  if (text === '') return { do: 'nothing' }
  if (text === 'help') return { do: 'help' }
  const exit = /^exit(?:\s+(\d{1,3}))?$/.exec(text)
  if (exit !== null) return { do: 'exit', code: exit[1] === undefined ? undefined : Number(exit[1]) & 0xff }
  // The whole first word: `getconf` and `get-data.sh` are commands like any other.
  const verb = /^(get|put)(?:\s|$)/.exec(text)?.[1]
  if (verb === undefined) return { do: 'command', command: line }
  const [, from, to, tooMany] = splitWords(text)
  if (from === undefined || from === '') throw new UsageError(`${verb}: which file?`)
  if (tooMany !== undefined) {
    throw new UsageError(`${verb}: '${tooMany}' is one name too many; quote a name that has spaces`)
  }
  if (verb === 'get') return { do: 'get', remote: from, local: to }
  return { do: 'put', local: from, remote: to }
}

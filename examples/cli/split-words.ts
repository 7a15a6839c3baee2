/** Splits a line into words as a shell would, for names with spaces: `'…'`, `"…"` and `\` quote; nothing is expanded. */
import { UsageError } from './failure.js'

/** Throws UsageError when a quote is not closed. */
export function splitWords(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote: string | undefined
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at)
    if (character === '\\' && quote !== "'") {
      at += 1
      if (at === line.length) throw new UsageError('the line ends in a backslash')
      word = (word ?? '') + escaped(line.charAt(at), quote)
    } else if (character === quote) quote = undefined
    else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character
      word ??= ''
    } else if (quote === undefined && /\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + character
  }
  if (quote !== undefined) throw new UsageError(`a ${quote} is not closed`)
  return word === undefined ? words : [...words, word]
}

/** Between double quotes a backslash quotes only what is special there. */
function escaped(character: string, quote: string | undefined): string {
  return quote === '"' && !/["\\$`]/.test(character) ? `\\${character}` : character
}

/** Reads command lines, with `parseArgs` of Node. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { UsageError } from './failure.js'

type Options = NonNullable<ParseArgsConfig['options']>

/**
 * The options in front of the first word, and everything from that word on, untouched: in `exec --cwd src ls -l`
 * the `-l` belongs to `ls`. Throws UsageError.
 */
export function leadingOptions<Specs extends Options>(args: readonly string[], options: Specs) {
  const { tokens } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true })
  const first = tokens.find(({ kind }) => kind !== 'option')
  const end = first?.index ?? args.length
  const { values } = usage(() => parseArgs({ args: args.slice(0, end), options }))
  return { values, rest: args.slice(first?.kind === 'option-terminator' ? end + 1 : end) }
}

/** Options and words in any order, at most so many words. Throws UsageError. */
export function optionsAndWords<Specs extends Options>(
  args: readonly string[],
  options: Specs,
  maxWords: number,
) {
  const { values, positionals } = usage(() => parseArgs({ args: [...args], options, allowPositionals: true }))
  const tooMany = positionals[maxWords]
  if (tooMany !== undefined) throw new UsageError(`'${tooMany}' is one argument too many`)
  return { values, words: positionals }
}

/** A whole number in a range; undefined when the option was not given. Throws UsageError. */
export function numberOption(name: string, text: string | undefined, min: number, max: number) {
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new UsageError(`--${name}: expected a whole number from ${min} to ${max}, got '${text}'`)
}

function usage<Parsed>(parse: () => Parsed): Parsed {
  try {
    return parse()
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

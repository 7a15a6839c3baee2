/**
 * Makes peer-supplied text safe to show. A peer chooses file names, messages and command lines; without this
 * it could move the cursor of a terminal, forge a log line, or reverse the reading order of a message.
 */

/** Longest text shown, in UTF-16 units; what is over is cut and marked. */
const MAX_SHOWN = 1024

// C0 and C1 controls, DEL, line and paragraph separators, bidirectional controls, zero-width marks, BOM, lone surrogates.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/**
 * The text with every control, bidirectional and invisible character written as `\xNN` or `\u{NNNN}`, on one
 * line, at most 1,024 characters.
 *
 * @public
 */
export function escapeText(text: string): string {
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
  return shown.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0)
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

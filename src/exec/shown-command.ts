/** A command as people read it. */

/** The command line, or the words of the call as a shell would need them: shows where each argument begins and ends. Nothing parses it. */
export function shownCommand(command: string, words: readonly string[] | undefined): string {
  return words === undefined ? command : [command, ...words].map(quoteWord).join(' ')
}

function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

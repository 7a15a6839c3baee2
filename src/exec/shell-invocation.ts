/** How a command line is given to a shell, so that its text is never part of any other text. */

/** The shell for command lines where the server's `shell` option names none. */
export const DEFAULT_SHELL = process.platform === 'win32' ? (process.env.ComSpec ?? 'cmd.exe') : '/bin/sh'

/** Arguments that make the shell run one command line. */
export function shellArguments(shell: string, command: string): { args: string[]; isVerbatim: boolean } {
  // cmd.exe takes its command line raw: after /s it strips the outer quotes and nothing else.
  if (/(^|[\\/])cmd(\.exe)?$/i.test(shell))
    return { args: ['/d', '/s', '/c', `"${command}"`], isVerbatim: true }
  return { args: ['-c', command], isVerbatim: false }
}

/** The output of a command, every byte of it checked as it arrives. */
import type { LibraryClient } from '../clients/remote-client.js'
import { PatternCheck } from '../measure/pattern.js'
import { timed } from './timed.js'

/** Milliseconds. The command must write the first `bytes` of the pattern and exit with 0. */
export function readStdout(client: LibraryClient, command: string, bytes: number): Promise<number> {
  const check = new PatternCheck()
  return timed(async () => {
    let wrong: unknown
    const exitCode = await client.stdout(command, (chunk) => {
      // Not thrown from here: nobody would catch it.
      try {
        if (wrong === undefined) check.accept(chunk)
      } catch (error) {
        wrong = error
      }
    })
    if (wrong !== undefined) throw wrong
    check.finish(bytes)
    if (exitCode !== 0) throw new Error(`'${command}' exited with ${exitCode}`)
  })
}

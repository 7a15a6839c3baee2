/** A program that numbers lines on both outputs, and a reader that holds what arrives against them without keeping it. */

/** A command line: the lines up to this one on stdout and on stderr at once, then this exit code. */
export const numberedLines = (lines: number, exitCode: number, first = 1): string =>
  `seq ${first} ${lines} & seq ${first} ${lines} >&2; wait; exit ${exitCode}`

export class LineCheck {
  #next = 1
  #rest = ''
  #wrong: string | undefined

  take(bytes: Uint8Array): void {
    const lines = (this.#rest + Buffer.from(bytes).toString('latin1')).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line !== String(this.#next)) this.#wrong ??= `expected ${this.#next}, got ${line.slice(0, 40)}`
      this.#next += 1
    }
  }

  /** How many lines came, the first that was wrong, and what came after the last line. */
  get outcome(): { readonly last: number; readonly wrong: string | undefined; readonly rest: string } {
    return { last: this.#next - 1, wrong: this.#wrong, rest: this.#rest }
  }
}

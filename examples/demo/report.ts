/** What the demo prints, in sections, and whether everything it checked held. */
import { byteSize } from '../common/byte-size.js'
import { type ProgressBar, progressBar } from '../common/progress-bar.js'

/** Between two lines of progress where there is no terminal, in percent. */
const STEP_PERCENT = 25

export class Report {
  #sections = 0
  #passed = 0
  #failed = 0

  get passed(): number {
    return this.#passed
  }

  get failed(): number {
    return this.#failed
  }

  section(title: string): void {
    this.#sections += 1
    this.line()
    console.log(`${this.#sections}. ${title}`)
  }

  line(text = ''): void {
    console.log(text === '' ? '' : `   ${text}`)
  }

  check(what: string, holds: boolean): void {
    if (holds) this.#passed += 1
    else this.#failed += 1
    this.line(holds ? `✓ ${what}` : `✗ ${what}: NOT SO`)
  }

  /** A bar on a terminal, a few lines elsewhere. */
  progress(name: string): ProgressBar {
    if (process.stderr.isTTY) return progressBar(name)
    let shownPercent = 0
    return {
      update: ({ acknowledged, percent = 0, bytesPerSecond }) => {
        if (percent < shownPercent + STEP_PERCENT && percent < 100) return
        shownPercent = percent
        this.line(`${percent.toFixed(0)} %  ${byteSize(acknowledged)}, ${byteSize(bytesPerSecond)}/s`)
      },
      stop: () => {},
    }
  }
}

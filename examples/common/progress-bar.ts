/** A progress bar, on a terminal; nothing where there is none. */
import { Presets, SingleBar } from 'cli-progress'
import { escapeText, type TransferProgress } from 'fake-ssh'
import { byteSize } from './byte-size.js'

/** Longest name shown in front of a bar, in characters. */
const MAX_NAME = 24

export interface ProgressBar {
  readonly update: (progress: TransferProgress) => void
  /** Leaves the bar as it is, and the terminal as it was. */
  readonly stop: () => void
}

/** On stderr, so that it never mixes with what a program reads from our stdout. */
export function progressBar(name: string): ProgressBar {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} }
  const label = escapeText(name).slice(-MAX_NAME).padEnd(MAX_NAME)
  const format = `${label} {bar} {percentage}% | {done} | {speed}/s | {left}`
  const bar = new SingleBar({ format, barsize: 25, hideCursor: true }, Presets.shades_classic)
  let isStarted = false
  return {
    update: (progress) => {
      // `acknowledged`, not `transferred`: what the other end has for good, not what is on its way.
      const { acknowledged, total = acknowledged } = progress
      if (isStarted) bar.setTotal(total)
      else bar.start(total, 0, payloadOf(progress))
      isStarted = true
      bar.update(acknowledged, payloadOf(progress))
    },
    stop: () => {
      if (isStarted) bar.stop()
    },
  }
}

function payloadOf({ acknowledged, total, bytesPerSecond, etaMs }: TransferProgress) {
  return {
    done: total === undefined ? byteSize(acknowledged) : `${byteSize(acknowledged)} of ${byteSize(total)}`,
    speed: byteSize(bytesPerSecond),
    left: etaMs === undefined ? '' : `${Math.ceil(etaMs / 1000)} s left`,
  }
}

/** The figures of a soak, as lines. */
import type { ProcessState } from './process-state.js'
import { sumOf, type Tally } from './tally.js'

export interface Moment {
  readonly name: string
  readonly states: { readonly [process: string]: ProcessState }
  readonly tally: Tally
  readonly faults: { readonly [kind: string]: number }
}

const MEBIBYTE = 2 ** 20

const counts = (all: { readonly [name: string]: number }) =>
  Object.entries(all)
    .sort()
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')

/** One line, for each minute. */
export function momentLine({ name, states, tally, faults }: Moment): string {
  const processes = Object.entries(states).map(
    ([process, { rssBytes, handles }]) =>
      `${process} ${(rssBytes / MEBIBYTE).toFixed(0)} MiB ${handles} handles`,
  )
  const { operations, failures, losses } = tally
  const done = `${sumOf(operations)} operations, ${sumOf(failures)} failed, ${sumOf(faults)} faults, ${losses.length} losses`
  return `${name.padEnd(10)}${done}; ${processes.join('; ')}`
}

/** Everything, at the end. */
export function summary({ tally, faults }: Moment): string {
  const { operations, failures, failed, losses, connections } = tally
  return [
    `operations  ${sumOf(operations)}: ${counts(operations)}`,
    `faults      ${sumOf(faults)}: ${counts(faults)}`,
    `connections ${connections}`,
    `failures    ${sumOf(failures)}: ${counts(failures)}`,
    `of          ${counts(failed)}`,
    `losses      ${losses.length}`,
    ...losses.map((loss) => `  ${loss}`),
  ].join('\n')
}

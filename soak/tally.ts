/** What came of the operations of one client, or of all. */

export interface Tally {
  /** Operations that were begun, by name. */
  readonly operations: { [name: string]: number }
  /** Of those that failed, by code. */
  readonly failures: { [code: string]: number }
  /** The same, by name of the operation. */
  readonly failed: { [name: string]: number }
  readonly losses: string[]
  /** Connections that came about. */
  connections: number
}

/** A soak that goes wrong goes wrong often: the first ones tell enough. */
const MAX_LOSSES = 20

export function emptyTally(): Tally {
  return { operations: {}, failures: {}, failed: {}, losses: [], connections: 0 }
}

export function countIn(counts: { [name: string]: number }, name: string, by = 1): void {
  counts[name] = (counts[name] ?? 0) + by
}

export function addLoss({ losses }: Tally, loss: string): void {
  if (losses.length < MAX_LOSSES) losses.push(loss)
}

export function sumOf(counts: { readonly [name: string]: number }): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

export function addUp(tallies: readonly Tally[]): Tally {
  const sum = emptyTally()
  for (const { operations, failures, failed, losses, connections } of tallies) {
    for (const [name, count] of Object.entries(operations)) countIn(sum.operations, name, count)
    for (const [code, count] of Object.entries(failures)) countIn(sum.failures, code, count)
    for (const [name, count] of Object.entries(failed)) countIn(sum.failed, name, count)
    for (const loss of losses) addLoss(sum, loss)
    sum.connections += connections
  }
  return sum
}

/** Every way in which a link breaks, in the middle of what an operation moves. */
import type { FaultPlan, Faults } from '../../src/testing/index.js'
import type { Operation } from '../helpers/operations.js'
import { RECONNECTING_OPERATIONS } from './durable-operation.js'
import type { OperationName, Scenarios } from './outcomes.js'

/** Of the direction that carries the operation's bytes: well inside. */
const MIDDLE = { afterBytes: 300_000 }
/** Of the other one: with the first answer, or the first question. */
const EARLY = { afterBytes: 100 }

/** From the direction in which the operation's bytes go to what breaks. */
export type LinkFault = (carrying: 'up' | 'down') => FaultPlan

/** One fault in the middle of what is moved, in the direction that is hit. */
const middle =
  (faults: Faults): LinkFault =>
  (carrying) => ({ [carrying]: faults })

/** One direction only: where the bytes go in the middle of them, else early. */
const only =
  (direction: 'up' | 'down', kind: 'halfClose' | 'blackHole'): LinkFault =>
  (carrying) => ({ [direction]: { [kind]: carrying === direction ? MIDDLE : EARLY } })

export const LINK_FAULTS: Scenarios<'link', LinkFault> = {
  reset: middle({ cut: { ...MIDDLE, how: 'reset' } }),
  end: middle({ cut: { ...MIDDLE, how: 'end' } }),
  'half-close-up': only('up', 'halfClose'),
  'half-close-down': only('down', 'halfClose'),
  'black-hole': () => ({ up: { blackHole: EARLY }, down: { blackHole: EARLY } }),
  'black-hole-up': only('up', 'blackHole'),
  'black-hole-down': only('down', 'blackHole'),
  damage: middle({ corrupt: MIDDLE }),
  duplicate: middle({ duplicate: { ...MIDDLE, bytes: 100 } }),
}

export function operationOf(name: OperationName): Operation {
  const found = RECONNECTING_OPERATIONS.find((operation) => operation.name === name)
  if (found === undefined) throw new Error(`no operation is called ${name}`)
  return found
}

/** Which way an operation's bytes go first. */
export const carryingOf = ({ name }: Operation) => (name === 'get' || name === 'download' ? 'down' : 'up')

/** Every row, in the order they are run and shown. */
import type { Row } from '../row.js'
import { eventLoop } from './event-loop.js'
import { execAtOnce } from './exec-at-once.js'
import { execHeap } from './exec-heap.js'
import { execSequence } from './exec-sequence.js'
import { execStdout } from './exec-stdout.js'
import { execUnderLoad } from './exec-under-load.js'
import { firstResult } from './first-result.js'
import { get } from './get.js'
import { idleConnections } from './idle-connections.js'
import { memory } from './memory.js'
import { put } from './put.js'
import { roundTrip } from './round-trip.js'
import { transfersAtOnce } from './transfers-at-once.js'

export const ROWS: readonly Row[] = [
  get,
  put,
  execSequence,
  execAtOnce,
  execHeap,
  execStdout,
  transfersAtOnce,
  execUnderLoad,
  firstResult,
  roundTrip,
  memory,
  idleConnections,
  eventLoop,
]

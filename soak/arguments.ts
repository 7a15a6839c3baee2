/** The command line of `npm run soak`. */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'

export interface SoakArguments {
  readonly minutes: number
  readonly seed: number
  readonly clients: number
  readonly wantsHelp: boolean
}

const MAX_SEED = 2 ** 32

export const HELP = `npm run soak -- [options]

  --minutes N   how long (default 1; fractions are allowed)
  --seed S      which operations and faults (default: drawn, and printed)
  --clients N   client processes (default 2)
`

/** Throws an error with a message for the user. */
export function parseSoakArguments(argv: readonly string[]): SoakArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string' },
      clients: { type: 'string', default: '2' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const minutes = Number(values.minutes)
  if (!(minutes > 0 && Number.isFinite(minutes)))
    throw new Error(`--minutes: '${values.minutes}' is not a number above 0`)
  const seed = values.seed === undefined ? randomInt(MAX_SEED) : Number(values.seed)
  if (!(Number.isInteger(seed) && seed >= 0 && seed < MAX_SEED))
    throw new Error(`--seed: '${values.seed}' is not a whole number from 0 to ${MAX_SEED - 1}`)
  const clients = Number(values.clients)
  if (!(Number.isInteger(clients) && clients >= 1))
    throw new Error(`--clients: '${values.clients}' is not a whole number from 1`)
  return { minutes, seed, clients, wantsHelp: values.help }
}

/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util'

export interface BenchArguments {
  /** Names of the rows to run, in their own order; empty for all. */
  readonly only: readonly string[]
  readonly jsonFile: string | undefined
  readonly scale: number
  readonly rounds: number | undefined
  readonly against: readonly string[] | undefined
  readonly profiles: string | undefined
  readonly wants: 'run' | 'list' | 'help'
}

export const HELP = `npm run bench -- [options]

  --only NAME       run this row only; may be repeated (--list names them)
  --json FILE       write everything that was measured
  --against NAME    run only this contender beside fake-ssh, for a quick look; may be repeated
  --rounds N        counted rounds, instead of the row's own number
  --scale N         sizes and counts times N: to try the bench itself, the figures then mean nothing
  --cpu-prof DIR    write CPU profiles of the client and the server of fake-ssh
  --list            name the rows
`

/** Throws an error with a message for the user. */
export function parseBenchArguments(argv: readonly string[], rowNames: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      against: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      scale: { type: 'string', default: '1' },
      'cpu-prof': { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const unknown = values.only.find((name) => !rowNames.includes(name))
  if (unknown !== undefined)
    throw new Error(`--only: no row is called '${unknown}'; there are ${rowNames.join(', ')}`)
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1))
    throw new Error(`--rounds: '${values.rounds}' is not a whole number from 1`)
  const scale = Number(values.scale)
  if (!(scale > 0 && scale <= 1)) throw new Error(`--scale: '${values.scale}' is not above 0 and at most 1`)
  return {
    only: values.only,
    jsonFile: values.json,
    scale,
    rounds,
    against: values.against,
    profiles: values['cpu-prof'],
    wants: values.help ? 'help' : values.list ? 'list' : 'run',
  }
}

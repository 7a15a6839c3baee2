/** Many commands at the same time. */
import { execContenders } from '../contenders/exec.js'
import type { Row } from '../row.js'

const COMMANDS = 100

export const execAtOnce: Row = {
  name: 'exec-at-once',
  title: '100 execs at once',
  what: 'From the first of 100 commands, all started in one turn, to the exit code of the last.',
  rounds: 7,
  measures: { time: { label: 'time of all', unit: 'ms', better: 'less' } },
  thresholds: [
    { measure: 'time', to: 'ssh2', below: 1 },
    { measure: 'time', to: 'local spawn', below: 1.3 },
  ],
  open: (bench, cleanup) =>
    execContenders(bench, cleanup, {
      trial: async (client) => ({ time: await client.call('execAtOnce', 'true', bench.count(COMMANDS)) }),
    }),
}

/** One command after the other. */
import { execContenders } from '../contenders/exec.js'
import { mean } from '../measure/statistics.js'
import type { Row } from '../row.js'

const COMMANDS = 200

export const execSequence: Row = {
  name: 'exec-sequence',
  title: "exec('true') in sequence on an open connection",
  what:
    'The mean of 200 commands, one after the other, each through `/bin/sh -c` and waited for until its exit code is known. ControlMaster: a program ' +
    'spawns `ssh host true` over an open connection. Local spawn: the same shell without any network.',
  rounds: 7,
  measures: { time: { label: 'time of one', unit: 'ms', better: 'less' } },
  thresholds: [
    { measure: 'time', to: 'local spawn', atMost: 1.3 },
    { measure: 'time', to: 'ControlMaster', atMost: 0.5 },
  ],
  open: (bench, cleanup) =>
    execContenders(bench, cleanup, {
      trial: async (client) => ({
        time: mean(await client.call('execInSequence', 'true', bench.count(COMMANDS))),
      }),
    }),
}

/** Commands started by a process that is already large: forking it copies its page tables. */
import { execContenders } from '../contenders/exec.js'
import { mean } from '../measure/statistics.js'
import type { Row } from '../row.js'

const HEAP_BYTES = 2 ** 30
const IN_SEQUENCE = 100
const AT_ONCE = 100

export const execHeap: Row = {
  name: 'exec-heap',
  title: 'exec with a 1 GiB heap in the host',
  what:
    'As `exec-sequence` and `exec-at-once`, with 1 GiB of live objects in the process that spawns: the server of fake-ssh, and the program that ' +
    'spawns locally. sshd has no such heap.',
  rounds: 5,
  measures: {
    time: { label: 'time of one', unit: 'ms', better: 'less' },
    together: { label: 'time of 100 at once', unit: 'ms', better: 'less' },
  },
  thresholds: [
    { measure: 'time', to: 'local spawn', atMost: 1.3 },
    { measure: 'time', to: 'ControlMaster', atMost: 0.5 },
    { measure: 'together', to: 'ssh2', below: 1 },
    { measure: 'together', to: 'local spawn', below: 1.3 },
  ],
  open: (bench, cleanup) =>
    execContenders(bench, cleanup, {
      heapBytes: bench.bytes(HEAP_BYTES),
      trial: async (client) => ({
        time: mean(await client.call('execInSequence', 'true', bench.count(IN_SEQUENCE))),
        together: await client.call('execAtOnce', 'true', bench.count(AT_ONCE)),
      }),
    }),
}

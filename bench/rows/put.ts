/** One large file from here. */
import { oneFileContenders } from '../contenders/one-file.js'
import type { Row } from '../row.js'

export const put: Row = {
  name: 'put',
  title: 'put one 1 GiB file',
  what:
    'As `get`, the other way: `upload()`, `createReadStream()` piped into `put()` beside it, and `fastPut()` of ssh2. fake-ssh is done when the ' +
    'server has verified the digest and renamed the file.',
  rounds: 5,
  measures: { rate: { label: 'throughput', unit: 'MiB/s', better: 'more' } },
  thresholds: [
    { measure: 'rate', to: 'scp', atLeast: 1.5 },
    { measure: 'rate', to: 'ssh2', atLeast: 2 },
    { measure: 'rate', to: 'TLS pump', atLeast: 0.75 },
  ],
  open: (bench, cleanup) => oneFileContenders(bench, cleanup, 'put', bench.bytes(2 ** 30)),
}

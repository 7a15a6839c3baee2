/** One large file to here. */
import { oneFileContenders } from '../contenders/one-file.js'
import type { Row } from '../row.js'

export const get: Row = {
  name: 'get',
  title: 'get one 1 GiB file',
  what:
    'A file from one directory on tmpfs to another, from path to path. fake-ssh: `download()` on an open connection; ' +
    '`get()` piped into `createWriteStream()` beside it. ssh2: `fastGet()` on an open connection, ' +
    'as it comes and with `setNoDelay(true)`. scp, sftp, rsync and tar go over an open ControlMaster ' +
    'connection. The TLS pump moves as many bytes from memory to nowhere.',
  rounds: 5,
  measures: { rate: { label: 'throughput', unit: 'MiB/s', better: 'more' } },
  thresholds: [
    { measure: 'rate', to: 'scp', atLeast: 1.5 },
    { measure: 'rate', to: 'ssh2', atLeast: 5 },
    { measure: 'rate', to: 'TLS pump', atLeast: 0.75 },
  ],
  open: (bench, cleanup) => oneFileContenders(bench, cleanup, 'get', bench.bytes(2 ** 30)),
}

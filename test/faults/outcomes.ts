/**
 * What a user sees when something breaks: one row for each fault. The tests beside this file make every fault and hold what they see
 * against its row; docs/reliability.md shows the rows as tables. So the document cannot promise what was not seen.
 */

const LOST = 'ERR_FAKESSH_CONNECTION_LOST'
const SILENT = 'ERR_FAKESSH_KEEPALIVE_TIMEOUT'

/** When the failure is there at the latest. */
export const TIMES = {
  'at once': 'at once',
  'keepalive bound': 'after 3 × `keepaliveIntervalMs`',
  reconnected: 'when it is connected again',
} as const

/** What the target of a writing operation holds after it; those that only read have none. */
export const TARGETS = {
  old: 'as it was',
  'old or new': 'as it was, or complete',
  new: 'the complete file',
  none: '–',
} as const

/** What else is left on either side, besides the target. */
export const REMAINS = {
  nothing: 'nothing',
  parts: 'what `upload` and `download` resume from',
  'temporary file': 'temporary files',
} as const

export type OperationName = 'exec' | 'durable' | 'get' | 'put' | 'upload' | 'download'

export interface Outcome {
  /** What happens. */
  readonly fault: string
  /** While what runs. */
  readonly operations: readonly OperationName[]
  /** The caller's promise rejects with one of these; empty: it resolves. */
  readonly codes: readonly string[]
  readonly time: keyof typeof TIMES
  readonly target: keyof typeof TARGETS
  readonly remains: keyof typeof REMAINS
  /** Whether the next operation on the same connection succeeds. */
  readonly isUsable: boolean
}

const ANY = ['exec', 'get', 'put', 'upload', 'download'] as const
const TO_SERVER = ['put', 'upload'] as const
const FROM_SERVER = ['get', 'download'] as const
const TO_CLIENT = ['download'] as const
const FROM_CLIENT = ['upload'] as const

/** Nobody ended the connection in order. The same for every operation. */
const lost = {
  operations: ANY,
  time: 'at once',
  target: 'old or new',
  remains: 'nothing',
  isUsable: false,
} as const
/** An operation failed, and only that. */
const failed = { time: 'at once', target: 'old', remains: 'nothing', isUsable: true } as const

/** Checked by link-outcomes.test.ts. */
const link = {
  reset: { fault: 'The connection breaks', codes: [LOST], ...lost },
  end: { fault: 'Something in between closes the connection', codes: [LOST], ...lost },
  'half-close-up': { fault: 'The direction to the server ends', codes: [LOST], ...lost },
  'half-close-down': { fault: 'The direction to the client ends', codes: [LOST], ...lost },
  'black-hole': {
    fault: 'Packets vanish in both directions',
    codes: [SILENT],
    ...lost,
    time: 'keepalive bound',
  },
  'black-hole-up': {
    fault: 'Packets to the server vanish',
    codes: [LOST, SILENT],
    ...lost,
    time: 'keepalive bound',
  },
  'black-hole-down': {
    fault: 'Packets to the client vanish',
    codes: [SILENT],
    ...lost,
    time: 'keepalive bound',
  },
  damage: { fault: 'A bit is flipped on the way', codes: [LOST], ...lost },
  duplicate: { fault: 'Bytes arrive twice', codes: [LOST], ...lost },
} as const satisfies { readonly [id: string]: Outcome }

/** Checked by peer-outcomes.test.ts. */
const peer = {
  'server-killed': {
    fault: 'The server process is killed (SIGKILL)',
    codes: [LOST],
    ...lost,
    remains: 'temporary file',
  },
  'client-killed': {
    fault: 'The client process is killed (SIGKILL)',
    codes: [LOST],
    ...lost,
    remains: 'parts',
  },
  'server-stopped': {
    fault: 'The server stands still (SIGSTOP, a suspended machine)',
    codes: [SILENT],
    ...lost,
    time: 'keepalive bound',
    remains: 'parts',
  },
  'client-stopped': {
    fault: 'The client stands still (SIGSTOP, a suspended machine)',
    codes: [LOST, SILENT],
    ...lost,
    time: 'keepalive bound',
    remains: 'parts',
  },
} as const satisfies { readonly [id: string]: Outcome }

/** Checked by disk-outcomes.test.ts. */
const disk = {
  'remote-directory-removed': {
    fault: 'The target directory is removed',
    operations: TO_SERVER,
    codes: ['ENOENT'],
    ...failed,
  },
  'local-directory-removed': {
    fault: 'The local target directory is removed',
    operations: TO_CLIENT,
    codes: ['ENOENT'],
    ...failed,
  },
  'remote-size-limit': {
    fault: 'The server may write no more (file size limit)',
    operations: TO_SERVER,
    codes: ['EFBIG'],
    ...failed,
  },
  'local-size-limit': {
    fault: 'The client may write no more (file size limit)',
    operations: TO_CLIENT,
    codes: ['EFBIG'],
    ...failed,
  },
  'remote-permission-lost': {
    fault: 'The target directory becomes read-only for the server',
    operations: TO_SERVER,
    codes: ['EACCES'],
    ...failed,
    remains: 'temporary file',
  },
  'local-permission-lost': {
    fault: 'The local target directory becomes read-only for the client',
    operations: TO_CLIENT,
    codes: ['EACCES'],
    ...failed,
    remains: 'temporary file',
  },
  'remote-source-unreadable': {
    fault: 'The server may not read the source',
    operations: FROM_SERVER,
    codes: ['EACCES'],
    ...failed,
  },
  'remote-source-removed': {
    fault: 'The source is removed while it is read',
    operations: FROM_SERVER,
    codes: [],
    ...failed,
    target: 'new',
  },
  'remote-source-truncated': {
    fault: 'The source is cut short while it is read',
    operations: FROM_SERVER,
    codes: ['ERR_FAKESSH_SOURCE_CHANGED'],
    ...failed,
  },
} as const satisfies { readonly [id: string]: Outcome }

/** Checked by test/system/disk-faults.test.ts, which mounts file systems for it. */
const storage = {
  'remote-full': {
    fault: 'The disk of the server is full',
    operations: TO_SERVER,
    codes: ['ENOSPC'],
    ...failed,
  },
  'local-full': {
    fault: 'The disk of the client is full',
    operations: TO_CLIENT,
    codes: ['ENOSPC'],
    ...failed,
  },
  'remote-quota': {
    fault: 'The quota at the server is used up',
    operations: TO_SERVER,
    codes: ['EDQUOT'],
    ...failed,
  },
  'local-quota': {
    fault: 'The quota at the client is used up',
    operations: TO_CLIENT,
    codes: ['EDQUOT'],
    ...failed,
  },
  'remote-read-only': {
    fault: 'The file system of the server is read-only',
    operations: TO_SERVER,
    codes: ['EROFS'],
    ...failed,
  },
  'local-read-only': {
    fault: 'The file system of the client is read-only',
    operations: TO_CLIENT,
    codes: ['EROFS'],
    ...failed,
  },
  'remote-turns-read-only': {
    fault: 'The file system of the server turns read-only meanwhile, as after an error',
    operations: TO_SERVER,
    codes: ['EROFS'],
    ...failed,
    remains: 'temporary file',
  },
  'remote-write-error': {
    fault: 'The disk of the server fails to write',
    operations: TO_SERVER,
    codes: ['EIO'],
    ...failed,
  },
  'local-write-error': {
    fault: 'The disk of the client fails to write',
    operations: TO_CLIENT,
    codes: ['EIO'],
    ...failed,
  },
  'remote-read-error': {
    fault: 'The disk of the server fails to read',
    operations: FROM_SERVER,
    codes: ['EIO'],
    ...failed,
  },
  'local-read-error': {
    fault: 'The disk of the client fails to read',
    operations: FROM_CLIENT,
    codes: ['EIO'],
    ...failed,
    remains: 'parts',
  },
  'remote-late-error': {
    fault: 'The disk of the server reports a failed write only when the file is closed',
    operations: TO_SERVER,
    codes: ['EIO'],
    ...failed,
  },
} as const satisfies { readonly [id: string]: Outcome }

/** Checked by reconnect-outcomes.test.ts, with each fault of `link`. */
const reconnect = {
  'goes-on': {
    fault: 'Any of the above',
    operations: ['get', 'upload', 'download', 'durable'],
    codes: [],
    time: 'reconnected',
    target: 'new',
    remains: 'nothing',
    isUsable: true,
  },
  fails: {
    fault: 'Any of the above',
    operations: ['exec', 'put'],
    codes: [LOST, SILENT],
    time: 'keepalive bound',
    target: 'old or new',
    remains: 'nothing',
    isUsable: true,
  },
} as const satisfies { readonly [id: string]: Outcome }

/** Checked by test/system/network-faults.test.ts, on two hosts of its own. */
const network = {
  lossy: {
    fault: 'One packet in twenty is lost, on a slow line',
    operations: ['upload', 'download'],
    codes: [],
    ...failed,
    target: 'new',
  },
  'short-outage': {
    fault: 'The cable is out for 20 seconds, with the default `keepaliveIntervalMs`',
    operations: ['upload', 'download'],
    codes: [],
    ...failed,
    target: 'new',
  },
  'long-outage': {
    fault: 'The cable is out for longer than 3 × `keepaliveIntervalMs`',
    codes: [SILENT],
    ...lost,
    time: 'keepalive bound',
    remains: 'parts',
  },
} as const satisfies { readonly [id: string]: Outcome }

export const OUTCOMES = { link, reconnect, network, peer, disk, storage } as const

type OutcomesOf<Group extends keyof typeof OUTCOMES> = (typeof OUTCOMES)[Group]

/** What makes the fault of each row of a group: a row without it does not compile. */
export type Scenarios<Group extends keyof typeof OUTCOMES, Scenario> = {
  readonly [id in keyof OutcomesOf<Group>]: Scenario
}

export interface Case<Scenario> {
  readonly id: string
  readonly outcome: Outcome
  readonly scenario: Scenario
}

/** The rows of a group with their scenarios, for `test.each`. */
export function casesOf<Group extends keyof typeof OUTCOMES, Scenario>(
  group: Group,
  scenarios: Scenarios<Group, Scenario>,
): Case<Scenario>[] {
  return Object.entries<Outcome>(OUTCOMES[group]).map(([id, outcome]) => ({
    id,
    outcome,
    scenario: scenarios[id as keyof OutcomesOf<Group>],
  }))
}

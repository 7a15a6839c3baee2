/**
 * Names of temporary files, which tell who works on each: so that what a killed process left can be told from what another one is
 * writing, without a lock that would have to be cleaned up itself.
 *
 *     .fakessh-<kind>-<key>.<host>-<boot>-<pid>-<start>-<instance>-<serial>.part
 *
 * `kind` says who looks after what is left, `key` is what the file is found by. The rest is its owner and never used twice, so that a rename of it to another such name succeeds for
 * one claimer only, and a removal of it can never hit what has been claimed.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { errnoOf } from './local-disk-errors.js'
import { ownHost } from './local-disk-host.js'

const PREFIX = '.fakessh-'
const PATTERN =
  /^\.fakessh-([cs])-([0-9a-f]{32})\.([0-9a-f]{8})-([0-9a-f]{8})-(\d{1,10})-(\d{1,20})-([0-9a-f]{8})-[0-9a-f]{16}\.part$/
/** Characters that are not seen, and that some file systems do not see either. */
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu

/** `unknown`: on another host, or in another container, so that nobody here can tell. */
export type Liveness = 'alive' | 'dead' | 'unknown'

/** Of a served root, or of a path of this machine. Neither side finds or removes what is the other's, whoever runs both. */
export type StagedKind = 'served' | 'local'

/** As names have them: of a server, of a client. */
const LETTERS = { served: 's', local: 'c' } as const

/** What a name says by itself. */
export interface StagedName {
  readonly kind: StagedKind
  /** 32 hex digits. */
  readonly key: string
  /** Whether its owner still works on it: asks the system. */
  owner(): Liveness
}

/** Names that this copy of the module is working on. Other copies (ESM and CJS, workers) have their own, and their own `instance`. */
const held = new Set<string>()
const instance = randomBytes(4).toString('hex')
let ownStart: string | undefined

/** True for names that do not exist for peers. */
export function isReservedName(name: string): boolean {
  // Some file systems take `.FAKESSH-` for the same, and other ways of writing these letters.
  const folded = name.normalize('NFKC').replace(IGNORABLE, '').toLowerCase()
  return folded.startsWith(PREFIX)
}

/** 32 hex digits for the name of a file that nobody is to find again. */
export function randomKey(): string {
  return randomBytes(16).toString('hex')
}

/** A fresh name, held by this process until `release`. */
export function holdName(key: string, kind: StagedKind): string {
  const { host, boot } = ownHost()
  const owner = [host, boot, process.pid, started(), instance, randomBytes(8).toString('hex')]
  const name = `${PREFIX}${LETTERS[kind]}-${key}.${owner.join('-')}.part`
  held.add(name)
  return name
}

/** The file of this name is closed: whoever finds it may claim or remove it. */
export function releaseName(name: string): void {
  held.delete(name)
}

/** Undefined for any other name. */
export function parseStagedName(name: string): StagedName | undefined {
  // Most names in a directory are others.
  if (!name.startsWith(PREFIX)) return undefined
  const [, letter, key = '', host, boot, pid, start = '', by] = PATTERN.exec(name) ?? []
  if (letter === undefined) return undefined
  return {
    kind: letter === LETTERS.served ? 'served' : 'local',
    key,
    owner: () => {
      const own = ownHost()
      if (host !== own.host) return 'unknown'
      if (boot !== own.boot) return 'dead'
      if (Number(pid) === process.pid && start === started()) {
        // Another copy of this module may be working on it, or an earlier process was that had the same id.
        return by === instance && !held.has(name) ? 'dead' : 'alive'
      }
      return isRunning(Number(pid), start) ? 'alive' : 'dead'
    },
  }
}

/** Of this process; '0' where that cannot be told. */
function started(): string {
  ownStart ??= startOf('self') ?? '0'
  return ownStart
}

function isRunning(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs, for somebody else.
    if (errnoOf(error) === 'ESRCH') return false
  }
  const startNow = startOf(pid)
  // The id was given to another process meanwhile.
  return startNow === undefined || start === '0' || startNow === start
}

/** When a process started, in ticks since the system did; '-' for one that is dead but not buried. Undefined where that cannot be told. */
function startOf(pid: number | 'self'): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name, in parentheses, may hold anything. State is field 3, the start field 22 (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return '-'
    return fields[19]
  } catch {
    return undefined
  }
}

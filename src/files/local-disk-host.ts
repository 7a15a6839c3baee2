/** Among which processes a process id means one: those of a machine since it started, or those of a container. */
import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** What the system says; empty where it does not. */
export interface HostFacts {
  readonly hostname: string
  /** The same for as long as the system is installed, whatever it is called (machine-id(5)). */
  readonly machineId: string
  /** Another one each time the system starts. */
  readonly bootId: string
  readonly pidNamespace: string
  readonly utsNamespace: string
}

/** 8 hex digits each. */
export interface HostIdentity {
  readonly host: string
  /** Of the same host: another one is of an earlier start, whose processes are all gone. */
  readonly boot: string
}

/** What the kernel calls the namespaces that it starts with. */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]'
const FIRST_UTS_NAMESPACE = 'uts:[4026531838]'

const MACHINE_ID = /^[0-9a-f]{32}$/

let known: HostIdentity | undefined

/** Of this process. */
export function ownHost(): HostIdentity {
  known ??= identityOf({
    hostname: hostname(),
    machineId: textOf('/etc/machine-id'),
    bootId: textOf('/proc/sys/kernel/random/boot_id'),
    pidNamespace: linkOf('/proc/self/ns/pid'),
    utsNamespace: linkOf('/proc/self/ns/uts'),
  })
  return known
}

/**
 * Outside containers the machine id says it all. Inside one it may be that of the image, and the same on many machines, so everything
 * counts there: a container that is started anew is another host.
 */
export function identityOf(facts: HostFacts): HostIdentity {
  const { machineId, bootId, pidNamespace, utsNamespace } = facts
  const isWholeMachine = pidNamespace === FIRST_PID_NAMESPACE && utsNamespace === FIRST_UTS_NAMESPACE
  const isNamed = isWholeMachine && MACHINE_ID.test(machineId)
  const host = isNamed ? [machineId] : [machineId, facts.hostname, pidNamespace, bootId]
  return { host: shortHash(host), boot: shortHash([bootId]) }
}

function shortHash(values: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 8)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim()
  } catch {
    return ''
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

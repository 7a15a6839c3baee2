/** A client in a process of its own: any contender, through the workloads that all of them share. */
import {
  type ClientSpec,
  connectClient,
  connectLibrary,
  type FakeSshSpec,
  type Ssh2Spec,
} from '../clients/client-spec.js'
import type { Direction, FileClient, LibraryClient } from '../clients/remote-client.js'
import { execAtOnce, execInSequence, firstResults } from '../workloads/exec.js'
import { readStdout } from '../workloads/stdout.js'
import { type FilePair, readAll, readSmall, transferAtOnce, transferOne } from '../workloads/transfers.js'
import { execUnderLoad, type UnderLoadPlan } from '../workloads/under-load.js'
import { serveMethods } from './serve-methods.js'

let current: FileClient | LibraryClient | undefined
/** Connections that are only held. */
const idle: LibraryClient[] = []

function client(): FileClient {
  if (current === undefined) throw new Error('not connected')
  return current
}

function library(): LibraryClient {
  const connected = client()
  if (!('start' in connected)) throw new Error('a command cannot do this')
  return connected as LibraryClient
}

const methods = {
  async connect(spec: ClientSpec): Promise<void> {
    current = await connectClient(spec)
  },
  execInSequence: (command: string, count: number) => execInSequence(client(), command, count),
  execAtOnce: (command: string, count: number) => execAtOnce(client(), command, count),
  execUnderLoad: (plan: UnderLoadPlan) => execUnderLoad(client(), plan),
  firstResults: (spec: ClientSpec, command: string, count: number) => firstResults(spec, command, count),
  transferOne: (direction: Direction, pair: FilePair) => transferOne(client(), direction, pair),
  transferAtOnce: (direction: Direction, pairs: readonly FilePair[], bytesEach: number) =>
    transferAtOnce(library(), direction, pairs, bytesEach),
  readSmall: (names: readonly string[], bytesEach: number, order: 'at once' | 'in sequence') =>
    readSmall(library(), names, bytesEach, order),
  readStdout: (command: string, bytes: number) => readStdout(library(), command, bytes),
  readAll: (remote: string, bytes: number) => readAll(library(), remote, bytes),
  stall: (remote: string) => library().stall(remote),

  /** Opens `count` connections, `atOnce` at a time, and holds them. */
  async holdIdle(spec: FakeSshSpec | Ssh2Spec, count: number, atOnce: number): Promise<void> {
    let started = 0
    const open = async () => {
      while (started < count) {
        started += 1
        idle.push(await connectLibrary(spec))
      }
    }
    await Promise.all(Array.from({ length: atOnce }, open))
  },
}

export type ClientMethods = typeof methods

serveMethods(methods)

// Two hosts and a cable between them that loses packets, is slow, and is unplugged: the kernel's own TCP has to live with it, and we above it.
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { expectOutcome } from '../faults/expect-outcome.js'
import { OUTCOMES, type Outcome } from '../faults/outcomes.js'
import type { Ended } from '../fixtures/fault-peer.js'
import { type ChildPeer, childPeer } from '../helpers/child-peer.js'
import { MARK, markedProcesses } from '../helpers/marked-processes.js'
import { within } from '../helpers/operations.js'
import { killIfThere, until } from '../helpers/processes.js'
import { type TemporaryDirectory, temporaryDirectory } from '../helpers/temporary-directory.js'
import { ADDRESSES, type TwoHosts, twoHosts } from '../helpers/two-hosts.js'
import { describeNeeding } from './requirements.js'

const TIMEOUT_MS = 120_000
/** How long the cable is out. */
const UNPLUGGED_MS = 20_000
/** So that the outage is noticed, or is not. */
const IMPATIENT_MS = 1_000
const PATIENT_MS = 15_000
/** TCP doubles the time between its attempts: the next one may come as long after the outage as that lasted, and a little more. */
const RECOVERY_MS = 40_000

interface Pair {
  readonly server: ChildPeer
  readonly client: ChildPeer
  readonly directory: TemporaryDirectory
  readonly content: Buffer
  programs(): number[]
}

/** A server on one host, and a client of it on the other one, with files of so many bytes to move. */
async function pairOn(hosts: TwoHosts, bytes: number, keepaliveMs: number, reconnect = false): Promise<Pair> {
  const directory = temporaryDirectory()
  const content = randomBytes(bytes)
  for (const side of ['remote', 'local']) {
    mkdirSync(directory.at(side))
    writeFileSync(directory.at(side, 'source'), content)
  }
  const [server, client] = await Promise.all([
    childPeer('fault-peer', [], hosts.launchOn('far')),
    childPeer('fault-peer', [], hosts.launchOn('near')),
  ])
  const mark = randomUUID()
  onTestFinished(() => {
    for (const pid of markedProcesses(mark)) killIfThere(pid)
  })
  const target = await server.call<string>('listen', {
    root: directory.at('remote'),
    keepaliveIntervalMs: keepaliveMs,
    env: { [MARK]: mark },
    host: ADDRESSES.far,
  })
  await client.call('connect', target, keepaliveMs, reconnect)
  return { server, client, directory, content, programs: () => markedProcesses(mark) }
}

/** Both directions at once; resolves when both have begun. */
async function copy({ client, directory }: Pair): Promise<void> {
  await Promise.all([
    client.call('upload', directory.at('local/source'), 'uploaded'),
    client.call('download', 'source', directory.at('local/downloaded')),
  ])
}

async function expectCopied({ client, directory, content }: Pair, outcome: Outcome): Promise<void> {
  const targets = { upload: directory.at('remote/uploaded'), download: directory.at('local/downloaded') }
  for (const [operation, path] of Object.entries(targets)) {
    const { code } = await client.call<Ended>('ended', operation)
    const target = readFileSync(path).equals(content) ? 'new' : 'broken'
    expectOutcome(operation, outcome, { code, target })
  }
  expect(directory.leftovers()).toEqual([])
}

/** Both sides give the connection up within the bound, each by itself, as nothing of the other one arrives. */
async function expectGivenUp({ server, client, directory, programs }: Pair, atMs: number): Promise<void> {
  const told = (await Promise.all(
    ['exec', 'upload', 'download'].map((name) => client.call('ended', name)),
  )) as Ended[]
  const atServer = async () => {
    for (;;) {
      const [first] = await server.call<Ended[]>('disconnects')
      if (first !== undefined) return first
    }
  }
  for (const { code, atMs: endedAtMs } of [...told, await atServer()])
    expectOutcome(
      'unplugged',
      OUTCOMES.network['long-outage'],
      { code, afterMs: endedAtMs - atMs },
      IMPATIENT_MS,
    )
  await within(
    RECOVERY_MS,
    'cleaning up',
    // What the copies resume from stays, one part on each side.
    until(() => programs().length === 0 && directory.leftovers().length === 2),
  )
}

describeNeeding('network faults', { root: true, programs: ['ip', 'tc', 'nft'] }, () => {
  test('5 % of the packets are lost, on a slow line: transfers finish', { timeout: TIMEOUT_MS }, async () => {
    const hosts = twoHosts()
    const pair = await pairOn(hosts, 3_000_000, PATIENT_MS)
    hosts.limitRate(20)
    hosts.lose(5)
    await copy(pair)
    await expectCopied(pair, OUTCOMES.network.lossy)
    expect(await pair.client.call('disconnects')).toEqual([])
  })

  test('the cable is unplugged for 20 seconds', { timeout: TIMEOUT_MS }, async () => {
    const hosts = twoHosts()
    hosts.limitRate(20)
    const [patient, impatient, reconnecting] = await Promise.all([
      pairOn(hosts, 5_000_000, PATIENT_MS),
      pairOn(hosts, 5_000_000, IMPATIENT_MS),
      pairOn(hosts, 5_000_000, IMPATIENT_MS, true),
    ])
    await Promise.all([patient, impatient, reconnecting].map(copy))
    await impatient.client.call('exec', 'sleep 1000')
    const atMs = Date.now()
    hosts.unplug()
    await Promise.all([expectGivenUp(impatient, atMs), pause(UNPLUGGED_MS)])
    hosts.plug()
    // The outage was shorter than what the keepalive allows: the same connection goes on.
    await within(RECOVERY_MS, 'the patient one', expectCopied(patient, OUTCOMES.network['short-outage']))
    expect(await patient.client.call('disconnects')).toEqual([])
    // And here there is another one, on which they go on by themselves.
    await within(
      RECOVERY_MS,
      'the reconnecting one',
      expectCopied(reconnecting, OUTCOMES.reconnect['goes-on']),
    )
    const ends = await reconnecting.client.call<Ended[]>('disconnects')
    expect(ends[0]).toMatchObject({ code: 'ERR_FAKESSH_KEEPALIVE_TIMEOUT' })
  })
})

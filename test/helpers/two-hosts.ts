/**
 * Two hosts on this machine, joined by a cable: network namespaces and a veth pair (iproute2), with what the cable does to packets: a rate
 * (tc), loss (nftables; netem is not in every kernel), or nothing at all while it is unplugged. Needs root.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { onTestFinished } from 'vitest'

export type Host = 'near' | 'far'

/** Addresses of TEST-NET-1 (RFC 5737), which nobody has. */
export const ADDRESSES: { readonly [host in Host]: string } = { near: '192.0.2.1', far: '192.0.2.2' }
const HOSTS: readonly Host[] = ['near', 'far']

export interface TwoHosts {
  /** A shell command, for `childPeer()`, that becomes a process on that host. */
  launchOn(host: Host): string
  /** Megabits per second, in each direction. */
  limitRate(megabits: number): void
  /** Percent of all packets, in each direction. */
  lose(percent: number): void
  unplug(): void
  plug(): void
}

/** Gone when the test has finished. */
export function twoHosts(): TwoHosts {
  const id = randomBytes(3).toString('hex')
  const names: { readonly [host in Host]: string } = { near: `fsn${id}`, far: `fsf${id}` }
  const on = (host: Host, ...args: string[]) => run('ip', 'netns', 'exec', names[host], ...args)
  onTestFinished(() => {
    for (const host of HOSTS) run('ip', 'netns', 'del', names[host])
  })
  for (const host of HOSTS) run('ip', 'netns', 'add', names[host])
  run('ip', 'link', 'add', 'cable', 'netns', names.near, 'type', 'veth', 'peer', 'cable', 'netns', names.far)
  for (const host of HOSTS) {
    on(host, 'ip', 'address', 'add', `${ADDRESSES[host]}/24`, 'dev', 'cable')
    for (const device of ['lo', 'cable']) on(host, 'ip', 'link', 'set', device, 'up')
  }
  return {
    launchOn: (host) => `exec ip netns exec ${names[host]} "$0" "$@"`,
    limitRate: (megabits) => {
      const shape = ['rate', `${megabits}mbit`, 'burst', '32kbit', 'latency', '100ms']
      for (const host of HOSTS) on(host, 'tc', 'qdisc', 'replace', 'dev', 'cable', 'root', 'tbf', ...shape)
    },
    lose: (percent) => {
      for (const host of HOSTS) {
        on(host, 'nft', 'add', 'table', 'ip', 'loss')
        on(host, 'nft', 'add chain ip loss in { type filter hook input priority 0; }')
        on(host, 'nft', `add rule ip loss in iifname cable numgen random mod 100 < ${percent} drop`)
      }
    },
    unplug: () => on('far', 'ip', 'link', 'set', 'cable', 'down'),
    plug: () => on('far', 'ip', 'link', 'set', 'cable', 'up'),
  }
}

function run(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr ?? error}`)
}

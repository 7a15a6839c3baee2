/** OpenSSH's programs, and those that run over them, as command lines. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Cleanup } from '../cleanup.js'
import type { CommandSpec } from '../clients/client-spec.js'
import { programPath } from './programs.js'
import type { Sshd } from './sshd.js'

const HOST = 'bench'
const CIPHER = 'aes128-gcm@openssh.com'
const POLL_MS = 10
const MASTER_MS = 10_000

export interface OpenSsh {
  /** `ssh` up to the command line. */
  readonly ssh: readonly string[]
  /** A connection of its own for every command. */
  readonly cold: CommandSpec
  readonly scp: CommandSpec
  readonly sftp: CommandSpec
  readonly rsync: CommandSpec
  readonly tar: CommandSpec
}

export interface OpenSshOptions {
  readonly directory: string
  readonly sshd: Sshd
  /** Served directory that names of remote files are relative to. */
  readonly root: string
  /** Instead of that of sshd, for a proxy before it. */
  readonly port?: number
  /** Socket of a running master; without it every program connects by itself. */
  readonly master?: string
}

/** Writes the configuration that all of them are given, and nothing else. */
export async function openSsh(options: OpenSshOptions): Promise<OpenSsh> {
  const { directory, sshd, root, port = sshd.port, master } = options
  const name = `ssh_config-${port}-${master === undefined ? 'cold' : 'master'}`
  const config = join(directory, name)
  await writeFile(
    config,
    `Host ${HOST}
  HostName 127.0.0.1
  HostKeyAlias [127.0.0.1]:${sshd.port}
  Port ${port}
  User ${sshd.user.name}
  IdentityFile ${sshd.keyFile}
  IdentitiesOnly yes
  UserKnownHostsFile ${sshd.knownHostsFile}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  Ciphers ${CIPHER}
  Compression no
  LogLevel ERROR
  ControlPath ${master ?? 'none'}
`,
  )
  const ssh = [programPath('ssh'), '-F', config, HOST]
  const scp = [programPath('scp'), '-q', '-F', config]
  const sftp = `${programPath('sftp')} -q -F ${config} -b - ${HOST} >/dev/null`
  const rsync = [programPath('rsync'), '-W', '-e', `${programPath('ssh')} -F ${config}`]
  const remote = `${root}/{remote}`
  const shell = (command: string) => ['/bin/sh', '-c', command]
  const sshLine = ssh.join(' ')
  return {
    ssh,
    cold: { kind: 'command', exec: ssh },
    scp: {
      kind: 'command',
      get: [...scp, `${HOST}:${remote}`, '{local}'],
      put: [...scp, '{local}', `${HOST}:${remote}`],
    },
    sftp: {
      kind: 'command',
      get: shell(`echo get ${remote} {local} | ${sftp}`),
      put: shell(`echo put {local} ${remote} | ${sftp}`),
    },
    rsync: {
      kind: 'command',
      get: [...rsync, `${HOST}:${remote}`, '{local}'],
      put: [...rsync, '{local}', `${HOST}:${remote}`],
    },
    tar: {
      kind: 'command',
      get: shell(`${sshLine} tar -C ${root} -cf - {remote} | tar -xOf - >{local}`),
      put: shell(`tar -cPf - {local} | ${sshLine} 'tar -xPOf - >${remote}'`),
    },
  }
}

/** Starts a ControlMaster: one connection that later commands share. Resolves with its socket. */
export async function startMaster(cold: OpenSsh, directory: string, cleanup: Cleanup): Promise<string> {
  const socket = join(directory, 'master')
  const [program = '', ...args] = cold.ssh
  const child = spawn(program, ['-M', '-N', '-S', socket, ...args], { stdio: ['ignore', 2, 2] })
  cleanup.add(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  })
  for (const startedAt = performance.now(); !existsSync(socket); await delay(POLL_MS)) {
    if (child.exitCode !== null) throw new Error(`the ControlMaster exited with ${child.exitCode}`)
    if (performance.now() - startedAt > MASTER_MS) throw new Error('the ControlMaster did not connect')
  }
  return socket
}

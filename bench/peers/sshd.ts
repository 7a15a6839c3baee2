/** A private `sshd` on loopback, with keys of its own and nothing of the system's configuration. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Cleanup } from '../cleanup.js'
import { type LoginUser, makeLoginUser } from './login-user.js'
import { programPath, runProgram } from './programs.js'

export interface Sshd {
  readonly port: number
  readonly user: LoginUser
  /** The user's private key. */
  readonly keyFile: string
  readonly hostKeyFile: string
  readonly knownHostsFile: string
}

const READY = 'Server listening on'
const LOG_LINES = 20

/** `home`: where the user starts. Everything it needs is in `directory`. */
export async function startSshd(directory: string, home: string, cleanup: Cleanup): Promise<Sshd> {
  const user = await makeLoginUser(home, cleanup)
  // Where sshd puts the half of itself that talks to strangers.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true })
  const hostKeyFile = join(directory, 'host_key')
  const keyFile = join(directory, 'user_key')
  const authorizedKeysFile = join(directory, 'authorized_keys')
  const knownHostsFile = join(directory, 'known_hosts')
  const configFile = join(directory, 'sshd_config')
  for (const file of [hostKeyFile, keyFile])
    await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file])
  await copyFile(`${keyFile}.pub`, authorizedKeysFile)
  const port = await freePort()
  await writeFile(knownHostsFile, `[127.0.0.1]:${port} ${await readFile(`${hostKeyFile}.pub`, 'utf8')}`)
  await writeFile(configFile, configuration({ port, hostKeyFile, authorizedKeysFile, directory }))
  await run(configFile, cleanup)
  return { port, user, keyFile, hostKeyFile, knownHostsFile }
}

function configuration(where: {
  readonly port: number
  readonly hostKeyFile: string
  readonly authorizedKeysFile: string
  readonly directory: string
}): string {
  return `Port ${where.port}
ListenAddress 127.0.0.1
HostKey ${where.hostKeyFile}
PidFile ${join(where.directory, 'sshd.pid')}
AuthorizedKeysFile ${where.authorizedKeysFile}
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
StrictModes no
PrintMotd no
PrintLastLog no
MaxSessions 200
MaxStartups 200
Subsystem sftp internal-sftp
`
}

/** sshd cannot tell which port it got, so one is found for it. */
async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Settles when it listens. In the foreground, so that it ends with us. */
async function run(configFile: string, cleanup: Cleanup): Promise<void> {
  // By its absolute path, as it starts itself again for every connection.
  const child = spawn(programPath('sshd'), ['-D', '-e', '-f', configFile], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  cleanup.add(() => end(child))
  const log: string[] = []
  const lines = createInterface({ input: child.stderr })
  const listens = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      log.push(line)
      if (log.length > LOG_LINES) log.shift()
      if (line.includes(READY)) resolve()
    })
  })
  const exits = once(child, 'close').then(([code]) => {
    throw new Error(`sshd exited with ${code}: ${log.join('; ')}`)
  })
  await Promise.race([listens, exits])
  exits.catch(() => {})
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

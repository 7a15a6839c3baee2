/** The programs that peers consist of: found, installed where that is possible, or named when they are missing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Program, and the Debian package that has it. */
const PACKAGES: { readonly [program: string]: string } = {
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  scp: 'openssh-client',
  sftp: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  rsync: 'rsync',
  tar: 'tar',
}

/** Where Debian keeps what is not for everybody; often not on the PATH. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/sbin']

/** The absolute path of a program, or undefined. */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_DIRECTORIES]
  return directories
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** As {@link findProgram}, for what must be there by now. */
export function programPath(name: string): string {
  const path = findProgram(name)
  if (path === undefined) throw new Error(`'${name}' is not installed`)
  return path
}

/** Installs what is missing, as root on Debian; otherwise rejects, naming it. */
export async function requirePrograms(): Promise<void> {
  const missing = Object.keys(PACKAGES).filter((name) => findProgram(name) === undefined)
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((name) => PACKAGES[name] ?? name))]
  const install = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  const needs = `the peers need ${missing.join(', ')}; install them, on Debian with '${install}' as root`
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) throw new Error(needs)
  console.error(`bench: installing ${packages.join(', ')}`)
  const isInstalled = await succeeds('/bin/sh', ['-c', `apt-get update -q && ${install} -q`])
  if (!isInstalled) throw new Error(needs)
}

/** Runs a program with its output on our stderr. */
async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const child = spawn(program, args, { env, stdio: ['ignore', 2, 2] })
  const [code] = await once(child, 'close')
  return code === 0
}

/** Runs a program to its end. Rejects, with what it said, unless it exits with 0. */
export async function runProgram(name: string, args: readonly string[]): Promise<string> {
  const child = spawn(programPath(name), args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${name} exited with ${code}: ${output.trim()}`)
  return output
}

/**
 * Whom the OpenSSH peers log in as. The shell matters: what an interactive one reads when it starts can take a hundred times as
 * long as the command. So root makes a user with /bin/sh for the time of the run; anybody else can only be themselves.
 */
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Cleanup } from '../cleanup.js'
import { findProgram, runProgram } from './programs.js'

const PREFIX = 'fakesshbench'
const SHELL = '/bin/sh'

export interface LoginUser {
  readonly name: string
  readonly shell: string
}

export async function makeLoginUser(home: string, cleanup: Cleanup): Promise<LoginUser> {
  const own = userInfo()
  if (process.getuid?.() !== 0 || findProgram('useradd') === undefined) {
    return { name: own.username, shell: own.shell ?? SHELL }
  }
  await removeStale()
  const name = `${PREFIX}${process.pid}`
  // A password of '*' matches nothing, but unlike the default '!' it does not lock the account.
  const options = ['--system', '--no-create-home', '--home-dir', home, '--shell', SHELL, '--password', '*']
  await runProgram('useradd', [...options, name])
  cleanup.add(() => runProgram('userdel', ['--force', name]))
  return { name, shell: SHELL }
}

/** Users of runs that were killed before they could remove them. */
async function removeStale(): Promise<void> {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name = ''] = line.split(':')
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : Number.NaN
    if (Number.isInteger(pid) && !isRunning(pid)) await runProgram('userdel', ['--force', name])
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

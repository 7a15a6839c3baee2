/** On what it was measured, as far as the figures depend on it. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { cpus, release, totalmem, type } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { programPath } from '../peers/programs.js'
import type { Machine } from './result.js'

export async function describeMachine(): Promise<Machine> {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cpus: processors.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release().replace(/[-+].*/, '')}`,
    node: process.version,
    versions: {
      OpenSSH: firstMatch(await outputOf('ssh', ['-V']), /OpenSSH_([^\s,]+)/),
      rsync: firstMatch(await outputOf('rsync', ['--version']), /version (\S+)/),
      tar: firstMatch(await outputOf('tar', ['--version']), /(\d\S*)/),
      ssh2: await ssh2Version(),
    },
  }
}

/** Without its native add-on, which is built only where install scripts are allowed, ssh2 ciphers through `node:crypto`. */
async function ssh2Version(): Promise<string> {
  const require = createRequire(import.meta.url)
  const packageFile = require.resolve('ssh2/package.json')
  const { version } = JSON.parse(await readFile(packageFile, 'utf8')) as { version: string }
  const addOn = join(dirname(packageFile), 'lib/protocol/crypto/build/Release/sshcrypto.node')
  return `${version} ${existsSync(addOn) ? 'with' : 'without'} its native add-on`
}

async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(programPath(program), args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return stdout + stderr
}

function firstMatch(output: string, pattern: RegExp): string {
  return pattern.exec(output)?.[1] ?? 'unknown'
}

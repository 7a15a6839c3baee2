// What a system test needs of the machine. Where it is missing the test is skipped on a developer's machine and
// fails in CI, so that a CI run never passes by having tested nothing.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe } from 'vitest'

export interface Requirements {
  root?: boolean
  /** Programs that must be on the PATH. */
  programs?: string[]
  /** Paths of devices that must be there. */
  devices?: string[]
}

/** What is missing here, one short phrase each. */
function missingRequirements({ root = false, programs = [], devices = [] }: Requirements): string[] {
  const isFound = (name: string) => spawnSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', name]).status === 0
  const missing = [
    ...programs.filter((name) => !isFound(name)),
    ...devices.filter((path) => !existsSync(path)),
  ]
  return root && process.getuid?.() !== 0 ? [...missing, 'root'] : missing
}

/** `describe`, for tests that need something of the machine. */
export function describeNeeding(name: string, requirements: Requirements, body: () => void): void {
  const missing = missingRequirements(requirements)
  if (missing.length > 0 && process.env.CI === 'true') throw new Error(`${name} needs: ${missing.join(', ')}`)
  describe.skipIf(missing.length > 0)(
    missing.length > 0 ? `${name} (needs: ${missing.join(', ')})` : name,
    body,
  )
}

// A fresh directory for each test, gone afterwards. Its path is real, so that tests can compare it.
import { mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

export interface TemporaryDirectory {
  readonly path: string
  /** A path below it. */
  at(...names: string[]): string
  /** Everything in it, sorted. */
  list(...names: string[]): string[]
  /** Names of temporary files that a transfer left behind, anywhere in it. */
  leftovers(): string[]
}

export function temporaryDirectory(): TemporaryDirectory {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'files-test-')))
  made.push(path)
  const below = (...names: string[]) => readdirSync(join(path, ...names), { encoding: 'utf8' }).sort()
  return {
    path,
    at: (...names) => join(path, ...names),
    list: below,
    leftovers: () =>
      readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.part')),
  }
}

/** Files below a directory that this process holds open. Linux only. */
export function openBelow(path: string): string[] {
  return readdirSync('/proc/self/fd')
    .map((descriptor) => {
      try {
        return readlinkSync(`/proc/self/fd/${descriptor}`)
      } catch {
        // Closed meanwhile, by another test in this process.
        return ''
      }
    })
    .filter((target) => target.startsWith(path))
}

const made: string[] = []

afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
})

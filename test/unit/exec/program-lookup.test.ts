import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findProgram } from '../../../src/exec/program-lookup.js'
import { temporaryDirectory } from '../../helpers/temporary-directory.js'

function program(path: string, mode = 0o755): string {
  writeFileSync(path, '#!/bin/sh\n')
  chmodSync(path, mode)
  return path
}

describe('findProgram', () => {
  test('finds the first of its name', async () => {
    const [first, second] = [temporaryDirectory(), temporaryDirectory()]
    program(second.at('tool'))
    const path = [first.path, second.path].join(delimiter)
    expect(await findProgram('tool', path)).toBe(second.at('tool'))
    program(first.at('tool'))
    expect(await findProgram('tool', path)).toBe(first.at('tool'))
  })

  test('a name that nothing has is ENOENT', async () => {
    await expect(findProgram('tool', temporaryDirectory().path)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(findProgram('tool', undefined)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(findProgram('tool', '')).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('a file that cannot be executed is EACCES, unless a later one can', async () => {
    const [first, second] = [temporaryDirectory(), temporaryDirectory()]
    program(first.at('tool'), 0o644)
    const path = [first.path, second.path].join(delimiter)
    await expect(findProgram('tool', path)).rejects.toMatchObject({ code: 'EACCES' })
    program(second.at('tool'))
    expect(await findProgram('tool', path)).toBe(second.at('tool'))
  })

  test('a directory is no program', async () => {
    const directory = temporaryDirectory()
    mkdirSync(directory.at('tool'))
    await expect(findProgram('tool', directory.path)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('empty and relative entries of PATH are skipped', async () => {
    const path = ['', '.', 'test', '..'].join(delimiter)
    await expect(findProgram('package.json', path)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('a name with a slash is left as it is, found or not', async () => {
    expect(await findProgram('./tool', '/bin')).toBe('./tool')
    expect(await findProgram('/no/such', '/bin')).toBe('/no/such')
  })

  test.each(['..', '.'])('the name %s is no program', async (name) => {
    await expect(findProgram(name, '/usr/bin')).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

// The package as a user gets it: packed, installed into an empty project, compiled against and run from both module
// systems. Needs a build (`npm run build`).
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const repository = fileURLToPath(new URL('..', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'fake-ssh-package-'))
const modules = join(project, 'node_modules')

function run(command: string, args: string[], cwd = project): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} exited ${status}\n${stdout}${stderr}`)
  return stdout
}

beforeAll(() => {
  // Without scripts: prepack would rebuild dist/ under the tests that run beside this one.
  const packed = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], repository)
  const { filename } = JSON.parse(packed)[0]
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true }))
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', `./${filename}`])
  cpSync(join(repository, 'test/consumer'), project, { recursive: true })
}, 120_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

describe('the installed package', () => {
  const installed = () => readdirSync(modules, { recursive: true, encoding: 'utf8' })

  test('holds the build and its documents, nothing else', () => {
    const top = readdirSync(join(modules, 'fake-ssh')).sort()
    expect(top).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json'])
  })

  test('brings nothing that only its own build needs', () => {
    for (const name of ['rxjs', 'typed-emitter', 'typescript', '@types']) {
      expect(existsSync(join(modules, name)), name).toBe(false)
    }
  })

  test('brings nothing to compile and no install script', () => {
    expect(installed().filter((name) => /\.node$|binding\.gyp$|node-gyp$/.test(name))).toEqual([])
    const lock: { packages: Record<string, { hasInstallScript?: boolean }> } = JSON.parse(
      readFileSync(join(project, 'package-lock.json'), 'utf8'),
    )
    const withScript = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript)
    expect(withScript.map(([name]) => name)).toEqual([])
  })

  test.each(['main.mts', 'main.cts'])('%s compiles and runs', { timeout: 60_000 }, (program) => {
    const tsc = join(repository, 'node_modules/typescript/bin/tsc')
    const types = ['--types', 'node', '--typeRoots', join(repository, 'node_modules/@types')]
    // Strict about our declarations too: no --skipLibCheck.
    const flags = ['--strict', '--exactOptionalPropertyTypes', '--target', 'ES2022', '--module', 'NodeNext']
    run(process.execPath, [tsc, ...flags, ...types, program])
    expect(run(process.execPath, [program.replace('ts', 'js')])).toBe('consumer: ok\n')
  })

  test('exports its testing entry to both module systems', () => {
    const load =
      "import('fake-ssh/testing').then((m) => require('fake-ssh/testing') && console.log(typeof m))"
    expect(run(process.execPath, ['-e', load])).toBe('object\n')
  })
})

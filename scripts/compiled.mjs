// Runs a program of this repository (bench, soak) against a package built for the occasion: compiled as dist/ is, in a directory of its
// own, so that neither a stale nor a vanishing dist/ (anybody may rebuild it meanwhile) is what gets measured.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @param {readonly string[]} args @returns {Promise<number>} exit code */
async function node(...args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
  // A terminal sends SIGINT to the child as well, which then has to clean up while we wait for it.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  const [code] = await once(child, 'close')
  return code ?? 1
}

/** @param {string} project @param {string} outDir */
async function compile(project, outDir) {
  const code = await node('node_modules/typescript/bin/tsc', '-p', project, '--noCheck', '--outDir', outDir)
  if (code !== 0) throw new Error(`tsc -p ${project} exited with ${code}`)
}

/**
 * Compiles the package and the program, and runs `<name>/main.ts` with the arguments of this process.
 *
 * @param {string} name @returns {Promise<number>} exit code
 */
export async function runCompiled(name) {
  const directory = await mkdtemp(join(tmpdir(), `fake-ssh-${name}-build-`))
  try {
    await copyFile(join(root, 'package.json'), join(directory, 'package.json'))
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
    await Promise.all([
      compile('tsconfig.esm.json', join(directory, 'dist/esm')),
      compile(`tsconfig.${name}.json`, directory),
    ])
    return await node('--enable-source-maps', join(directory, name, 'main.js'), ...process.argv.slice(2))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

// Builds dist/esm and dist/cjs. A script rather than a one-liner because the CommonJS half needs a package.json of
// its own (the root one says "type": "module"), and because a stale file left in dist would be published.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @param {string} project */
async function compile(project) {
  const tsc = spawn(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project], {
    cwd: root,
    stdio: 'inherit',
  })
  const [code] = await once(tsc, 'exit')
  if (code !== 0) throw new Error(`tsc -p ${project} exited ${code}`)
}

await rm(`${root}/dist`, { recursive: true, force: true })
await Promise.all([compile('tsconfig.esm.json'), compile('tsconfig.cjs.json')])
await mkdir(`${root}/dist/cjs`, { recursive: true })
await writeFile(`${root}/dist/cjs/package.json`, '{ "type": "commonjs", "sideEffects": false }\n')

// Compares the public API with the reports in etc/, or rewrites them with --update. A script because there are two
// entry points, and because api-extractor will not create etc/ itself.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const update = process.argv.includes('--update')

mkdirSync(`${root}/etc`, { recursive: true })
let failed = false
for (const config of ['api-extractor.json', 'api-extractor.testing.json']) {
  const args = ['node_modules/@microsoft/api-extractor/bin/api-extractor', 'run', '--config', config]
  const run = spawnSync(process.execPath, update ? [...args, '--local'] : args, {
    cwd: root,
    stdio: 'inherit',
  })
  if (run.status !== 0) failed = true
}
if (failed) {
  console.error(
    'The public API differs from etc/*.api.md. If that is intended: npm run api:update, and commit etc/.',
  )
  process.exitCode = 1
}

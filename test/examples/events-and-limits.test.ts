// examples/progress, cancel and backpressure, as processes of their own: what they print is what they show.
import { afterEach, expect, test } from 'vitest'
import { type Ended, ExampleSandbox } from '../helpers/example-sandbox.js'

const sandbox = new ExampleSandbox()
const TIMEOUT_MS = 60_000

afterEach(() => {
  expect(sandbox.leftovers()).toEqual([])
  expect(sandbox.survivors()).toEqual([])
})

async function run(name: string): Promise<string> {
  const { exitCode, stdout, stderr }: Ended = await sandbox.run(name)
  expect({ exitCode, stderr }, stdout).toEqual({ exitCode: 0, stderr: '' })
  return stdout
}

test('progress: both transfers tell how far they are, and what was proved', {
  timeout: TIMEOUT_MS,
}, async () => {
  const [upload = '', download = ''] = (await run('progress')).split('\n\n')
  for (const part of [upload, download]) {
    const percents = [...part.matchAll(/^progress +(\d+) %/gm)].map(([, percent]) => Number(percent))
    expect(percents.at(-1)).toBe(100)
    expect(percents).toEqual([...percents].sort((a, b) => a - b))
    expect(part).toMatch(/^progress .*transferred 64\.0 MiB of 64\.0 MiB, arrived 64\.0 MiB, \d/m)
  }
  expect(upload).toMatch(
    /^checksum {2}sha256 here ([0-9a-f]{16})… there \1… {2}match {2}\(client: upload uploaded\.bin\)$/m,
  )
  expect(upload).toMatch(/^receipt {3}67108864 bytes, sha256 [0-9a-f]{64}$/m)
  expect(download).toMatch(/^metadata {2}67108864 bytes, mode 6\d\d$/m)
  expect(download).toMatch(/^checksum {2}blake2b512 here ([0-9a-f]{16})… there \1… {2}match$/m)
  expect(download).toMatch(/^receipt {3}67108864 bytes, blake2b512 [0-9a-f]{128}$/m)
})

test('cancel: nothing is left of what was cancelled, and the connection works', {
  timeout: TIMEOUT_MS,
}, async () => {
  const shown = await run('cancel')
  expect(shown).not.toContain('not the plan')
  expect(shown).toContain('rejected with our own reason: Error: changed my mind\n')
  expect(shown.match(/its process runs: false\n/g)).toHaveLength(2)
  expect(shown).toMatch(/ERR_FAKESSH_TIMEOUT: exec .*: ran longer than its timeoutMs of 1000\n/)
  expect(shown).toContain('ended by SIGTERM\n')
  expect(shown).toMatch(/rejected with our own reason: Error: stopped after \d.* [KMG]iB\n/)
  expect(shown).toContain('the target holds: what was there before\n')
  expect(shown).toMatch(/ERR_FAKESSH_TIMEOUT: download 'big': took longer than 200 ms\n/)
  expect(shown).toContain('files, here and there: big, target\n')
  expect(shown.trimEnd().split('\n').at(-1)).toBe('the same connection, still: works')
})

test('backpressure: both writers are stopped by their readers', { timeout: TIMEOUT_MS }, async () => {
  const shown = await run('backpressure')
  expect(shown).not.toContain('FAILED')
  expect(shown.match(/^ {2}ok: /gm)).toHaveLength(3)
  expect(shown).toMatch(/the server wrote \d.* [KM]iB and waits\n/)
  expect(shown).toMatch(/meanwhile the server wrote 6\d\.\d MiB more; memory grew by /)
  expect(shown).toMatch(/write\(\) took \d.* [KM]iB, then returned false/)
})

test.each([
  ['progress', /progress/],
  ['cancel', /runs on the server/],
  ['backpressure', /and waits/],
])('%s: Ctrl-C leaves nothing behind', { timeout: TIMEOUT_MS }, async (name, pattern) => {
  const running = sandbox.start(name)
  await running.seen(pattern)
  running.kill('SIGINT')
  expect(await running.ended).toMatchObject({ exitCode: 130, stderr: '' })
})

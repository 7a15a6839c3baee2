import { expect, test } from 'vitest'
import { execPair } from '../helpers/exec-pair.js'

test('smoke', async () => {
  const { run, exec, session, pair } = await execPair({ commands: { hi: async (c) => { c.stdout.write('hello\n'); return 4 } } })
  const r = await run('echo out; echo err >&2; exit 3', { reject: false })
  console.log(r)
  console.log(await run('hi', { reject: false }))
  console.log(await run('cat', { input: 'héllo' }))
  await expect(run('nosuch', [])).rejects.toThrow(/nosuch/)
  console.log(await run('nosuch', []).catch((e) => e))
  console.log(await run('sleep 10', { timeoutMs: 200 }).catch((e) => e))
  const s = await session()
  console.log(await s.run('mkdir a; cd a; export X=1; exit 3', { reject: false }), s.cwd)
  console.log(await s.run('pwd; echo $X'), s.cwd)
  const p = exec('trap "" TERM; sleep 99 & wait')
  await new Promise((r) => p.once('spawn', r))
  console.log(await p.kill('SIGTERM', { forceKillAfterMs: 100 }))
  console.log(await p.result)
  expect(pair.internalErrors).toEqual([])
})

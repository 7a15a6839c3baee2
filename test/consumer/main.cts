// The same program as a CommonJS module.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { FakeSshClient, FakeSshServer } from 'fake-ssh'

async function main(): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'fake-ssh-consumer-'))
  const token = randomBytes(32).toString('hex')
  const server = new FakeSshServer({ users: { deploy: { token, root, exec: 'argv' } } })
  const { host, port } = await server.listen({ port: 0, host: '127.0.0.1' })
  const client = await FakeSshClient.connect({ host, port, user: 'deploy', token })

  const { stdout, exitCode } = await client.run(process.execPath, ['-e', 'process.stdout.write("out")'])
  assert.equal(stdout.toString(), 'out')
  assert.equal(exitCode, 0)

  const content = randomBytes(300_000)
  await pipeline(Readable.from([content]), client.put('file.bin'))
  assert.deepEqual(await readFile(join(root, 'file.bin')), content)
  assert.deepEqual(await buffer(client.get('file.bin')), content)

  await client.close()
  await server.close()
  await rm(root, { recursive: true })
  console.log('consumer: ok')
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

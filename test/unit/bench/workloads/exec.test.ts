import { expect, test } from 'vitest'
import type { FileClient, LibraryClient } from '../../../../bench/clients/remote-client.js'
import { execAtOnce, execInSequence, firstResults } from '../../../../bench/workloads/exec.js'
import { readStdout } from '../../../../bench/workloads/stdout.js'
import { execUnderLoad } from '../../../../bench/workloads/under-load.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

function clientWith({ exitCode = 0, putFails = false } = {}) {
  const state = { running: 0, mostRunning: 0, commands: 0, puts: 0, commandsDuringPut: 0, isPutting: false }
  const client: FileClient = {
    async exec() {
      state.commands += 1
      state.running += 1
      if (state.isPutting) state.commandsDuringPut += 1
      state.mostRunning = Math.max(state.mostRunning, state.running)
      await turn()
      state.running -= 1
      return exitCode
    },
    async put() {
      state.isPutting = true
      state.puts += 1
      for (let count = 0; count < 5; count += 1) await turn()
      state.isPutting = false
      if (putFails) throw new Error('the put failed')
    },
    get: async () => {},
    close: async () => {},
  }
  return { client, state }
}

test('in sequence, one command is timed after the other', async () => {
  const { client, state } = clientWith()
  const latencies = await execInSequence(client, 'true', 5)
  expect(latencies).toHaveLength(5)
  expect(Math.min(...latencies)).toBeGreaterThan(0)
  expect(state.mostRunning).toBe(1)
})

test('at once, all of them run together', async () => {
  const { client, state } = clientWith()
  expect(await execAtOnce(client, 'true', 5)).toBeGreaterThan(0)
  expect(state.mostRunning).toBe(5)
})

test('a command that fails is no result', async () => {
  const { client } = clientWith({ exitCode: 3 })
  await expect(execInSequence(client, 'true', 1)).rejects.toThrow("'true' exited with 3")
  await expect(execAtOnce(client, 'true', 2)).rejects.toThrow("'true' exited with 3")
})

const PLAN = { command: 'true', count: 12, local: '/tmp/l', remote: 'r' }

test('latencies are taken idle, and then while puts follow each other', async () => {
  const { client, state } = clientWith()
  const found = await execUnderLoad(client, PLAN)
  expect(found.idleMs).toHaveLength(PLAN.count)
  expect(found.loadedMs).toHaveLength(PLAN.count)
  expect(found.puts).toBe(state.puts)
  expect(found.puts).toBeGreaterThan(1)
  expect(state.commandsDuringPut).toBeGreaterThan(PLAN.count / 2)
})

test('a put that fails ends the measurement', async () => {
  const { client } = clientWith({ putFails: true })
  await expect(execUnderLoad(client, PLAN)).rejects.toThrow('the put failed')
})

test('commands that fail end the puts', async () => {
  const { client, state } = clientWith({ exitCode: 1 })
  await expect(execUnderLoad(client, PLAN)).rejects.toThrow('exited with 1')
  const { puts } = state
  for (let count = 0; count < 20; count += 1) await turn()
  expect(state.puts).toBe(puts)
})

test('first results connect anew each time: here by running a program', async () => {
  const spec = { kind: 'command', exec: ['/bin/sh', '-c'] } as const
  expect(await firstResults(spec, 'true', 2)).toHaveLength(2)
  await expect(firstResults(spec, 'exit 4', 1)).rejects.toThrow('exited with 4')
})

test('output that is not the pattern, or not all of it, is no result', async () => {
  const client = (chunk: Buffer) =>
    ({
      stdout: async (_command: string, onChunk: (chunk: Buffer) => void) => {
        onChunk(chunk)
        return 0
      },
    }) as unknown as LibraryClient
  await expect(readStdout(client(Buffer.from('no pattern')), 'cat', 10)).rejects.toThrow('wrong bytes')
  await expect(readStdout(client(Buffer.alloc(0)), 'cat', 10)).rejects.toThrow(
    '0 bytes arrived instead of 10',
  )
})

// A program has its own pipes or none: not at the limit of open files, and not when somebody else comes to the socket of the helper.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ProgramStarter } from '../../../../src/exec/spawn/program-starter.js'
import { killIfThere } from '../../../helpers/processes.js'
import { temporaryDirectory } from '../../../helpers/temporary-directory.js'

const FIXTURE = fileURLToPath(new URL('../../../fixtures/spawn-many.ts', import.meta.url))

/** Above what the process is started with, which depends on who runs the tests. */
test.each([80, 100, 130])('room for %i files: right, or an error', { timeout: 60_000 }, async (room) => {
  const script = `ulimit -n $(($(ls /proc/self/fd | wc -l) + ${room})); exec "$0" "$@"`
  const host = spawn('/bin/sh', ['-c', script, process.execPath, '--import', 'tsx', FIXTURE], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { during, after } = JSON.parse(await text(host.stdout)) as { during: string[]; after: string[] }
  const wrong = [...during, ...after].filter((outcome) => outcome !== 'right' && outcome !== 'error EMFILE')
  expect(wrong).toEqual([])

  expect(after.at(-1)).toBe('right')
})

/** A starter whose helper has its socket where the test can find it, and what `use` makes of the two. */
async function withSocket(use: (starter: ProgramStarter, path: string) => Promise<void>): Promise<void> {
  const directory = temporaryDirectory()
  const starter = new ProgramStarter()
  const usual = process.env.TMPDIR
  process.env.TMPDIR = directory.path
  const helper = Number(await outputOf(starter, 'echo $PPID'))
  if (usual === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = usual
  try {
    await use(starter, directory.at(`${directory.list()[0]}/socket`))
  } finally {
    killIfThere(helper)
  }
}

async function outputOf(starter: ProgramStarter, command: string): Promise<string> {
  const env = { PATH: process.env.PATH ?? '' }
  const program = await starter.start({ file: '/bin/sh', args: ['-c', command], cwd: '/', env })
  program.stdin.end()
  return await text(program.stdout)
}

test.each([
  ['says nothing', Buffer.alloc(0)],
  ['says something else', Buffer.alloc(20, 'x')],
  ['says too little', Buffer.alloc(3)],
])('a stranger at the socket who %s gets no pipe of a program', async (_name, words) => {
  await withSocket(async (starter, path) => {
    const strangers = Array.from({ length: 8 }, () => connect({ path }))
    await Promise.all(strangers.map((stranger) => once(stranger, 'connect')))
    const heard: Buffer[] = []
    for (const stranger of strangers) {
      stranger.on('data', (chunk: Buffer) => heard.push(chunk))
      stranger.on('error', () => {})
      if (words.length > 0) stranger.write(words)
    }
    for (let i = 0; i < 6; i += 1) expect(await outputOf(starter, `echo ${i}`)).toBe(`${i}\n`)
    for (const stranger of strangers) stranger.destroy()
    for (let i = 0; i < 6; i += 1) expect(await outputOf(starter, `echo ${i}`)).toBe(`${i}\n`)
    expect(heard).toEqual([])
  })
})

test('where the path of the socket would be cut, programs are started without a helper', async () => {
  const directory = temporaryDirectory()
  const starter = new ProgramStarter()
  const usual = process.env.TMPDIR
  const long = directory.at('x'.repeat(100))
  mkdirSync(long)
  process.env.TMPDIR = long
  try {
    expect(await outputOf(starter, 'echo $PPID')).toBe(`${process.pid}\n`)
  } finally {
    if (usual === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = usual
  }
  expect([directory.list().length, readdirSync(long)]).toEqual([1, []])
})

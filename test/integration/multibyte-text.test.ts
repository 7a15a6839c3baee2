// Characters of several bytes, cut at every byte by how the output happens to be written, arrive whole.
import { expect, test } from 'vitest'
import { served } from '../helpers/served.js'

const CORPUS = 'aß→你😀é\u0301Ω🏳️‍🌈ｱ\u{10ffff}\r\n'
const bytes = Buffer.from(CORPUS)

test('text split at every byte arrives whole, on stdout and stderr, streamed and collected', async () => {
  const { connect } = await served({
    transport: 'tls',
    commands: {
      // Two writes, each its own frame, with the cut at every byte of the corpus in turn.
      split: async ({ args, stdout, stderr }) => {
        const at = Number(args[0])
        for (const part of [bytes.subarray(0, at), bytes.subarray(at)]) {
          for (const stream of [stdout, stderr]) {
            if (part.length > 0) await new Promise((resolve) => stream.write(part, resolve))
          }
        }
      },
    },
  })
  const client = await connect()
  for (let at = 0; at <= bytes.length; at++) {
    const process = client.exec('split', [String(at)])
    process.setEncoding('utf8')
    process.stderr.setEncoding('utf8')
    const [stdout, stderr] = await Promise.all([process.toArray(), process.stderr.toArray()])
    expect([stdout.join(''), stderr.join('')], `cut at byte ${at}`).toEqual([CORPUS, CORPUS])
    const collected = await client.run('split', [String(at)])
    expect([collected.stdout, collected.stderr]).toEqual([CORPUS, CORPUS])
  }
})

test('one byte at a time, through a real process', async () => {
  const client = await (await served()).connect()
  const process = client.exec('dd bs=1 status=none')
  process.setEncoding('utf8')
  const text = process.toArray()
  for (const byte of bytes) process.write(Buffer.of(byte))
  process.end()
  expect((await text).join('')).toBe(CORPUS)
})

test('bytes that are no text are replaced one by one, and never swallow what follows', async () => {
  const client = await (await served()).connect()
  const { stdout } = await client.run(String.raw`printf 'a\377b\342\202'`)
  expect(stdout).toBe('a\ufffdb\ufffd')
})

test('file names and command lines of any language make the round trip', async () => {
  const client = await (await served()).connect()
  const name = `${CORPUS.replace(/[\r\n]/g, '')} name`
  await client.put(name).end(CORPUS).result
  expect((await client.get(name).setEncoding('utf8').toArray()).join('')).toBe(CORPUS)
  expect((await client.run('ls')).stdout).toBe(`${name}\n`)
  expect((await client.run(`printf '%s' '${CORPUS}'`)).stdout).toBe(CORPUS)
})

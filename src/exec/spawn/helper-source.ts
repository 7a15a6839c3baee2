/**
 * The program of the spawn helper, as text: it runs in a Node process of its own, with `node -e`. As a file it would have to be found
 * from the ESM build, the CommonJS build, TypeScript run from source, and inside whatever a bundler makes of all this.
 *
 * It reads messages from stdin, a JSON object a line, and answers on stdout:
 *
 *     <- {secret}                                 hex; once, first
 *     {}                                          it is ready; sent once
 *     <- {id, pipes, file, args, name, cwd, env}  start a program; `pipes` is 3, or 4 with the state pipe
 *     {id, pid, pipes}                            it was started, and these connections are its descriptors 0 to 2 (3), or
 *     {id, error: {code, errno, syscall, path, message}, pipes}
 *     {id, exitCode, signal}                      it has ended
 *     {isBroken: true}                            it cannot connect, so it starts nothing more; what runs is watched to its end
 *     {id, isUntried: true}                       for that reason this was not started
 *
 * Connections go to the socket of the host, some of them ahead of what they are for. Each begins with the secret, so that nobody else's is
 * taken for one, and a number, by which answers name it. It is used once the host has answered with a byte: the host then has it, whatever
 * limits of open files it is at.
 *
 * When stdin ends, the host is gone: the groups of all programs that run are ended, and then the helper ends.
 */

/** Between SIGTERM and SIGKILL for programs that the host left behind. */
const KILL_GRACE_MS = 2000

/** Connections made ahead, for two programs that have a state pipe. */
const SPARE_PIPES = 8

/** How often the helper looks meanwhile whether they are gone. */
const PROBE_MS = 20

export const HELPER_SOURCE = `'use strict'
const { spawn } = require('node:child_process')
const { rmSync } = require('node:fs')
const { connect } = require('node:net')
const { dirname } = require('node:path')
const path = process.argv[1]
process.title = 'fake-ssh spawn helper'
const running = new Set()
let isOrphan = false

// Written at once: a program that was started is never unknown to the host for longer than that takes.
const say = (message) => isOrphan || process.stdout.write(JSON.stringify(message) + '\\n')

let secret
const requests = []
const ready = []
let connecting = 0
let made = 0
let isBroken = false

function onMessage(message) {
  if (secret !== undefined) return onRequest(message)
  secret = Buffer.from(message.secret, 'hex')
  refill()
  say({})
}

function onRequest(request) {
  if (isBroken) return say({ id: request.id, isUntried: true })
  requests.push(request)
  const needed = requests.reduce((sum, { pipes }) => sum + pipes, 0)
  addPipes(needed - ready.length - connecting)
  startAll()
}

function addPipes(count) {
  for (let i = 0; i < count; i += 1) addPipe()
}

function addPipe() {
  made += 1
  connecting += 1
  const number = Buffer.alloc(4)
  number.writeUInt32BE(made)
  const one = { number: made, pipe: undefined, isReady: false }
  // One byte and no more: what follows is meant for the program.
  const onread = {
    buffer: Buffer.alloc(1),
    callback: () => {
      one.isReady = true
      connecting -= 1
      ready.push(one)
      startAll()
      return false
    },
  }
  one.pipe = connect({ path, onread })
  one.pipe.on('error', () => {})
  one.pipe.once('connect', () => one.pipe.write(Buffer.concat([secret, number])))
  one.pipe.once('close', () => {
    if (one.isReady) {
      if (ready.includes(one)) ready.splice(ready.indexOf(one), 1)
      return
    }
    connecting -= 1
    breakOff()
  })
}

function breakOff() {
  if (isBroken) return
  isBroken = true
  for (const { id } of requests.splice(0)) say({ id, isUntried: true })
  say({ isBroken: true })
}

function startAll() {
  while (requests.length > 0 && requests[0].pipes <= ready.length) {
    const request = requests.shift()
    start(request, ready.splice(0, request.pipes))
  }
}

function refill() {
  if (requests.length === 0 && !isBroken) addPipes(${SPARE_PIPES} - ready.length - connecting)
}

function start({ id, file, args, name, cwd, env }, taken) {
  const pipes = taken.map(({ number }) => number)
  const stdio = taken.map(({ pipe }) => pipe)
  const refuse = ({ code, errno, syscall, path, message }) =>
    say({ id, error: { code, errno, syscall, path, message }, pipes })
  try {
    if (isOrphan) return
    // Node makes 0 to 2 blocking for the program, but no others.
    if (stdio[3] !== undefined) stdio[3]._handle.setBlocking(true)
    const child = spawn(file, args, { cwd, env, argv0: name, detached: true, stdio })
    child.once('error', refuse)
    if (child.pid === undefined) return
    running.add(child.pid)
    child.once('exit', (exitCode, signal) => {
      running.delete(child.pid)
      say({ id, exitCode, signal })
      setImmediate(refill)
    })
    say({ id, pid: child.pid, pipes })
  } catch (error) {
    refuse(error)
  } finally {
    for (const pipe of stdio) pipe.destroy()
  }
}

/** True if any was there. */
function signalAll(groups, signal) {
  let found = false
  for (const group of groups) {
    try {
      process.kill(-group, signal)
      found = true
    } catch {}
  }
  return found
}

function endAll() {
  if (isOrphan) return
  isOrphan = true
  const groups = [...running]
  signalAll(groups, 'SIGTERM')
  signalAll(groups, 'SIGCONT')
  const quit = () => {
    rmSync(dirname(path), { recursive: true, force: true })
    process.exit()
  }
  const deadline = Date.now() + ${KILL_GRACE_MS}
  const look = () => {
    if (!signalAll(groups, 0)) quit()
    if (Date.now() < deadline) return setTimeout(look, ${PROBE_MS})
    signalAll(groups, 'SIGKILL')
    quit()
  }
  look()
}

let rest = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (text) => {
  if (!text.includes('\\n')) {
    rest += text
    return
  }
  const lines = (rest + text).split('\\n')
  rest = lines.pop()
  for (const line of lines) onMessage(JSON.parse(line))
})
process.stdin.on('error', endAll).on('end', endAll).on('close', endAll)
process.stdout.on('error', endAll)
`

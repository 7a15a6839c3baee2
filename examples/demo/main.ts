/** The whole of fake-ssh in half a minute: `npm run demo`. See README.md. */
import { readdir } from 'node:fs/promises'
import { damagedTransfers, missingFile } from './failures.js'
import { downloadProgram, runProgram, uploadProgram } from './program.js'
import { Report } from './report.js'
import { onStage, type Stage } from './stage.js'

const report = new Report()

async function play(stage: Stage): Promise<void> {
  const { client, serverPid } = stage
  report.section('A server on loopback, in a process of its own')
  report.line(
    `process ${serverPid} serves an empty directory; process ${process.pid} is connected to ${client.host}`,
  )
  report.line('by TLS 1.3, where both have proved that they hold the same fresh token')
  await uploadProgram(report, stage)
  await runProgram(report, stage)
  await downloadProgram(report, stage)
  await workingDirectory(stage)
  await missingFile(report, stage)
  await damagedTransfers(report, stage)
  const left = (await readdir(stage.remote)).sort().join(' ')
  report.check(
    `the server holds what was put there and nothing else: ${left}`,
    left === 'logs node report.txt',
  )
}

async function workingDirectory({ client }: Stage): Promise<void> {
  report.section('A working directory that lasts')
  await using session = await client.session()
  for (const command of ['mkdir -p logs/today && cd logs/today', 'touch app.log', 'cd ..', 'find .']) {
    const { stdout } = await session.run(command)
    report.line(`$ ${command}`)
    for (const line of stdout.split('\n').filter(Boolean)) report.line(`  ${line}`)
  }
  report.check('cd lasted from one command to the next', session.cwd === '/logs')
}

const interruption = new AbortController()
let exitCode = 0
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    exitCode = code
    interruption.abort(new Error(`ended by ${signal}`))
  })
}

console.log(`fake-ssh between two processes, node ${process.version}`)
try {
  const { isCleared } = await onStage(interruption.signal, play)
  report.section('Nothing is left behind')
  report.check('the server process ended, and both directories are gone', isCleared)
} catch (error) {
  report.line()
  if (exitCode !== 0) report.line('interrupted; everything was cleared up')
  else {
    console.error(error)
    report.check('the demo ran to its end', false)
  }
}
console.log(`\n${report.passed} checks passed, ${report.failed} failed`)
process.exitCode = exitCode || (report.failed === 0 ? 0 : 1)

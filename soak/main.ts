/** `npm run soak`: mixed load through a faulty link, for as long as asked; every success is verified, and nothing may be lost. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Cleanup } from '../bench/cleanup.js'
import { HELP, parseSoakArguments, type SoakArguments } from './arguments.js'
import { momentLine, summary } from './report.js'
import { Soak } from './soak.js'

const MINUTE_MS = 60_000

const cleanup = new Cleanup()

async function run({ minutes, seed, clients }: SoakArguments): Promise<number> {
  console.log(`soak: ${minutes} minutes, ${clients} clients, --seed ${seed}`)
  const directory = await mkdtemp(join(tmpdir(), 'fake-ssh-soak-'))
  cleanup.add(() => rm(directory, { recursive: true, force: true }))
  const soak = new Soak(directory, seed, cleanup)
  await soak.start(clients)
  const start = await soak.moment('start')
  console.log(momentLine(start))
  await soak.begin()
  for (let leftMs = minutes * MINUTE_MS, minute = 1; leftMs > 0; leftMs -= MINUTE_MS, minute += 1) {
    await pause(Math.min(leftMs, MINUTE_MS))
    if (leftMs > MINUTE_MS) console.log(momentLine(await soak.moment(`minute ${minute}`)))
  }
  await soak.finish(start)
  const end = await soak.moment('end')
  console.log(momentLine(end))
  console.log(summary(end))
  return end.tally.losses.length
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await cleanup.run().catch((error) => console.error(error))
    process.exit(130)
  })
}

try {
  const args = parseSoakArguments(process.argv.slice(2))
  if (args.wantsHelp) process.stdout.write(HELP)
  else if ((await run(args)) > 0) process.exitCode = 1
} catch (error) {
  console.error(`soak: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 2
} finally {
  await cleanup.run()
}

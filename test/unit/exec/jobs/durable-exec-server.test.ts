import { expect, test } from 'vitest'
import type { IncomingOpen } from '../../../../src/connection/channel-handler.js'
import { commandTable } from '../../../../src/exec/command-context.js'
import { serveDurableExec } from '../../../../src/exec/jobs/durable-exec-server.js'
import { JobTable } from '../../../../src/exec/jobs/job-table.js'
import { parseExecParams } from '../../../../src/exec/messages.js'
import { SessionRegistry } from '../../../../src/exec/session-server.js'
import { RecordingChannel } from '../../../helpers/recording-channel.js'

const ID = 'ab'.repeat(32)

/** Serves one OPEN, and gives what it was refused with and whether anything was done for it. */
async function refusalOf(
  job: object,
  signal = new AbortController().signal,
  prepare: (jobs: JobTable) => void = () => {},
) {
  const params = parseExecParams({
    command: 'touch ran',
    job: { id: ID, holder: 'cd'.repeat(16), attempt: 1, ...job },
  })
  const refusals: string[] = []
  let places = 0
  const open: IncomingOpen = {
    channel: new RecordingChannel(),
    kind: 'exec',
    params: {},
    signal,
    accept: () => expect.unreachable(),
    reject: (code) => refusals.push(code),
  }
  const jobs = new JobTable({ maxJobs: 1, maxJobsTotal: 1, expiryMs: 1000, memoryBytes: 4096, spillBytes: 0 })
  prepare(jobs)
  if (params.job === undefined) throw new Error('no job')
  await serveDurableExec(
    open,
    { ...params, job: { ...params.job, arrival: 1 } },
    { run: 'shell', command: 'touch ran' },
    {
      user: 'test',
      shell: '/bin/sh',
      sessions: new SessionRegistry(),
      exec: 'shell',
      commands: commandTable(),
      baseEnvironment: {},
      resolveCwd: async (path) => {
        places += 1
        return path
      },
      toShownPath: (real) => real,
      jobs,
      onFault: () => expect.unreachable(),
    },
  )
  return { refusals, places, hasJob: jobs.has('test', ID) }
}

test.each([{ stdout: 100 }, { stderr: 1 }])(
  'starts nothing that is to be told from an offset which cannot be there (case %#)',
  async (job) => {
    expect(await refusalOf(job)).toEqual({ refusals: ['ERR_FAKESSH_INVALID_ARG'], places: 0, hasJob: false })
  },
)

test('starts nothing for an OPEN whose channel is gone', async () => {
  const outcome = await refusalOf({}, AbortSignal.abort())
  expect(outcome).toMatchObject({ places: 0, hasJob: false })
  expect(outcome.refusals).toHaveLength(1)
})

test('starts nothing that was given up while its OPEN was on its way', async () => {
  const give = (jobs: JobTable) => expect(jobs.prevent('test', ID)).toBe(true)
  const outcome = await refusalOf({}, undefined, give)
  expect(outcome).toEqual({ refusals: ['ERR_FAKESSH_NO_JOB'], places: 0, hasJob: false })
})

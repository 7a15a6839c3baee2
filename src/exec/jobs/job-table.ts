/** The jobs of one server, by user. */
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { FakeSshError } from '../../errors.js'
import type { JobParams } from '../messages.js'
import { DroppedJobs } from './dropped-jobs.js'
import type { Job } from './job.js'
import type { OutputLogLimits } from './output-log.js'

export interface JobLimits extends OutputLogLimits {
  /** Jobs that one user may have, those that have ended included until they are dropped. */
  readonly maxJobs: number
  /** Likewise of all users together. */
  readonly maxJobsTotal: number
  /** Milliseconds from a job's end until it is dropped; from when whoever was attached after that has left. */
  readonly expiryMs: number
}

/** What a job tells the table that keeps it. */
export interface JobKeeper {
  onEnded(): void
  onDetached(): void
}

interface Entry {
  /** Rejects when it could not be started. */
  readonly starting: Promise<Job>
  job: Job | undefined
  expiry: NodeJS.Timeout | undefined
}

/** Jobs that are not to be started, of one user: the oldest may be again. */
const MAX_PREVENTED = 1_000
/** Users of whom that is remembered. */
const MAX_PREVENTING_USERS = 1_000

export class JobTable {
  readonly limits: JobLimits
  readonly #users = new Map<string, Map<string, Entry>>()
  readonly #dropped = new DroppedJobs()
  /** By user, so that none can make the server forget those of another. */
  readonly #prevented = new Map<string, DroppedJobs>()
  /** Being dropped. */
  readonly #leaving = new Set<Promise<void>>()
  #isClosed = false
  #arrivals = 0
  /** Looks whether all have ended and been read, once that is waited for. */
  #lookIfIdle: () => void = () => {}

  constructor(limits: JobLimits) {
    this.limits = limits
  }

  /** The next place in the order in which OPENs arrive: of two that are to be attached to one job, the later one is, whichever is decided first. */
  nextArrival(): number {
    this.#arrivals += 1
    return this.#arrivals
  }

  /** True when this user has the job, or it is being started. */
  has(user: string, id: string): boolean {
    return this.#entry(user, id) !== undefined
  }

  /** Rejects with `ERR_FAKESSH_NO_JOB`, or with why the job could not be started. */
  async get(user: string, id: string): Promise<Job> {
    const entry = this.#entry(user, id)
    if (entry === undefined)
      throw new FakeSshError('ERR_FAKESSH_NO_JOB', 'there is no such job', { op: 'exec' })
    return await entry.starting
  }

  /** Those of a user that have started, oldest first. */
  list(user: string): readonly Job[] {
    const jobs = [...(this.#users.get(user)?.values() ?? [])].map(({ job }) => job)
    return jobs.filter((job) => job !== undefined)
  }

  /**
   * Starts a job, or gives the one of this id. Rejects with what `start` rejects with, with `ERR_FAKESSH_NO_JOB` when it may have run and is gone, with `ERR_FAKESSH_LIMIT`
   * when the user has as many as allowed, or with `ERR_FAKESSH_SHUTDOWN`.
   */
  async start(
    user: string,
    { id, again }: Pick<JobParams, 'id' | 'again'>,
    start: (keeper: JobKeeper) => Promise<Job>,
  ): Promise<Job> {
    if (this.#isClosed)
      throw new FakeSshError('ERR_FAKESSH_SHUTDOWN', 'the server is closing', { op: 'exec' })
    const known = this.#entry(user, id)
    if (known !== undefined) return await known.starting
    const wasPrevented = this.#prevented.get(user)?.mayInclude(keyOf(id), false) === true
    if (wasPrevented || this.#dropped.mayInclude(dropKeyOf(user, id), again)) {
      const message = 'the job is gone: it may have run, so it is not started again'
      throw new FakeSshError('ERR_FAKESSH_NO_JOB', message, { op: 'exec' })
    }
    const jobs = this.#users.get(user) ?? new Map<string, Entry>()
    if (jobs.size >= this.limits.maxJobs) {
      const message = `maxJobs is ${this.limits.maxJobs}, and this user has as many, those included that have ended and were not forgotten`
      throw new FakeSshError('ERR_FAKESSH_LIMIT', message, { op: 'exec' })
    }
    const { maxJobsTotal } = this.limits
    if (this.#all().length >= maxJobsTotal) {
      const message = `maxJobsTotal is ${maxJobsTotal}, and all users together have as many`
      throw new FakeSshError('ERR_FAKESSH_LIMIT', message, { op: 'exec' })
    }
    this.#users.set(user, jobs)
    const key = keyOf(id)
    const drop = () => this.#drop(user, key)
    const starting = start({
      onEnded: () => {
        startExpiry()
        this.#lookIfIdle()
      },
      onDetached: () => {
        // Whoever lost its connection comes back.
        startExpiry()
        this.#lookIfIdle()
      },
    })
    const entry: Entry = { starting, job: undefined, expiry: undefined }
    const startExpiry = () => {
      clearTimeout(entry.expiry)
      if (jobs.get(key) !== entry) return
      entry.expiry = setTimeout(() => {
        if (entry.job?.hasEnded === true && !entry.job.isAttached) drop()
      }, this.limits.expiryMs).unref()
    }
    jobs.set(key, entry)
    try {
      entry.job = await starting
      return entry.job
    } catch (error) {
      drop()
      throw error
    }
  }

  /** Sees to it that a job which is not there is never started: its OPEN may still be on its way, or being decided about. False when it is there. */
  prevent(user: string, id: string): boolean {
    if (this.has(user, id)) return false
    const prevented = this.#prevented.get(user) ?? new DroppedJobs(MAX_PREVENTED)
    // To the end: the user who was heard of longest ago goes first.
    this.#prevented.delete(user)
    this.#prevented.set(user, prevented)
    const [oldest] = this.#prevented.size > MAX_PREVENTING_USERS ? this.#prevented.keys() : []
    if (oldest !== undefined) this.#prevented.delete(oldest)
    prevented.add(keyOf(id))
    return true
  }

  /** Drops a job that has ended, with its output. Rejects with `ERR_FAKESSH_NO_JOB`, or `ERR_FAKESSH_INVALID_ARG` while it runs. */
  async forget(user: string, id: string): Promise<void> {
    const job = await this.get(user, id)
    if (!job.hasEnded)
      throw new FakeSshError(
        'ERR_FAKESSH_INVALID_ARG',
        'forget: expected a job that has ended, got one that runs',
      )
    this.#drop(user, keyOf(id))
  }

  /** Starts nothing more, lets jobs run and be read to their end for `drainMs`, ends those that still run, and drops all. Never rejects. */
  async close(drainMs: number): Promise<void> {
    this.#isClosed = true
    const over = new AbortController()
    const ended = new Promise<void>((resolve) => {
      this.#lookIfIdle = () => {
        if (this.#all().every(({ job }) => job?.hasEnded === true && !job.isAttached)) resolve()
      }
      this.#lookIfIdle()
    })
    await Promise.race([ended, delay(drainMs, undefined, { signal: over.signal }).catch(() => {})])
    over.abort()
    await Promise.all(
      this.#all().map(async ({ starting }) => (await starting.catch(() => undefined))?.terminate()),
    )
    for (const [user, jobs] of this.#users) for (const key of [...jobs.keys()]) this.#drop(user, key)
    await Promise.all(this.#leaving)
  }

  #all(): readonly Entry[] {
    return [...this.#users.values()].flatMap((jobs) => [...jobs.values()])
  }

  #entry(user: string, id: string): Entry | undefined {
    return this.#users.get(user)?.get(keyOf(id))
  }

  #drop(user: string, key: string): void {
    const jobs = this.#users.get(user)
    const entry = jobs?.get(key)
    if (jobs === undefined || entry === undefined) return
    jobs.delete(key)
    if (jobs.size === 0) this.#users.delete(user)
    clearTimeout(entry.expiry)
    if (entry.job !== undefined) this.#dropped.add(dropKeyOf(user, entry.job.id))
    const leaving = (entry.job?.dispose() ?? Promise.resolve()).then(() => void this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
    this.#lookIfIdle()
  }
}

/** Jobs are found by the hash of their id, so that how long a search takes says nothing of how much of an id was right. */
function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('base64')
}

/** The same over all users. Ids are of one length. */
function dropKeyOf(user: string, id: string): string {
  return keyOf(id + user)
}

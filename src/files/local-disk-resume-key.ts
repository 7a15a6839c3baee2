/**
 * The secret of this account that makes the ids of its uploads, so that a later process finds them and nobody else can guess them:
 * `fake-ssh/resume-key` in `$XDG_STATE_HOME`, by default `~/.local/state`. Made when it is first needed.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { removeQuietly } from './local-disk-claim.js'
import { errnoOf } from './local-disk-errors.js'
import { DiskHandle } from './local-disk-handle.js'

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants

const KEY_BYTES = 32
const NAME = 'resume-key'
const OTHERS = 0o077n

/** One key for each place, whatever becomes of the file: an upload keeps its id for as long as its process lives. */
const known = new Map<string, Promise<Uint8Array>>()

/** Of this process, for when there is none that is kept. */
let ownSecret: Uint8Array | undefined

/**
 * 32 bytes. Where they cannot be kept, those of this process alone: what it uploads can then be resumed by itself only. Never rejects.
 * `home`: where the account has its home directory; may throw.
 */
export async function resumeSecret(home: () => string = homedir): Promise<Uint8Array> {
  let directory: string | undefined
  try {
    directory = join(stateHome(home), 'fake-ssh')
    const secret = known.get(directory) ?? keptSecret(directory)
    known.set(directory, secret)
    return await secret
  } catch {
    // It may have been a moment without free file descriptors: the next upload tries again.
    if (directory !== undefined) known.delete(directory)
    ownSecret ??= randomBytes(KEY_BYTES)
    return ownSecret
  }
}

function stateHome(home: () => string): string {
  const { XDG_STATE_HOME: given } = process.env
  // The specification says to ignore one that is not absolute.
  if (given !== undefined && isAbsolute(given)) return given
  const directory = home()
  if (!isAbsolute(directory)) throw new Error('the account has no home directory')
  return join(directory, '.local', 'state')
}

async function keptSecret(directory: string): Promise<Uint8Array> {
  try {
    return await readSecret(directory)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const temporary = `.${NAME}-${randomBytes(8).toString('hex')}`
  try {
    const file = await DiskHandle.open(
      join(directory, temporary),
      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
      0o600,
    )
    try {
      await file.write(randomBytes(KEY_BYTES), 0)
      await file.sync()
    } finally {
      await file.close()
    }
    // Whole at once, and never over one that another process has just made.
    await link(join(directory, temporary), join(directory, NAME)).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error
    })
  } finally {
    await removeQuietly(directory, temporary)
  }
  return readSecret(directory)
}

async function readSecret(directory: string): Promise<Uint8Array> {
  const file = await DiskHandle.open(join(directory, NAME), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    const stats = await file.stat()
    const isPrivate =
      Number(stats.uid) === (process.geteuid?.() ?? Number(stats.uid)) && (stats.mode & OTHERS) === 0n
    if (!stats.isFile() || (!isPrivate && process.platform !== 'win32')) {
      throw new Error('the key can be read or was made by others')
    }
    const into = Buffer.alloc(KEY_BYTES + 1)
    if ((await file.read(into, 0)) !== KEY_BYTES) throw new Error('the key is damaged')
    return into.subarray(0, KEY_BYTES)
  } finally {
    await file.close()
  }
}

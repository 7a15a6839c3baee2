/**
 * From a path as a peer wrote it to a path on this disk, inside the served root.
 *
 * Checking and opening are two steps here, so whoever can change directories inside the root while a path is
 * being resolved can still lead it astray. Everything that decides where a path leads is in this file.
 */
import type { Stats } from 'node:fs'
import { lstat, readlink, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, parse, relative, resolve, sep } from 'node:path'
import { FakeSshError } from '../errors.js'
import { diskFailure, errnoOf, outsideRoot, toDiskError } from './local-disk-errors.js'
import { isReservedName } from './local-disk-owner.js'
import { checkPath } from './path-text.js'

/** Links followed for one path, as in Linux; beyond: ELOOP. */
const MAX_LINKS = 40

const SEPARATORS = sep === '\\' ? /[\\/]+/ : /\/+/
/** Ends in a separator, `.` or `..`: such a path can only name a directory. */
const NAMES_DIRECTORY = sep === '\\' ? /(^|[\\/])\.{0,2}$/ : /(^|\/)\.{0,2}$/

/** Where a file is or would be: a real directory and a name in it that is not a symbolic link. */
export interface Target {
  readonly directory: string
  readonly name: string
  /** Undefined when nothing has that name yet. */
  readonly existing: Stats | undefined
  /** The path ended with `/` or `/.`, so it can only name a directory. */
  readonly namesDirectory: boolean
}

interface Step {
  readonly name: string
  readonly isFromLink: boolean
}

export class PathResolver {
  readonly #root: string | undefined
  #realRoot: Promise<string> | undefined
  #knownRoot: string | undefined

  /** Without a root paths are those of this machine, relative to the working directory. */
  constructor(root?: string) {
    this.#root = root === undefined ? undefined : resolve(root)
  }

  /** A path to open: of something that exists, with the links inside the root already followed. */
  async existing(path: string): Promise<string> {
    checkPath(path)
    if (this.#root === undefined) return path
    const root = await this.#resolvedRoot(path)
    const parts = this.#parts(path)
    if (!parts.includes('..')) {
      // One call for the common case, a path without links. Any other is walked.
      const candidate = join(root, ...parts)
      const real = await realpath(NAMES_DIRECTORY.test(path) ? candidate + sep : candidate).catch(nothing)
      if (real === candidate) return real
    }
    const { directory, name, existing, namesDirectory } = await this.#walk(root, path)
    if (!existing) throw diskFailure('ENOENT', path)
    if (namesDirectory && !existing.isDirectory()) throw diskFailure('ENOTDIR', path)
    return join(directory, name)
  }

  /** Where to create or replace a file. Rejects ENOENT or ENOTDIR when the directory is not there. */
  async target(path: string): Promise<Target> {
    checkPath(path)
    const root = this.#root === undefined ? parse(resolve(path)).root : await this.#resolvedRoot(path)
    const namesDirectory = NAMES_DIRECTORY.test(path)
    const parts = this.#parts(path)
    const name = parts.at(-1)
    if (
      name !== undefined &&
      !namesDirectory &&
      (this.#root === undefined ? name !== '..' : !parts.includes('..'))
    ) {
      const parent = this.#root === undefined ? dirname(path) : join(root, ...parts.slice(0, -1))
      const directory = await realpath(parent).catch(nothing)
      if (directory !== undefined && (this.#root === undefined || directory === parent)) {
        const existing = await lstat(join(directory, name)).catch(absentWhen('ENOENT'))
        if (existing === undefined || (existing && !existing.isSymbolicLink())) {
          return { directory, name, existing, namesDirectory }
        }
      }
    }
    return this.#walk(root, path)
  }

  /** The path below the root, with a leading `/`, of a real path; undefined when it is outside, or before anything was resolved. */
  shown(real: string): string | undefined {
    const root = this.#knownRoot
    if (root === undefined || !isInside(root, real)) return undefined
    return `/${relative(root, real).split(sep).join('/')}`
  }

  /** As {@link shown}, of what a path leads to, or, for `isTarget`, of where it would be created. */
  async shownPlace(path: string, isTarget: boolean): Promise<string> {
    if (!isTarget) return this.shown(await this.existing(path)) ?? '/'
    const { directory, name } = await this.target(path)
    return this.shown(join(directory, name)) ?? '/'
  }

  async #resolvedRoot(path: string): Promise<string> {
    this.#realRoot ??= realpath(this.#root as string)
    try {
      this.#knownRoot = await this.#realRoot
      return this.#knownRoot
    } catch (error) {
      this.#realRoot = undefined
      throw toDiskError(error, path)
    }
  }

  #parts(path: string): string[] {
    // On Windows `\` and `:` inside a component would name other directories, drives and streams.
    if (this.#root !== undefined && sep === '\\' && /[\\:]/.test(path)) {
      throw new FakeSshError('ERR_FAKESSH_INVALID_PATH', 'the path holds a backslash or a colon', { path })
    }
    const parts = path.split(SEPARATORS).filter((part) => part !== '' && part !== '.')
    // What others are uploading does not exist for peers.
    if (this.#root !== undefined && parts.some(isReservedName)) throw diskFailure('ENOENT', path)
    return parts
  }

  /**
   * Component by component, as the kernel does it: `..` is the parent of the real directory, a link is replaced by what it holds.
   * A link may pass outside the root on its way, as long as it ends inside; nothing that is learnt outside is told.
   */
  async #walk(root: string, path: string): Promise<Target> {
    const isJailed = this.#root !== undefined
    const namesDirectory = NAMES_DIRECTORY.test(path)
    const start =
      isJailed || isAbsolute(path) ? this.#parts(path) : this.#parts(resolve('.')).concat(this.#parts(path))
    const pending: Step[] = start.reverse().map((name) => ({ name, isFromLink: false }))
    let current = root
    let links = 0
    for (let step = pending.pop(); step; step = pending.pop()) {
      if (!step.isFromLink && !isInside(root, current)) throw outsideRoot(path)
      if (step.name === '..') {
        if (isJailed && !step.isFromLink && current === root) throw outsideRoot(path)
        current = dirname(current)
        continue
      }
      const here = join(current, step.name)
      const isLast = pending.length === 0
      if (isJailed && step.isFromLink && isReservedName(step.name) && isInside(root, current)) {
        throw diskFailure('ENOENT', path)
      }
      const told = (error: FakeSshError) => (isInside(root, current) ? error : outsideRoot(path))
      const found = await lstat(here).catch((error: unknown) => {
        if (isLast && isInside(root, here) && errnoOf(error) === 'ENOENT') return undefined
        throw told(toDiskError(error, path))
      })
      if (found?.isSymbolicLink()) {
        if (++links > MAX_LINKS) throw told(diskFailure('ELOOP', path))
        const held = await readlink(here).catch((error: unknown) => {
          throw told(toDiskError(error, path))
        })
        if (isAbsolute(held)) current = parse(held).root
        for (const name of held.split(SEPARATORS).reverse()) {
          if (name !== '' && name !== '.') pending.push({ name, isFromLink: true })
        }
      } else if (isLast) {
        if (!isInside(root, here)) throw outsideRoot(path)
        return { directory: current, name: step.name, existing: found, namesDirectory }
      } else {
        if (!found?.isDirectory()) throw told(diskFailure('ENOTDIR', path))
        current = here
      }
    }
    // The path ended on the root itself, on `..`, or on a link to `/`.
    if (!isInside(root, current)) throw outsideRoot(path)
    const existing = await lstat(current).catch((error: unknown) => {
      throw toDiskError(error, path)
    })
    return { directory: dirname(current), name: basename(current), existing, namesDirectory: true }
  }
}

/** By component: `/jail-evil` is not inside `/jail`. Both paths are real and absolute. */
function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)
}

/** For `catch`. */
function nothing(): undefined {
  return undefined
}

/** For `catch`: undefined for this code, null for any other failure. */
function absentWhen(code: string): (error: unknown) => undefined | null {
  return (error) => (errnoOf(error) === code ? undefined : null)
}

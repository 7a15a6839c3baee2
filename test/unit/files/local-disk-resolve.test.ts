import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { PathResolver } from '../../../src/files/local-disk-resolve.js'
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.js'

// <base>/jail is served; <base>/jail-evil and <base>/secret must never be reached.
let base: TemporaryDirectory
let jail: string
let resolver: PathResolver

beforeEach(() => {
  base = temporaryDirectory()
  jail = base.at('jail')
  mkdirSync(join(jail, 'dir', 'sub'), { recursive: true })
  mkdirSync(base.at('jail-evil'))
  writeFileSync(base.at('jail-evil', 'file'), 'evil')
  writeFileSync(base.at('secret'), 'secret')
  writeFileSync(join(jail, 'file'), 'f')
  writeFileSync(join(jail, 'dir', 'inner'), 'i')
  resolver = new PathResolver(jail)
})

const link = (target: string, ...names: string[]) => symlinkSync(target, join(jail, ...names))
const failing = (code: string) => expect.objectContaining({ code })

describe('inside the root', () => {
  test.each([
    ['file', 'file'],
    ['/file', 'file'],
    ['//file', 'file'],
    ['./file', 'file'],
    ['dir//inner', 'dir/inner'],
    ['dir/./inner', 'dir/inner'],
    ['dir/../file', 'file'],
    ['dir/sub/../../file', 'file'],
    ['/dir/sub/..', 'dir'],
    ['dir', 'dir'],
    ['dir/', 'dir'],
    ['dir/.', 'dir'],
  ])('%j is %s', async (path, expected) => {
    expect(await resolver.existing(path)).toBe(join(jail, expected))
  })

  test.each(['/', '.', './', 'dir/..', '/dir/sub/../..'])('%j is the root', async (path) => {
    expect(await resolver.existing(path)).toBe(jail)
  })

  test('a trailing slash makes a file ENOTDIR', async () => {
    for (const path of ['file/', 'file/.', 'file//']) {
      await expect(resolver.existing(path)).rejects.toThrow(failing('ENOTDIR'))
    }
  })

  test('a component that is a file is ENOTDIR, also before ..', async () => {
    for (const path of ['file/x', 'file/../file', 'file/x/y']) {
      await expect(resolver.existing(path)).rejects.toThrow(failing('ENOTDIR'))
    }
  })

  test('what is not there is ENOENT, also before ..', async () => {
    for (const path of ['none', 'none/x', 'none/../file', 'dir/none/']) {
      await expect(resolver.existing(path)).rejects.toThrow(failing('ENOENT'))
    }
  })

  test('a name that is too long', async () => {
    await expect(resolver.existing('x'.repeat(256))).rejects.toThrow(failing('ENAMETOOLONG'))
    await expect(resolver.target('x'.repeat(256))).rejects.toThrow(failing('ENAMETOOLONG'))
  })

  test.each(['', 'a\0', '\ud800'])('%j is no path', async (path) => {
    await expect(resolver.existing(path)).rejects.toThrow(failing('ERR_FAKESSH_INVALID_PATH'))
    await expect(resolver.target(path)).rejects.toThrow(failing('ERR_FAKESSH_INVALID_PATH'))
  })
})

describe('out of the root', () => {
  const ways: string[] = [
    '..',
    '../',
    '/..',
    '../secret',
    '../jail/file',
    '../jail-evil/file',
    'dir/../../secret',
    '/dir/../../jail/file',
    'dir/sub/../../../secret',
    './../secret',
    '/../../../../../../etc/passwd',
    '..//..',
    '../none',
  ]

  test.each(ways)('%j is refused for reading and for writing', async (path) => {
    await expect(resolver.existing(path)).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
    await expect(resolver.target(path)).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
  })

  const targets: [string, () => string][] = [
    ['to a file', () => base.at('secret')],
    ['to a directory', () => base.path],
    ['relative', () => '../secret'],
    ['to a neighbour whose name starts alike', () => base.at('jail-evil', 'file')],
    ['to nothing that exists', () => base.at('none')],
    ['deep into nothing that exists', () => '/no/such/directory/at/all'],
    ['through a file outside', () => base.at('secret', 'x')],
    ['to the root of the disk', () => '/'],
    ['to a virtual file', () => '/proc/self/environ'],
  ]

  test.each(targets)('a link %s is refused', async (_name, target) => {
    link(target(), 'link')
    for (const path of ['link', 'dir/../link', '/link']) {
      await expect(resolver.existing(path)).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
      await expect(resolver.target(path)).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
    }
  })

  test.each(['link/secret', 'link/none', 'link/jail/file', 'link/../jail/file', 'link/'])(
    'a link to a directory outside does not carry %j',
    async (path) => {
      link(base.path, 'link')
      await expect(resolver.existing(path)).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
      await expect(resolver.target(path)).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
    },
  )

  test('a chain of links is followed to its end, which is outside', async () => {
    link('second', 'first')
    link('dir/third', 'second')
    link('../../secret', 'dir', 'third')
    await expect(resolver.existing('first')).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
  })

  test('a loop of links outside is not told from anything else there', async () => {
    symlinkSync('loop', base.at('loop'))
    link('../loop', 'link')
    await expect(resolver.existing('link')).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
  })

  test('no message names the root', async () => {
    link(base.path, 'link')
    for (const path of ['../secret', 'link/secret', 'none', 'file/x', 'a\0', 'x'.repeat(300), 'dir/']) {
      const error: Error = await resolver.target(path).then(
        () => new Error('fine'),
        (reason) => reason,
      )
      expect(error.message).not.toContain(basename(base.path))
    }
  })
})

describe('links inside the root', () => {
  test.each([
    ['relative', () => 'dir/inner'],
    ['absolute', () => join(jail, 'dir/inner')],
    ['that leave and come back', () => '../jail/dir/inner'],
    ['absolute, with steps up', () => `${base.path}/jail/dir/../dir/inner`],
  ])('%s are followed', async (_name, target) => {
    link(target(), 'link')
    expect(await resolver.existing('link')).toBe(join(jail, 'dir/inner'))
    expect(await resolver.target('link')).toMatchObject({ directory: join(jail, 'dir'), name: 'inner' })
  })

  test('.. after a link is the parent of where it leads, not of where it is', async () => {
    link('dir/sub', 'link')
    expect(await resolver.existing('link/../inner')).toBe(join(jail, 'dir/inner'))
    await expect(resolver.existing('link/../../../secret')).rejects.toThrow(
      failing('ERR_FAKESSH_OUTSIDE_ROOT'),
    )
  })

  test('a link to the root itself, and to here', async () => {
    link(jail, 'self')
    link('.', 'here')
    expect(await resolver.existing('self')).toBe(jail)
    expect(await resolver.existing('self/here/self/file')).toBe(join(jail, 'file'))
    expect(await resolver.existing('here')).toBe(jail)
    expect((await resolver.target('here')).existing?.isDirectory()).toBe(true)
  })

  test('a link to nothing is ENOENT for reading and the name it holds for writing', async () => {
    link('dir/new', 'link')
    await expect(resolver.existing('link')).rejects.toThrow(failing('ENOENT'))
    expect(await resolver.target('link')).toEqual({
      directory: join(jail, 'dir'),
      name: 'new',
      existing: undefined,
      namesDirectory: false,
    })
    link('none/new', 'far')
    await expect(resolver.target('far')).rejects.toThrow(failing('ENOENT'))
  })

  test('a loop is ELOOP', async () => {
    link('b', 'a')
    link('a', 'b')
    link('loop/x', 'loop')
    for (const path of ['a', 'b/x', 'loop']) {
      await expect(resolver.existing(path)).rejects.toThrow(failing('ELOOP'))
      await expect(resolver.target(path)).rejects.toThrow(failing('ELOOP'))
    }
  })

  test('forty links are followed, not one more', async () => {
    link('file', 'l1')
    for (let i = 2; i <= 41; i++) link(`l${i - 1}`, `l${i}`)
    expect(await resolver.existing('l40')).toBe(join(jail, 'file'))
    await expect(resolver.existing('l41')).rejects.toThrow(failing('ELOOP'))
  })

  test('a file behind a link is no directory', async () => {
    link('file', 'link')
    await expect(resolver.existing('link/')).rejects.toThrow(failing('ENOTDIR'))
    await expect(resolver.existing('link/x')).rejects.toThrow(failing('ENOTDIR'))
  })
})

describe('where to write', () => {
  test('a new name', async () => {
    expect(await resolver.target('dir/new')).toEqual({
      directory: join(jail, 'dir'),
      name: 'new',
      existing: undefined,
      namesDirectory: false,
    })
  })

  test('an existing file comes with its facts', async () => {
    const { existing, ...rest } = await resolver.target('/dir/../dir/inner')
    expect(rest).toEqual({ directory: join(jail, 'dir'), name: 'inner', namesDirectory: false })
    expect([existing?.isFile(), existing?.size]).toEqual([true, 1])
  })

  test('a directory, however written, is said to be one', async () => {
    for (const path of ['dir', 'dir/', 'dir/sub/..', '/', '.']) {
      expect((await resolver.target(path)).existing?.isDirectory()).toBe(true)
    }
  })

  test('a trailing slash is remembered', async () => {
    expect(await resolver.target('dir/new/')).toMatchObject({ existing: undefined, namesDirectory: true })
    expect(await resolver.target('file/')).toMatchObject({ namesDirectory: true })
  })

  test('the directory has to be there, and to be one', async () => {
    await expect(resolver.target('none/new')).rejects.toThrow(failing('ENOENT'))
    await expect(resolver.target('file/new')).rejects.toThrow(failing('ENOTDIR'))
    await expect(resolver.target('none/../new')).rejects.toThrow(failing('ENOENT'))
  })
})

describe('names', () => {
  test.each([
    ' ',
    'a b',
    "it's",
    '"',
    '`$(x)`;&|',
    'a\nb',
    '\t',
    '\\',
    '-rf',
    '~',
    '*',
    '😀',
    'e\u0301',
    '...',
    '..a',
    'a..',
  ])('%j is a name like any other', async (name) => {
    writeFileSync(join(jail, name), 'x')
    expect(await resolver.existing(name)).toBe(join(jail, name))
    expect(await resolver.target(`dir/${name}`)).toMatchObject({ name, existing: undefined })
  })

  test('255 bytes', async () => {
    const name = '€'.repeat(85)
    writeFileSync(join(jail, name), 'x')
    expect(await resolver.existing(name)).toBe(join(jail, name))
  })
})

describe('the root', () => {
  test('is resolved when it is a link itself', async () => {
    symlinkSync(jail, base.at('current'))
    const linked = new PathResolver(base.at('current'))
    expect(await linked.existing('file')).toBe(join(jail, 'file'))
    await expect(linked.existing('../secret')).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
  })

  test('may be the whole disk', async () => {
    const whole = new PathResolver('/')
    expect(await whole.existing(base.at('secret'))).toBe(base.at('secret'))
    expect((await whole.target(base.at('new'))).directory).toBe(base.path)
    await expect(whole.existing('/..')).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
  })

  test('that is missing fails each time without naming it, until it is there', async () => {
    const late = new PathResolver(base.at('late'))
    const error = await late.existing('x').catch((reason) => reason)
    expect(error).toMatchObject({ code: 'ENOENT', message: "ENOENT: no such file or directory, 'x'" })
    mkdirSync(base.at('late'))
    expect(await late.existing('/')).toBe(base.at('late'))
  })

  test('shown paths are those of the root', async () => {
    expect(resolver.shown(jail)).toBeUndefined()
    await resolver.existing('/')
    expect(resolver.shown(jail)).toBe('/')
    expect(resolver.shown(join(jail, 'dir/sub'))).toBe('/dir/sub')
    expect(resolver.shown(base.at('jail-evil'))).toBeUndefined()
  })
})

describe('without a root', () => {
  const free = new PathResolver()

  test('what is to be opened is left to the system', async () => {
    expect(await free.existing('../x')).toBe('../x')
    await expect(free.existing('a\0')).rejects.toThrow(failing('ERR_FAKESSH_INVALID_PATH'))
  })

  test('a new name, absolute and relative', async () => {
    expect(await free.target(base.at('new'))).toMatchObject({ directory: base.path, name: 'new' })
    expect(await free.target('package.json')).toMatchObject({
      directory: process.cwd(),
      name: 'package.json',
    })
  })

  test('links in the directory and at the end are followed, anywhere', async () => {
    link(base.path, 'up')
    expect(await free.target(join(jail, 'up/new'))).toMatchObject({ directory: base.path, name: 'new' })
    link(base.at('secret'), 'link')
    expect(await free.target(join(jail, 'link'))).toMatchObject({ directory: base.path, name: 'secret' })
  })

  test('steps up are those of the system', async () => {
    link(join(jail, 'dir/sub'), 'deep')
    expect(await free.target(`${jail}/deep/../new`)).toMatchObject({ directory: join(jail, 'dir') })
    expect(await free.target('/../../..')).toMatchObject({ directory: '/', namesDirectory: true })
  })

  test('the directory has to be there, and to be one', async () => {
    await expect(free.target(base.at('none/new'))).rejects.toThrow(failing('ENOENT'))
    await expect(free.target(base.at('secret/new'))).rejects.toThrow(failing('ENOTDIR'))
    rmSync(base.at('secret'))
    expect((await free.target(base.at('secret'))).existing).toBeUndefined()
  })
})

describe('names that others are uploading under', () => {
  beforeEach(() => {
    mkdirSync(join(jail, '.fakessh-dir'))
    writeFileSync(join(jail, '.fakessh-dir', 'file'), 'hidden')
    writeFileSync(join(jail, 'dir', '.fakessh-file'), 'hidden')
    link('dir/.fakessh-file', 'link')
    link('.fakessh-dir', 'dirlink')
  })

  test.each([
    'dir/.fakessh-file',
    '/dir/.FAKESSH-file',
    '.fakessh-dir/file',
    '.fakessh-dir/../file',
    '.fakessh-none',
    'link',
    'dirlink/file',
  ])('%j does not exist for a peer, to be read or written', async (path) => {
    await expect(resolver.existing(path)).rejects.toThrow(failing('ENOENT'))
    await expect(resolver.target(path)).rejects.toThrow(failing('ENOENT'))
  })

  test('this machine has them', async () => {
    const local = new PathResolver()
    const path = join(jail, 'dir', '.fakessh-file')
    expect(await local.existing(path)).toBe(path)
    expect((await local.target(path)).name).toBe('.fakessh-file')
  })

  test('others that look alike are there', async () => {
    writeFileSync(join(jail, 'fakessh-file'), '')
    writeFileSync(join(jail, '.fakessh'), '')
    expect(await resolver.existing('fakessh-file')).toBe(join(jail, 'fakessh-file'))
    expect(await resolver.existing('.fakessh')).toBe(join(jail, '.fakessh'))
  })
})

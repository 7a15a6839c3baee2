import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { requireDirectory, startFailure } from '../../../src/exec/start-failure.js'
import { temporaryDirectory } from '../../helpers/temporary-directory.js'

const posix = (code: string) =>
  Object.assign(new Error('spawn /srv/secret/tool'), { code, path: '/srv/secret/tool' })

describe('startFailure', () => {
  test.each([
    ['ENOENT', "cannot run 'tool': no such program, or its interpreter is missing"],
    ['EACCES', "cannot run 'tool': not an executable file, or no permission to run it"],
    ['E2BIG', "cannot run 'tool': the command and its environment are too long for the operating system"],
    ['EAGAIN', "cannot run 'tool': resource temporarily unavailable"],
    ['ENOTHING', "cannot run 'tool': ENOTHING"],
  ])('%s keeps its code and names the program as the client wrote it', (code, message) => {
    expect(startFailure('tool', posix(code))).toMatchObject({ code, message, op: 'exec' })
  })

  test.each([[new Error('x')], [posix('ERR_INVALID_ARG_VALUE')], ['text'], [undefined]])(
    '%s is a failure of our own, told without details',
    (error) => {
      const failure = startFailure('tool', error)
      expect(failure).toMatchObject({
        code: 'ERR_FAKESSH_INTERNAL',
        message: 'the server failed to start the command',
      })
      expect(failure.cause).toBe(error)
    },
  )

  test('shows the program without its control characters', () => {
    expect(startFailure('a\u001b[2Jb', posix('ENOENT')).message).toContain("'a\\x1b[2Jb'")
  })
})

describe('requireDirectory', () => {
  const root = () => {
    const directory = temporaryDirectory()
    mkdirSync(directory.at('here'))
    writeFileSync(directory.at('file'), '')
    return directory
  }

  test('has nothing to say of a directory', async () => {
    await requireDirectory(root().at('here'), '/here')
  })

  test.each([
    ['ENOENT', 'gone', 'no such file or directory'],
    ['ENOTDIR', 'file', 'not a directory'],
    ['ENOTDIR', 'file/below', 'not a directory'],
  ])('%s for %s, under the name the client knows', async (code, name, reason) => {
    await expect(requireDirectory(root().at(name), `/${name}`)).rejects.toMatchObject({
      code,
      path: `/${name}`,
      message: `the working directory '/${name}' cannot be used: ${reason}`,
    })
  })

  test('EACCES for one that may not be entered, unless the account may enter every directory', async () => {
    const directory = root()
    chmodSync(directory.at('here'), 0o600)
    const outcome = await requireDirectory(directory.at('here'), '/here').catch((error) => error.code)
    expect(outcome).toBe(process.getuid?.() === 0 ? undefined : 'EACCES')
  })
})

import { expect, test } from 'vitest'
import { killParams } from '../../../src/exec/kill-request.js'

test('SIGTERM is followed by SIGKILL after 5 s, as it asks a command to end', () => {
  expect(killParams('SIGTERM', {})).toEqual({ signal: 'SIGTERM', forceKillAfterMs: 5000 })
})

test.each(['SIGHUP', 'SIGUSR1', 'SIGINT', 'SIGKILL', 'SIGCONT'])('%s is followed by nothing', (signal) => {
  expect(killParams(signal, {})).toEqual({ signal })
})

test('the caller decides', () => {
  expect(killParams('SIGTERM', { forceKillAfterMs: false })).toEqual({ signal: 'SIGTERM' })
  expect(killParams('SIGINT', { forceKillAfterMs: 0 })).toEqual({ signal: 'SIGINT', forceKillAfterMs: 0 })
  expect(killParams('SIGINT', { forceKillAfterMs: undefined })).toEqual({ signal: 'SIGINT' })
})

test('names that only the server can know are for the server to judge', () => {
  expect(killParams('SIGRTMIN+3', {})).toEqual({ signal: 'SIGRTMIN+3' })
})

test.each([['TERM'], [''], [9], [null], ['sigterm'], ['SIG'], ['SIGTERM\n'], [`SIG${'A'.repeat(20)}`]])(
  'the signal %j is refused',
  (signal) => {
    expect(() => killParams(signal, {})).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }))
  },
)

test.each([[-1], [1.5], [Number.NaN], [2 ** 31], ['1'], [true]])(
  'forceKillAfterMs %j is refused',
  (forceKillAfterMs) => {
    expect(() => killParams('SIGTERM', { forceKillAfterMs: forceKillAfterMs as number })).toThrow(
      expect.objectContaining({
        code: 'ERR_FAKESSH_INVALID_ARG',
        message: expect.stringContaining('forceKillAfterMs: expected false, or an integer from 0'),
      }),
    )
  },
)

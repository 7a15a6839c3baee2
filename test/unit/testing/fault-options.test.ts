// What is not a fault is refused, by name: a misspelt one would never happen, and the test that asks for it would pass.
import { expect, test } from 'vitest'
import { FaultControls } from '../../../src/testing/fault-controls.js'
import type { FaultOptions } from '../../../src/testing/fault-options.js'
import { type FaultProxyOptions, faultProxy } from '../../../src/testing/fault-proxy.js'
import { connectedPair } from '../../../src/testing/index.js'

const INVALID = 'ERR_FAKESSH_INVALID_ARG'

test.each([
  [null, 'an object'],
  [{ upp: {} }, 'only up, down, seed'],
  [{ up: 5 }, 'up: expected an object'],
  [{ up: { dealy: 5 } }, '"dealy"'],
  [{ seed: -1 }, 'seed'],
  [{ seed: 2 ** 32 }, 'seed'],
  [{ seed: 1.5 }, 'seed'],
  [{ up: { delayMs: -1 } }, 'up delayMs'],
  [{ up: { delayMs: Number.NaN } }, 'up delayMs'],
  [{ up: { delayMs: '5' } }, 'up delayMs'],
  [{ up: { delayMs: 2 ** 31 } }, 'up delayMs'],
  [{ down: { bytesPerSecond: 0 } }, 'down bytesPerSecond'],
  [{ down: { bytesPerSecond: Number.POSITIVE_INFINITY } }, 'down bytesPerSecond'],
  [{ up: { cut: 100 } }, 'up cut: expected an object'],
  [{ up: { cut: {} } }, 'either afterBytes or afterFrames'],
  [{ up: { cut: { afterBytes: 1, afterFrames: 1 } } }, 'either afterBytes or afterFrames'],
  [{ up: { cut: { afterBytes: -1 } } }, 'up cut'],
  [{ up: { cut: { afterBytes: 0.5 } } }, 'up cut'],
  [{ up: { cut: { afterBytes: null } } }, 'up cut'],
  [{ up: { cut: { afterFrames: { min: 2, max: 1 } } } }, 'up cut'],
  [{ up: { cut: { afterFrames: { min: 2 } } } }, 'up cut'],
  [{ up: { cut: { afterBytes: 1, how: 'gently' } } }, "'reset' or 'end'"],
  [{ up: { halfClose: { afterBytes: 1, how: 'end' } } }, '"how"'],
  [{ up: { corrupt: { afterBytes: 1, bytes: 2 } } }, '"bytes"'],
  [{ up: { duplicate: { afterFrames: 1, bytes: 2 } } }, 'up duplicate bytes'],
  [{ up: { duplicate: { afterBytes: 1, bytes: 0 } } }, 'up duplicate bytes'],
  [{ up: { duplicate: { afterBytes: 1, bytes: 1_048_577 } } }, 'up duplicate bytes'],
])('%j is refused', async (options, message) => {
  const faults = options as FaultOptions
  const refusal = { code: INVALID, message: expect.stringContaining(message) }
  expect(() => new FaultControls('faults', faults)).toThrow(expect.objectContaining(refusal))
  if (options === null) return
  await expect(connectedPair({ faults })).rejects.toMatchObject(refusal)
  const where = message.replace('only up, down, seed', 'only up, down, seed, target')
  await expect(faultProxy({ target: { port: 1 }, ...faults })).rejects.toMatchObject({
    code: INVALID,
    message: expect.stringContaining(where),
  })
})

test.each([
  [undefined],
  [null],
  [{}],
  [{ port: 65_536 }],
  [{ port: 0 }],
  [{ port: 1, host: '' }],
  [{ port: 1, host: 5 }],
  [{ port: 1, path: '/x' }],
  [{ host: 'x', path: '/x' }],
  [{ path: '' }],
  [{ path: 'a\0b' }],
  ['fakessh://x'],
])('the target %j is refused', async (target) => {
  const options = { target } as unknown as FaultProxyOptions
  await expect(faultProxy(options)).rejects.toMatchObject({ code: INVALID })
})

test('so are calls that mean nothing', () => {
  const controls = new FaultControls('faults', {})
  const refused = expect.objectContaining({ code: INVALID })
  expect(() => controls.setFaults({ seed: 1 } as object)).toThrow(refused)
  expect(() => controls.cut({ how: 'x' as 'end' })).toThrow(refused)
  expect(() => controls.halfClose(undefined as unknown as 'up')).toThrow(refused)
  expect(() => controls.blackHole('both' as 'up')).toThrow(refused)
})

test('a seed that was not given is drawn, and can be read', () => {
  const seeds = [1, 2, 3].map(() => new FaultControls('faults', {}).seed)
  expect(new Set(seeds).size).toBeGreaterThan(1)
  expect(new FaultControls('faults', { seed: 0 }).seed).toBe(0)
})

import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkToken, generateToken, pskFromToken } from '../../../src/auth/token.js'

test('a new token is 43 characters that need no quoting, and another one each time', () => {
  const tokens = Array.from({ length: 200 }, generateToken)
  for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(new Set(tokens).size).toBe(200)
  expect(Buffer.from(tokens[0] ?? '', 'base64url')).toHaveLength(32)
})

test('a token of 32 characters is taken, one of 31 is not', () => {
  expect(checkToken('x'.repeat(32), 'here')).toBe('x'.repeat(32))
  expect(() => checkToken('x'.repeat(31), 'here')).toThrow(
    expect.objectContaining({
      code: 'ERR_FAKESSH_WEAK_TOKEN',
      message: expect.stringMatching(/^here: .*has 31/),
    }),
  )
})

test.each([undefined, null, 42, {}, '', 'hunter2', 'y'.repeat(1025)])(
  '%s is refused without being shown',
  (token) => {
    const check = () => checkToken(token, 'users["deploy"].token')
    const code = expect.stringMatching(/^ERR_FAKESSH_(WEAK_TOKEN|INVALID_ARG)$/)
    const message = expect.stringContaining('users["deploy"].token')
    expect(check).toThrow(expect.objectContaining({ code, message }))
    if (typeof token === 'string' && token !== '') expect(check).not.toThrow(token)
  },
)

/** HKDF written out from RFC 5869, so that the derivation rests on the page and not on the same library call. */
function hkdf(secret: string, info: string, length: number): string {
  const prk = createHmac('sha256', Buffer.alloc(32)).update(secret, 'utf8').digest()
  const first = createHmac('sha256', prk)
    .update(info)
    .update(Buffer.from([1]))
    .digest()
  return first.subarray(0, length).toString('hex')
}

test.each(['0123456789abcdef0123456789abcdef', 'ünïcödé tokens are their UTF-8 bytes 😀'])(
  'the key and identity of %j are those of docs/protocol.md, section 8.1',
  (token) => {
    const psk = pskFromToken(token)
    expect(Buffer.from(psk.key).toString('hex')).toBe(hkdf(token, 'fakessh/1 psk key', 32))
    expect(psk.identity).toBe(hkdf(token, 'fakessh/1 psk identity', 16))
    expect(psk.identity).toMatch(/^[0-9a-f]{32}$/)
  },
)

test('golden values, for other implementations', () => {
  const psk = pskFromToken('0123456789abcdef0123456789abcdef')
  expect(psk.identity).toMatchInlineSnapshot(`"c4af82826d5f2e7274e6dc4f6f5fd060"`)
  expect(Buffer.from(psk.key).toString('hex')).toMatchInlineSnapshot(
    `"cce308427742163c8d8af12759b05524b1333a782d53a6b9c544a3282b2729e1"`,
  )
})

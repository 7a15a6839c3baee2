/** Bytes written as hex, so that a test can spell a frame field by field. */

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** Bytes from hex; blanks between fields are for the reader. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, '')
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) throw new RangeError(`not hex: ${text}`)
  return new Uint8Array(Buffer.from(digits, 'hex'))
}

/** All bytes in one array of their own. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

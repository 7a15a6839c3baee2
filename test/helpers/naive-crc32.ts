/** CRC-32 of ISO 3309, bit by bit from its definition: slow, short, and independent of zlib. */
export function naiveCrc32(bytes: Uint8Array, start = 0): number {
  let register = ~start >>> 0
  for (const byte of bytes) {
    register ^= byte
    for (let bit = 0; bit < 8; bit += 1) {
      register = register & 1 ? (register >>> 1) ^ 0xedb88320 : register >>> 1
    }
  }
  return ~register >>> 0
}

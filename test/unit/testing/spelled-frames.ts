/** Frames of both formats with the least that a scanner looks at, spelled from RFC 8446 section 5.1 and docs/protocol.md section 2. */

export function tlsRecord(type: number, length: number, fill = 0): Buffer {
  const record = Buffer.alloc(5 + length, fill)
  record.set([type, 3, 3, length >> 8, length & 0xff])
  return record
}

export function fakeSshFrame(length: number, fill = 0): Buffer {
  const frame = Buffer.alloc(16 + length, fill)
  frame.fill(0, 0, 16)
  frame.writeUInt32BE(length, 6)
  return frame
}

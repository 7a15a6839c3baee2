import { open, readFile, stat } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { sha256Of } from '../../../../bench/measure/digest.js'
import { PatternCheck, writePatternFile } from '../../../../bench/measure/pattern.js'
import { temporaryDirectory } from '../../../helpers/temporary-directory.js'

/** More than one period of the pattern, and no multiple of anything. */
const BYTES = 9_000_001

async function patternFile(bytes = BYTES): Promise<string> {
  const path = temporaryDirectory().at('pattern')
  await writePatternFile(path, bytes)
  return path
}

function checkInPieces(content: Buffer, pieceBytes: number): PatternCheck {
  const check = new PatternCheck()
  for (let at = 0; at < content.length; at += pieceBytes) check.accept(content.subarray(at, at + pieceBytes))
  return check
}

test.each([0, 1, 4_194_301, BYTES])('a file has the %d bytes asked for', async (bytes) => {
  const path = await patternFile(bytes)
  expect((await stat(path)).size).toBe(bytes)
})

test('two files of one size are the same', async () => {
  expect(await sha256Of(await patternFile())).toBe(await sha256Of(await patternFile()))
})

test.each([65_536, 1_000_003, BYTES])('the file matches in pieces of %d bytes', async (pieceBytes) => {
  const content = await readFile(await patternFile())
  const check = checkInPieces(content, pieceBytes)
  expect(() => check.finish(BYTES)).not.toThrow()
})

test.each([0, 65_535, 65_536, 4_194_301, BYTES - 1])('a wrong byte at %d is found', async (offset) => {
  const content = await readFile(await patternFile())
  content[offset] = (content[offset] ?? 0) ^ 1
  expect(() => checkInPieces(content, 65_536)).toThrow('wrong bytes')
})

test('a missing, doubled or misplaced piece is found', async () => {
  const content = await readFile(await patternFile())
  const [first, second] = [content.subarray(0, 16_384), content.subarray(16_384, 32_768)]
  expect(() => new PatternCheck().accept(second)).toThrow('wrong bytes')
  const doubled = new PatternCheck()
  doubled.accept(first)
  expect(() => doubled.accept(first)).toThrow('wrong bytes')
})

test('a period that is left out is found by the length', async () => {
  const content = await readFile(await patternFile())
  const check = checkInPieces(content.subarray(4_194_301), 65_536)
  expect(() => check.finish(BYTES)).toThrow(`${BYTES - 4_194_301} bytes arrived instead of ${BYTES}`)
})

test('the digest is that of the content', async () => {
  const path = temporaryDirectory().at('abc')
  const file = await open(path, 'w')
  await file.writeFile('abc')
  await file.close()
  expect(await sha256Of(path)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

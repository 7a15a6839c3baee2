import { expect, test } from 'vitest'
import { type PromptLine, readPromptLine } from '../../../examples/cli/prompt-line.js'

const command = (line: string): PromptLine => ({ do: 'command', command: line })

test.each<[line: string, asked: PromptLine]>([
  ['', { do: 'nothing' }],
  [' \t ', { do: 'nothing' }],
  [' help ', { do: 'help' }],
  ['exit', { do: 'exit', code: undefined }],
  ['exit 3', { do: 'exit', code: 3 }],
  ['exit 256', { do: 'exit', code: 0 }],
  ['get x', { do: 'get', remote: 'x', local: undefined }],
  ['  get   x\ty ', { do: 'get', remote: 'x', local: 'y' }],
  ['get "a b" c\\ d', { do: 'get', remote: 'a b', local: 'c d' }],
  ['put x', { do: 'put', local: 'x', remote: undefined }],
  ["put 'a b' c/", { do: 'put', local: 'a b', remote: 'c/' }],
])('%j is ours', (line, asked) => {
  expect(readPromptLine(line)).toEqual(asked)
})

// The ancestor took any line that began with `get` for a transfer.
test.each([
  'getx',
  'getconf PATH',
  'get-data.sh',
  'get; ls',
  'putty',
  'put|cat',
  'GET x',
  'helpme',
  'help x',
])('%j is a command', (line) => {
  expect(readPromptLine(line)).toEqual(command(line))
})

test.each(['exit -1', 'exit x', 'exit 3 4', 'exits', 'ls "a', "echo 'x", ' cd  a '])(
  '%j is a command too, as it is',
  (line) => {
    expect(readPromptLine(line)).toEqual(command(line))
  },
)

test.each([
  ['get', 'get: which file?'],
  ['put  ', 'put: which file?'],
  ['get ""', 'get: which file?'],
  ['get a b c', "get: 'c' is one name too many; quote a name that has spaces"],
  ['put "a', 'a " is not closed'],
])('%j is an error', (line, message) => {
  expect(() => readPromptLine(line)).toThrow(message)
})

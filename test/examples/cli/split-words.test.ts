import { expect, test } from 'vitest'
import { splitWords } from '../../../examples/cli/split-words.js'

test.each<[line: string, words: string[]]>([
  ['', []],
  ['   ', []],
  ['one', ['one']],
  ['  one \t two  ', ['one', 'two']],
  ['get "a b" \'c d\'', ['get', 'a b', 'c d']],
  ['a\\ b', ['a b']],
  ['pre"mid dle"post', ['premid dlepost']],
  ["''", ['']],
  ['a "" b', ['a', '', 'b']],
  [`"it's"`, ["it's"]],
  [`'say "hi"'`, ['say "hi"']],
  [`'back\\slash'`, ['back\\slash']],
  ['"a \\"b\\" \\\\ \\n"', ['a "b" \\ \\n']],
  ['$HOME *.txt ~', ['$HOME', '*.txt', '~']],
  ['größe "日本 語" 😀', ['größe', '日本 語', '😀']],
  ['"a\tb"', ['a\tb']],
])('%j has the words %j', (line, words) => {
  expect(splitWords(line)).toEqual(words)
})

test.each([
  ['get "a b', 'a " is not closed'],
  ["get 'a b", "a ' is not closed"],
  ['get a\\', 'the line ends in a backslash'],
])('%j is an error', (line, message) => {
  expect(() => splitWords(line)).toThrow(message)
})

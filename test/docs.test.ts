// Holds the documents against the code: error codes have headings, links lead somewhere, commands exist, versions agree.
// Their TypeScript is checked in docs-snippets.test.ts. Needs a build (`npm run build`).
import { existsSync } from 'node:fs'
import { join, posix } from 'node:path'
import { ERROR_CODES } from 'fake-ssh'
import { describe, expect, test } from 'vitest'
import { VERSION } from '../src/version.js'
import { document, documents, repository, textOf } from './helpers/documents.js'
import { type Markdown, parseMarkdown } from './helpers/markdown.js'

const packageJson: { version: string; engines: { node: string }; scripts: Record<string, string> } =
  JSON.parse(textOf('package.json'))

describe('docs/errors.md', () => {
  const { headings } = document('docs/errors.md')

  test('has a heading for every error code, and none for any other, in the order of ERROR_CODES', () => {
    const codes = headings.map(({ text }) => text).filter((text) => text.startsWith('ERR_'))
    expect(codes).toEqual(Object.keys(ERROR_CODES))
  })

  test('says of every code what it means, what to do, and what may have happened on the server', () => {
    const sections = textOf('docs/errors.md')
      .split(/^#+ /m)
      .filter((section) => section.startsWith('ERR_'))
    for (const section of sections) {
      for (const part of ['**Means.**', '**Do.**', '**On the server.**']) {
        expect(section, section.split('\n')[0]).toContain(part)
      }
    }
  })
})

describe('links', () => {
  /** Those of a document that lead nowhere, given where it is. */
  function deadLinks(path: string, { headings, links }: Markdown): string[] {
    return links.flatMap(({ target, line }) => {
      if (/^[a-z]+:/i.test(target)) return []
      const [file = '', fragment] = target.split('#')
      const to = file === '' ? path : posix.join(posix.dirname(path), file)
      const isThere = file === '' || (!to.startsWith('..') && existsSync(join(repository, to)))
      const known = to === path ? headings : documents.get(to)?.headings
      const hasFragment = fragment === undefined || known?.some((heading) => heading.fragment === fragment)
      return isThere && hasFragment === true ? [] : [`${path}:${line}: ${target}`]
    })
  }

  test.each([...documents])('every relative one in %s leads somewhere', (path, markdown) => {
    expect(deadLinks(path, markdown)).toEqual([])
  })

  test('a dead one would be seen', () => {
    const lines = [
      '# A `b` c, d',
      '[lost](gone.md) [here](#a-b-c-d) [lost](#nowhere)',
      '[lost](errors.md#nowhere) [there](../README.md) [out](../../README.md) [web](https://example.com/)',
      '`[code](no-link.md)` [`lost[0]`](gone.ts) [over',
      'two](gone.js) lines, [`a`](gone.a), [`b`](gone.b) and `c`',
    ]
    expect(deadLinks('docs/made-up.md', parseMarkdown(lines.join('\n')))).toEqual([
      'docs/made-up.md:2: gone.md',
      'docs/made-up.md:2: #nowhere',
      'docs/made-up.md:3: errors.md#nowhere',
      'docs/made-up.md:3: ../../README.md',
      'docs/made-up.md:4: gone.ts',
      'docs/made-up.md:4: gone.js',
      'docs/made-up.md:5: gone.a',
      'docs/made-up.md:5: gone.b',
    ])
  })

  test('two headings of the same text have two fragments', () => {
    const { headings } = parseMarkdown('## Again\n## Again\n```md\n## Again\n```\n')
    expect(headings.map(({ fragment }) => fragment)).toEqual(['again', 'again-1'])
  })
})

describe('commands', () => {
  /** The scripts of package.json that a text asks to be run. */
  function scriptsIn(text: string): string[] {
    const calls = text.matchAll(/\bnpm (?:run (?:--silent )?([\w:-]+)|(test)\b)/g)
    return [...calls].map(([, named, test]) => named ?? test ?? '')
  }

  test('the quickstart of the README is two commands whose scripts exist', () => {
    const [quickstart] = document('README.md').blocks.filter(({ language }) => language === 'sh')
    const lines = quickstart?.text.split('\n') ?? []
    expect(lines).toEqual(['npm ci && npm run demo', 'npm ci && npm test'])
    expect(lines.flatMap(scriptsIn).filter((script) => !(script in packageJson.scripts))).toEqual([])
  })

  test.each([...documents.keys()])('%s names only scripts that exist', (path) => {
    expect(scriptsIn(textOf(path)).filter((script) => !(script in packageJson.scripts))).toEqual([])
  })

  test('all of them are seen', () => {
    expect(scriptsIn('`npm run demo`, then npm test, npm run --silent x:y')).toEqual(['demo', 'test', 'x:y'])
  })
})

describe('versions', () => {
  test('of package.json, of the code and of the change log are one', () => {
    expect(VERSION).toBe(packageJson.version)
    expect(document('CHANGELOG.md').headings.map(({ text }) => text)).toContain(`[${VERSION}]`)
  })

  test('the oldest Node that the README names is that of package.json', () => {
    const oldest = /\d+\.\d+/.exec(packageJson.engines.node)?.[0]
    expect(textOf('README.md')).toContain(`Node ${oldest}`)
    expect(textOf('CONTRIBUTING.md')).toContain(`Node ${oldest}`)
  })
})

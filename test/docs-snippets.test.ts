// Every TypeScript block of the documents compiles against the published types, and runs. Needs a build (`npm run build`).
//
// A block marked `ts` is compiled and run; `ts compile: why` is only compiled, `ts ignore: why` is neither. What a comment behind
// `console.log(…)` says has to be printed. Blocks take
// `client`, `server` and `token` as given: a connected pair of their own, with the files that test/fixtures/given.mjs makes.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documents, repository } from './helpers/documents.js'
import type { CodeBlock } from './helpers/markdown.js'

interface Snippet extends CodeBlock {
  readonly document: string
  /** Where a reader finds it. */
  readonly at: string
  readonly module: string
}

const snippets = [...documents].flatMap(([path, { blocks }]) =>
  blocks.filter(({ language }) => language === 'ts').map((block) => snippetOf(path, block)),
)

function snippetOf(path: string, block: CodeBlock): Snippet {
  const module = `${path.replace(/\.md$/, '').replaceAll('/', '-')}-${block.line}`
  return { ...block, document: path, at: `${path}:${block.line}`, module }
}

/** The types of what `given.mjs` makes. */
const GIVEN = `
declare const client: import('fake-ssh').FakeSshClient
declare const server: import('fake-ssh').FakeSshServer
declare const token: string
`

test('each block is plain, or says why it is not compiled or not run', () => {
  expect(snippets).not.toEqual([])
  for (const { at, note } of snippets) expect(note, at).toMatch(/^$|^(compile|ignore): \S/)
})

describe('types', () => {
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  }

  /** What the compiler says, with the place in the document. */
  function problemsIn(checked: readonly Snippet[]): string[] {
    // In the repository, where 'fake-ssh' is the package itself; nothing is written there.
    const folder = `${repository}docs-snippets/`
    const files = new Map([[`${folder}given.d.ts`, GIVEN]])
    for (const { module, text } of checked) files.set(`${folder}${module}.mts`, `${text}\nexport {}\n`)
    const host = ts.createCompilerHost(options)
    const { fileExists, readFile, getSourceFile } = host
    host.fileExists = (path) => files.has(path) || fileExists(path)
    host.readFile = (path) => files.get(path) ?? readFile(path)
    host.getSourceFile = (path, version, ...rest) => {
      const text = files.get(path)
      return text === undefined
        ? getSourceFile(path, version, ...rest)
        : ts.createSourceFile(path, text, version)
    }
    host.getCurrentDirectory = () => repository
    const program = ts.createProgram([...files.keys()], options, host)
    return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
      const message = ts.flattenDiagnosticMessageText(messageText, ' ')
      const snippet = checked.find(({ module }) => file?.fileName === `${folder}${module}.mts`)
      if (file === undefined || snippet === undefined) return `${file?.fileName}: ${message}`
      const line = snippet.line + ts.getLineAndCharacterOfPosition(file, start).line
      return `${snippet.document}:${line}: ${message}`
    })
  }

  test('every block fits the published ones', { timeout: 60_000 }, () => {
    expect(problemsIn(snippets.filter(({ note }) => !note.startsWith('ignore')))).toEqual([])
  })

  test('one that does not would be seen', { timeout: 60_000 }, () => {
    const text = "export const port: string = client.isConnected\nimport { Nothing } from 'fake-ssh'"
    const snippet = snippetOf('made-up.md', { language: 'ts', note: '', text, line: 7 })
    expect(problemsIn([snippet])).toEqual([
      expect.stringMatching(/^made-up.md:7: Type 'boolean' is not assignable/),
      expect.stringMatching(/^made-up.md:8: .*no exported member 'Nothing'/),
    ])
  })
})

describe('blocks run', () => {
  const project = mkdtempSync(join(tmpdir(), 'fake-ssh-docs-'))
  const runnable = snippets.filter(({ note }) => note === '')

  beforeAll(() => {
    mkdirSync(join(project, 'node_modules'))
    symlinkSync(repository, join(project, 'node_modules/fake-ssh'), 'dir')
    copyFileSync(join(repository, 'test/fixtures/given.mjs'), join(project, 'given.mjs'))
  })

  afterAll(() => rmSync(project, { recursive: true, force: true }))

  /** Runs them in a process of their own, one after the other; what it printed, and the lines that say how each went. */
  function outcomes(name: string, run: readonly Snippet[]) {
    const calls = run.map(({ module, text, at }) => {
      const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
      const { outputText } = ts.transpileModule(`${text}\nexport {}\n`, { compilerOptions })
      writeFileSync(join(project, `${module}.mjs`), outputText)
      return `await given(${JSON.stringify(at)}, () => import('./${module}.mjs'))\n`
    })
    const main = `${name.replaceAll('/', '-')}.main.mjs`
    writeFileSync(join(project, main), `import { given } from './given.mjs'\n${calls.join('')}`)
    const { status, stdout, stderr } = spawnSync(process.execPath, [main], {
      cwd: project,
      encoding: 'utf8',
      timeout: 50_000,
    })
    // The text a block prints comes before the line that says how it went.
    const parts = stdout.split(/^(snippet: .*)$/m)
    const each = parts.filter((_, index) => index % 2 === 1)
    const missing = run.flatMap((snippet, index) =>
      promised(snippet).filter((text) => !parts[2 * index]?.includes(text)),
    )
    return { status, each, missing, printed: `${stdout}${stderr}` }
  }

  /** What the comments of a block say that it prints. */
  function promised({ text }: Snippet): string[] {
    return [...text.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map(([, comment = '']) => comment)
  }

  test.each([...new Set(runnable.map(({ document }) => document))])('in %s', { timeout: 60_000 }, (path) => {
    const own = runnable.filter(({ document }) => document === path)
    const { printed, ...outcome } = outcomes(path, own)
    const each = own.map(({ at }) => `snippet: ${at} ran`)
    expect(outcome, printed).toEqual({ status: 0, each, missing: [] })
  })

  test('one that fails would be seen', () => {
    const block = { language: 'ts', note: '', line: 3 }
    const lying = snippetOf('made-up.md', {
      ...block,
      line: 1,
      text: 'console.log(1) // 1\nconsole.log(2) // 3',
    })
    const failing = snippetOf('made-up.md', { ...block, text: "await client.run('exit 4')" })
    const throwing = snippetOf('made-up.md', {
      ...block,
      line: 5,
      text: "setImmediate(() => { throw new Error('late') })",
    })
    const { status, each, missing } = outcomes('made-up.md', [lying, failing, throwing])
    expect({ status, each, missing }).toEqual({
      status: 1,
      each: [
        'snippet: made-up.md:1 ran',
        expect.stringMatching(/^snippet: made-up.md:3 failed: .*ERR_FAKESSH_EXIT/),
      ],
      missing: ['3'],
    })
  })
})

// Executes the dependency rules of docs/architecture.md: reads every file in src/ and fails naming file and line.
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const MAX_LINES = 350
const SHARED = ['errors', 'options', 'events', 'escape', 'release-buffer']
const OPERATIONS = ['streams', 'connection', 'protocol', ...SHARED]
const LAYERS = ['exec', 'files', 'auth', 'transport', ...OPERATIONS]

/** What each layer may import besides itself. `type:x` allows `import type` only. A layer not listed is an error. */
const MAY_IMPORT: Record<string, string[]> = {
  ...Object.fromEntries(SHARED.map((name) => [name, SHARED])),
  protocol: ['errors', 'escape'],
  transport: ['protocol', ...SHARED],
  auth: ['transport', 'type:protocol', ...SHARED],
  connection: ['protocol', 'transport', ...SHARED],
  streams: ['connection', 'protocol', ...SHARED],
  exec: OPERATIONS,
  files: OPERATIONS,
  version: [],
  client: ['version', ...LAYERS],
  server: ['version', ...LAYERS],
  testing: ['client', 'server', ...LAYERS],
  index: ['client', 'server', ...LAYERS],
}

/** Packages and built-in modules that only some files may import, whatever their layer. */
const PACKAGE_RULES: { module: RegExp; within: RegExp; except?: RegExp; why: string }[] = [
  { module: /./, within: /^protocol\//, except: /^valibot$/, why: 'protocol/ does no I/O' },
  {
    module: /^node:(net|tls|http2?|https)$/,
    within: /^(?!transport\/|testing\/|exec\/spawn\/)/,
    why: 'sockets belong to transport/, and the pipes of programs to exec/spawn/',
  },
  {
    module: /^node:fs/,
    within: /^(protocol|connection|streams)\//,
    why: 'no storage below exec/ and files/',
  },
  { module: /^node:fs/, within: /^files\/(?!local-disk)/, why: 'storage goes through files/local-disk*.ts' },
  {
    module: /^typed-emitter$/,
    within: /./,
    except: /^type:/,
    why: 'not installed for users: import type only',
  },
  { module: /^selfsigned$/, within: /./, except: /^dynamic:/, why: 'large: import it lazily' },
]

const IMPURE = new Set(
  'Buffer Promise setTimeout setInterval setImmediate queueMicrotask performance console EventEmitter'.split(
    ' ',
  ),
)
const IMPURE_CALLS = new Set(['Date.now', 'Math.random'])

interface Import {
  specifier: string
  kind: 'type' | 'value' | 'dynamic'
  line: number
}

/** The problems in a set of source files, given as path below src/ -> text. */
function violations(sources: Record<string, string>): string[] {
  const problems: string[] = []
  const graph = new Map<string, string[]>()
  for (const [file, text] of Object.entries(sources)) {
    const report = (line: number, problem: string) => problems.push(`src/${file}:${line}: ${problem}`)
    const layer = layerOf(file)
    const lines = text.trimEnd().split('\n').length
    if (lines > MAX_LINES) report(lines, `${lines} lines, more than ${MAX_LINES}`)
    if (!(layer in MAY_IMPORT)) report(1, `'${layer}' is no known layer`)
    if (/\/index\.ts$/.test(file) && file !== 'testing/index.ts') report(1, 'no barrel below src/')
    const { imports, impurities } = read(file, text)
    if (layer === 'protocol')
      for (const found of impurities) report(found.line, `protocol/ must not use ${found.what}`)
    const edges: string[] = []
    for (const { specifier, kind, line } of imports) {
      if (!specifier.startsWith('.')) {
        for (const { module, within, except, why } of PACKAGE_RULES) {
          const excepted = except?.test(specifier) || except?.test(`${kind}:${specifier}`)
          if (module.test(specifier) && within.test(file) && !excepted)
            report(line, `imports '${specifier}': ${why}`)
        }
        continue
      }
      const target = posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts')
      const to = layerOf(target)
      if (!(target in sources)) report(line, `'${specifier}' is not a file in src/`)
      const allowed = [layer, ...(MAY_IMPORT[layer] ?? [])]
      const isAllowed = allowed.includes(to) || (kind === 'type' && allowed.includes(`type:${to}`))
      if (!isAllowed || target === 'index.ts') report(line, `${layer} must not import ${target}`)
      edges.push(target)
    }
    graph.set(file, edges)
  }
  return [...problems, ...cycles(graph)]
}

/** The folder below src/, or the name of a file directly in it. */
function layerOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : file.replace(/\.ts$/, '')
}

function read(file: string, text: string) {
  const imports: Import[] = []
  const impurities: { what: string; line: number }[] = []
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true)
  const visit = (node: ts.Node): void => {
    const line = tree.getLineAndCharacterOfPosition(node.getStart()).line + 1
    const add = (name: ts.Node | undefined, kind: Import['kind']) => {
      if (name && ts.isStringLiteralLike(name)) imports.push({ specifier: name.text, kind, line })
    }
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node) ? 'type' : 'value')
    if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly ? 'type' : 'value')
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, 'type')
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], 'dynamic')
    }
    if (ts.isIdentifier(node) && IMPURE.has(node.text)) impurities.push({ what: node.text, line })
    if (node.kind === ts.SyntaxKind.AsyncKeyword) impurities.push({ what: 'async', line })
    if (ts.isPropertyAccessExpression(node) && IMPURE_CALLS.has(node.getText())) {
      impurities.push({ what: node.getText(), line })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return { imports, impurities }
}

function isTypeOnly(node: ts.ImportDeclaration): boolean {
  return node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
}

/** Depth first; an import that leads back to a file still being visited closes a cycle. */
function cycles(graph: Map<string, string[]>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const walk = (file: string, path: string[]): void => {
    if (path.includes(file)) {
      found.push(`src/${file}:1: import cycle ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`)
    } else if (!done.has(file)) {
      for (const next of graph.get(file) ?? []) walk(next, [...path, file])
      done.add(file)
    }
  }
  for (const file of graph.keys()) walk(file, [])
  return found
}

test('src/ keeps the dependency rules', () => {
  const root = fileURLToPath(new URL('../src/', import.meta.url))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  expect(files).not.toEqual([])
  const sources = files.map((name) => [name.replaceAll('\\', '/'), readFileSync(root + name, 'utf8')])
  expect(violations(Object.fromEntries(sources))).toEqual([])
})

// A check that cannot fail checks nothing, so each rule is broken once on purpose.
test.each<[file: string, text: string, problem: string]>([
  ['protocol/a.ts', "\nimport '../exec/b.js'", 'src/protocol/a.ts:2: protocol must not import exec/b.ts'],
  [
    'protocol/a.ts',
    "import 'node:buffer'",
    "src/protocol/a.ts:1: imports 'node:buffer': protocol/ does no I/O",
  ],
  [
    'protocol/a.ts',
    '/* Promise */\nlet b: Promise<1>',
    'src/protocol/a.ts:2: protocol/ must not use Promise',
  ],
  ['protocol/a.ts', 'const t = Date.now()', 'src/protocol/a.ts:1: protocol/ must not use Date.now'],
  ['protocol/a.ts', 'export async function f() {}', 'src/protocol/a.ts:1: protocol/ must not use async'],
  ['exec/a.ts', "export * from '../files/f.js'", 'src/exec/a.ts:1: exec must not import files/f.ts'],
  [
    'auth/a.ts',
    "import { p } from '../protocol/p.js'",
    'src/auth/a.ts:1: auth must not import protocol/p.ts',
  ],
  ['streams/a.ts', "await import('../client.js')", 'src/streams/a.ts:1: streams must not import client.ts'],
  ['client.ts', "import './index.js'", 'src/client.ts:1: client must not import index.ts'],
  ['testing/a.ts', "import '../index.js'", 'src/testing/a.ts:1: testing must not import index.ts'],
  ['exec/a.ts', "import './gone.js'", "src/exec/a.ts:1: './gone.js' is not a file in src/"],
  ['files/a.ts', "import 'node:fs/promises'", 'storage goes through files/local-disk*.ts'],
  ['exec/a.ts', "import 'node:tls'", 'sockets belong to transport/'],
  ['events.ts', "import t from 'typed-emitter'", 'not installed for users: import type only'],
  ['auth/a.ts', "import 'selfsigned'", 'large: import it lazily'],
  ['exec/a.ts', "import './c.js'", 'src/exec/c.ts:1: import cycle exec/c.ts -> exec/a.ts -> exec/c.ts'],
  ['exec/index.ts', '', 'src/exec/index.ts:1: no barrel below src/'],
  ['utils.ts', '', "src/utils.ts:1: 'utils' is no known layer"],
  ['exec/a.ts', `${'\n'.repeat(350)}let b`, 'src/exec/a.ts:351: 351 lines, more than 350'],
])('a rule broken in %s is reported (case %#)', (file, text, problem) => {
  const others = { 'exec/c.ts': "import './a.js'", 'exec/a.ts': '', 'exec/b.ts': '', 'files/f.ts': '' }
  const more = { 'protocol/p.ts': '', 'client.ts': '', 'index.ts': '' }
  expect(violations({ ...others, ...more, [file]: text }).join('\n')).toContain(problem)
})

test('what the rules allow is not reported', () => {
  const sources = {
    'protocol/p.ts':
      "import * as v from 'valibot'\nimport { e } from '../errors.js'\n// Promise, async, console\n",
    'auth/a.ts': "import type { p } from '../protocol/p.js'\nconst s = await import('selfsigned')",
    'files/local-disk.ts': "import { open } from 'node:fs/promises'",
    'events.ts': "import type * as te from 'typed-emitter'",
    'errors.ts': '',
    'index.ts': "export * from './errors.js'",
  }
  expect(violations(sources)).toEqual([])
})

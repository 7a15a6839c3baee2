// The Markdown documents of the repository, read once.
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Markdown, parseMarkdown } from './markdown.js'

export const repository = fileURLToPath(new URL('../..', import.meta.url))

/** By path from the root of the repository. */
export const documents: ReadonlyMap<string, Markdown> = new Map(
  [
    ...['CHANGELOG.md', 'CONTRIBUTING.md', 'README.md'],
    ...['docs', 'examples'].flatMap((folder) =>
      readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.md'))
        .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
        .sort(),
    ),
  ].map((path) => [path, parseMarkdown(textOf(path))]),
)

export function document(path: string): Markdown {
  const found = documents.get(path)
  if (found === undefined) throw new Error(`there is no ${path}`)
  return found
}

/** Any file of the repository, as text. */
export function textOf(path: string): string {
  return readFileSync(join(repository, path), 'utf8')
}

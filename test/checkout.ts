// The checkout as the tests of this folder see it: where it is, which files it has, and what a test may not skip.
// Reads files only. Called by every test here.

import { readFileSync, readdirSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The root of the checkout. Compiled tests lie in test/dist. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Text of a file, by its path from the root. */
export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** The plain data of a JSON file, by its path from the root. */
export function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readText(path)) as Record<string, unknown>
}

/** What a compiled module exports, by its path from the root: for modules that a package does not offer by name. */
export async function importCompiled(path: string): Promise<Record<string, unknown>> {
  return (await import(pathToFileURL(join(root, path)).href)) as Record<string, unknown>
}

const notSources = new Set([
  'node_modules',
  'dist',
  'dist-test',
  'build',
  '.git',
  '.turbo',
  '.cache',
  '.set-up',
  // Programs of the benchmarks; their own tests make and remove some of them while this one reads.
  '.peers',
  'prebuilds',
  'weir-sample',
  'weir-out',
])

/** Paths of all files below a folder, from the root, with forward slashes; what is built or installed is left out. */
export function listFiles(folder = '.'): string[] {
  const found: string[] = []
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!notSources.has(entry.name)) found.push(...listFiles(path))
    } else found.push(relative('.', path).split(sep).join('/'))
  }
  return found.sort()
}

/** The line, from 1, on which the character at `index` stands. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/**
 * What to give node:test as `skip`: false when `isThere`, else the reason. Throws instead where the environment variable
 * WEIR_REQUIRE, a comma list, names what is missing: a required test must not be skipped unseen.
 */
export function skipWithout(name: string, isThere: boolean, cure: string): string | false {
  if (isThere) return false
  const required = (process.env['WEIR_REQUIRE'] ?? '').split(',').map((each) => each.trim())
  if (required.includes(name)) throw new Error(`${name} is required by WEIR_REQUIRE and is missing: ${cure}`)
  return `${name} is missing: ${cure}`
}

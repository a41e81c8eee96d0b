// Holds the documents to what they describe: paths exist, links lead somewhere, decisions have their three parts, and the
// tables of errors and limits equal the code. A fault names the document and the line. Examples: examples.test.ts.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import { importCompiled, listFiles, readText, root } from './checkout.ts'
import { anchorOf, readMarkdown } from './markdown.ts'

const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'GLOSSARY.md', 'CHANGELOG.md']
const packageDocuments = ['packages/engine/README.md', 'packages/service/README.md']
const allDocuments = [...documents, ...packageDocuments, ...listFiles('docs').filter((path) => path.endsWith('.md'))]
/** Documents that describe the checkout: every file name in them has to exist. Elsewhere names may be the reader's. */
const mapDocuments = new Set(['ARCHITECTURE.md', 'CONTRIBUTING.md', 'GLOSSARY.md'])

/** Names that the documents give to files of their readers. */
const readersFiles = new Set(['rules.yaml'])

const files = listFiles()
const folders = new Set(files.flatMap((path) => path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'))))
const topLevel = new Set(files.filter((path) => path.includes('/')).map((path) => path.split('/')[0]))
/** A path in a document may be written from the root, or from one of these. */
const bases = [
  '',
  'packages/',
  'packages/engine/',
  'packages/engine/src/',
  'packages/service/',
  'packages/service/src/',
]

/** `a/{b,c}.ts` stands for two paths. */
function expandBraces(path: string): string[] {
  const match = /^(.*?)\{([^{}]*)\}(.*)$/.exec(path)
  if (match === null) return [path]
  const [, before = '', list = '', after = ''] = match
  return list.split(',').flatMap((each) => expandBraces(before + each.trim() + after))
}

/** `*` is any part of a name, `**` any folders. */
function patternOf(path: string): RegExp {
  const escaped = path.replace(/[.+^$()|[\]\\?]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('**', '\0').replaceAll('*', '[^/]*').replaceAll('\0', '.*')}$`)
}

function isThere(path: string): boolean {
  const plain = path.replace(/\/$/, '')
  if (files.includes(plain) || folders.has(plain)) return true
  return plain.includes('*') && [...files, ...folders].some((each) => patternOf(plain).test(each))
}

/** Paths in a code span that should exist, or none when the span is no path of ours. */
function pathsIn(span: string, document: string): string[] {
  if (/[\s<>$=:"'~…()]/.test(span) || span.startsWith('/') || span.startsWith('-') || span.startsWith('@')) return []
  if (readersFiles.has(span)) return []
  const isFile = /\.(ts|mjs|cc|c|h|md|gyp|map|yaml|yml|json|txt)$/.test(span)
  // What is built, installed or made by `npm start` is described too, and not in the checkout.
  if (/(^|\/)(node_modules|dist|dist-test|build|weir-sample|weir-out|\.set-up|\.peers|prebuilds)(\/|$)/.test(span))
    return []
  if (topLevel.has(span.split('/')[0]) && span.includes('/')) return expandBraces(span)
  if (!mapDocuments.has(document)) return []
  const isFolder = /^[\w.-]+(\/[\w.-]+)*\/$/.test(span)
  return isFile || isFolder ? expandBraces(span) : []
}

function existsSomewhere(path: string, document: string): boolean {
  const candidates = [...bases, `${posix.dirname(document)}/`].map((base) => posix.normalize(base + path))
  if (candidates.some(isThere)) return true
  // A bare name, as in `pool.ts`, is enough where the context tells the folder.
  return !path.includes('/') && files.some((each) => patternOf(path).test(posix.basename(each)))
}

for (const document of allDocuments) {
  test(`${document} names only files that exist, and its links lead somewhere`, () => {
    assert.ok(existsSync(join(root, document)), `${document} is missing`)
    const text = readText(document)
    const { codeSpans, links } = readMarkdown(text)
    const faults: string[] = []
    for (const { text: span, line } of codeSpans) {
      for (const path of pathsIn(span, document)) {
        if (!existsSomewhere(path, document)) faults.push(`${document}:${line}: \`${path}\` does not exist`)
      }
    }
    for (const { text: target, line } of links) {
      const fault = linkFault(document, target)
      if (fault !== undefined) faults.push(`${document}:${line}: ${fault}`)
    }
    assert.deepEqual(faults, [])
  })
}

function linkFault(document: string, target: string): string | undefined {
  if (/^(https?|mailto):/.test(target)) return undefined
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? document : posix.join(posix.dirname(document), path)
  if (!isThere(file)) return `the link to ${target} leads to no file`
  if (anchor === undefined || !file.endsWith('.md')) return undefined
  const anchors = readMarkdown(readText(file)).headings.map((heading) => anchorOf(heading.text))
  return anchors.includes(anchor) ? undefined : `${file} has no heading for #${anchor}`
}

test('the reader of paths takes paths and leaves other code alone', () => {
  assert.deepEqual(pathsIn('packages/engine/src/{errors,limits}.ts', 'README.md'), [
    'packages/engine/src/errors.ts',
    'packages/engine/src/limits.ts',
  ])
  assert.deepEqual(pathsIn('rules.yaml', 'README.md'), [])
  assert.deepEqual(pathsIn('npm start', 'CONTRIBUTING.md'), [])
  assert.deepEqual(pathsIn('pool/pool.ts', 'ARCHITECTURE.md'), ['pool/pool.ts'])
  assert.ok(existsSomewhere('pool/pool.ts', 'ARCHITECTURE.md'))
  assert.ok(existsSomewhere('packages/*/src', 'ARCHITECTURE.md'))
  assert.ok(!existsSomewhere('pool/no-such-file.ts', 'ARCHITECTURE.md'))
  assert.match(linkFault('README.md', 'docs/no-such-file.md') ?? '', /no file/)
  assert.match(linkFault('README.md', 'CONTRIBUTING.md#no-such-heading') ?? '', /no heading/)
})

test('every decision says what, why, and what would change it', () => {
  const decisions = listFiles('docs/decisions').filter((path) => path.endsWith('.md'))
  assert.ok(decisions.length > 0)
  const wanted = ['## What', '## Why', '## What would change it']
  for (const path of decisions) {
    const headings = readMarkdown(readText(path)).headings.map(({ text }) => text)
    assert.match(headings[0] ?? '', /^# \S/, `${path}:1: the first heading is the decision`)
    assert.deepEqual(headings.slice(1), wanted, path)
  }
})

interface ErrorRow {
  readonly kind: string
  readonly meaning: string
  readonly cure: string
}

const classes: Readonly<Record<string, string>> = {
  'rule-set': 'RuleSetError',
  config: 'ConfigError',
  engine: 'EngineError',
  connector: 'ConnectorError',
  kafka: 'KafkaError',
  s3: 'S3Error',
}

async function errorTable(): Promise<Map<string, ErrorRow>> {
  const rows = new Map<string, ErrorRow>()
  for (const workspace of ['engine', 'service']) {
    const { errorCodes } = await importCompiled(`packages/${workspace}/dist/errors.js`)
    for (const [code, row] of Object.entries(errorCodes as Record<string, ErrorRow>)) rows.set(code, row)
  }
  return rows
}

test('docs/errors.md holds every error code, with the class, the meaning and the cure that the code has', async () => {
  const table = await errorTable()
  const documented = new Set<string>()
  for (const { cells, line } of readMarkdown(readText('docs/errors.md')).rows) {
    const code = /^`(ERR_\w+)`$/.exec(cells[0] ?? '')?.[1]
    if (code === undefined) continue
    const place = `docs/errors.md:${line}`
    const row = table.get(code)
    assert.ok(row !== undefined, `${place}: no such code`)
    assert.ok(!documented.has(code), `${place}: ${code} stands there twice`)
    documented.add(code)
    const [, ...rest] = cells
    assert.deepEqual(rest, [`\`${classes[row.kind]}\``, row.meaning, row.cure], place)
  }
  assert.deepEqual([...documented].sort(), [...table.keys()].sort())
})

/** The ways in which a document may write a limit. */
function spellings(value: number, name: string): string[] {
  const grouped = value.toLocaleString('en-US')
  const units = [
    [1 << 30, 'GiB'],
    [1 << 20, 'MiB'],
    [1 << 10, 'KiB'],
  ] as const
  const found = [String(value), grouped]
  if (name.endsWith('Bytes')) {
    found.push(`${grouped} bytes`)
    for (const [size, unit] of units) if (value % size === 0) found.push(`${value / size} ${unit}`)
  }
  if (name.endsWith('Ms')) found.push(`${grouped} ms`, `${value / 1000} s`)
  return found
}

test('docs/engine.md explains every technique of the kernel, in the order that reports have', async () => {
  const { techniques } = await importCompiled('packages/engine/dist/kernel/techniques.js')
  const rows = readMarkdown(readText('docs/engine.md')).rows.filter(({ table }) => table === 'Technique')
  const named = rows.flatMap(({ cells }) => /^`([\w-]+)`$/.exec(cells[0] ?? '')?.[1] ?? [])
  assert.deepEqual(named, techniques)
})

test('the tables of limits in the documents hold the values of limits.ts', async () => {
  const { limits } = await importCompiled('packages/engine/dist/limits.js')
  const documented = new Set<string>()
  for (const document of ['docs/rules.md', 'docs/original.md', 'docs/engine.md']) {
    const rows = readMarkdown(readText(document)).rows.filter(({ table }) => /^limits?$/i.test(table))
    for (const { cells, line } of rows) {
      const name = /^`(\w+)`$/.exec(cells[0] ?? '')?.[1]
      const limit = name === undefined ? undefined : (limits as Record<string, number | Record<string, number>>)[name]
      if (name === undefined) continue
      assert.ok(limit !== undefined, `${document}:${line}: limits.ts has no ${name}`)
      documented.add(name)
      const values = typeof limit === 'number' ? [limit] : Object.values(limit)
      // "least to most, standard 2 MiB": the words are free, the values and their order are not.
      const written = (cells[1] ?? '').match(/\d[\d,]*(\.\d+)?( (GiB|MiB|KiB|bytes|ms|s)\b)?/g) ?? []
      const place = `${document}:${line}: ${name} is ${JSON.stringify(limit)}, written as ${cells[1] ?? ''}`
      assert.equal(written.length, values.length, place)
      for (const [i, value] of values.entries()) assert.ok(spellings(value, name).includes(written[i] ?? ''), place)
    }
  }
  assert.deepEqual([...documented].sort(), Object.keys(limits as object).sort())
})

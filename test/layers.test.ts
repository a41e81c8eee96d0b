// Holds the layers: reads the import lines of every source file and compares them with the table below, which is the
// map of ARCHITECTURE.md. Also the names and sizes of files. Compiles nothing and runs nothing.

import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import { lineAt, listFiles, readText } from './checkout.ts'

interface Layer {
  readonly level: number
  /** Tried in order; the first that matches the path below `src` decides. */
  readonly files: RegExp
  /** Files of this layer may import each other across folders. */
  readonly isOne?: true
}

const layersOf: Readonly<Record<string, readonly Layer[]>> = {
  'packages/engine/src': [
    { level: 0, files: /^(errors|limits)\.ts$/ },
    // The types that both sides of the engine share.
    { level: 1, files: /^(rules\/rule-set|batch\/batch|verdict\/verdict)\.ts$/, isOne: true },
    { level: 2, files: /^(rules|batch)\/[^/]+\.ts$/ },
    { level: 3, files: /^kernel\/[^/]+\.ts$/ },
    { level: 4, files: /^pool\/[^/]+\.ts$/ },
    { level: 6, files: /^(index|testing)\.ts$/ },
    { level: 5, files: /^[^/]+\.ts$/ },
  ],
  'packages/service/src': [
    {
      level: 0,
      files:
        /^(errors|error-codes|log|structured-log|metrics|measured|metric-table|kafka-metrics|s3-metrics|binned-histogram|process-figures|process-metrics|interrupts|joint-question|time|counted|watch|watched-value|regular-file|null-device|durable-file|folders|folder-lock|address|request-head|http-limits)\.ts$/,
    },
    { level: 1, files: /^ports\/[^/]+\.ts$/ },
    { level: 2, files: /^(kafka|s3|objects|generators|shapes)\/[^/]+\.ts$/ },
    { level: 3, files: /^(config|sources|sinks)\/[^/]+\.ts$/ },
    { level: 4, files: /^(pipeline|archive|tuning)\/[^/]+\.ts$/ },
    { level: 5, files: /^admin\/.+\.ts$/ },
    { level: 6, files: /^commands\/[^/]+\.ts$/ },
    { level: 7, files: /^(main|main-filter|start)\.ts$/ },
  ],
}

/** Which packages a workspace may import, and in which files: a path, or a folder that ends in a slash. */
const packagesOf: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'packages/engine/src': {
    piscina: ['pool/pool.ts'],
    yaml: ['rules/yaml-source.ts'],
    re2js: ['rules/patterns.ts', 'rules/pattern-size.ts', 'kernel/portable.ts'],
  },
  'packages/service/src': {
    '@weir/engine': [''],
    '@weir/engine/testing': [''],
    commander: ['start.ts', 'commands/'],
    'cli-progress': ['commands/'],
    pino: ['structured-log.ts'],
    'prom-client': ['metrics.ts'],
    yaml: ['config/'],
    zod: ['config/', 'admin/'],
    '@aws-sdk/client-s3': ['s3/'],
    kafkajs: ['kafka/'],
    'kafkajs/package.json': ['kafka/library.ts'],
    '@node-rs/crc32': ['kafka/crc32c.ts'],
  },
}

interface Import {
  readonly specifier: string
  readonly line: number
}

/** Every module that the text imports: static, re-exported, dynamic, or as the file of a worker. */
function importsOf(text: string): Import[] {
  const forms = [
    /^(?:import|export)\s[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^import\s*['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]/g,
    /\bnew URL\(\s*['"]([^'"]+)['"],\s*import\.meta\.url/g,
    /\brequire(?:\.resolve)?\(\s*['"]([^'"]+)['"]/g,
  ]
  return forms.flatMap((form) =>
    [...text.matchAll(form)].map((match) => ({ specifier: match[1] ?? '', line: lineAt(text, match.index) })),
  )
}

function layerOf(sourceRoot: string, path: string): Layer | undefined {
  return layersOf[sourceRoot]?.find((layer) => layer.files.test(path))
}

/** Why the import may not be, or undefined. `path` and the specifier's target are below `sourceRoot`. */
function faultOf(sourceRoot: string, path: string, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) return undefined
  if (!specifier.startsWith('.')) {
    const allowed = packagesOf[sourceRoot]?.[specifier]
    if (allowed === undefined) return `imports the package ${specifier}, which this workspace may not`
    const fits = allowed.some((place) =>
      place.endsWith('/') || place === '' ? path.startsWith(place) : path === place,
    )
    return fits ? undefined : `imports ${specifier}; only ${allowed.join(', ')} may`
  }
  // Workers and other compiled files are named by what they compile to.
  const target = posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts')
  if (/\.(json|node|mjs)$/.test(target)) return undefined
  if (target.startsWith('..')) return `reaches outside the package's sources with ${specifier}`
  const from = layerOf(sourceRoot, path)
  const to = layerOf(sourceRoot, target)
  if (from === undefined || to === undefined) return `imports ${specifier}, which stands in no layer of the table`
  const isNear = from.isOne === true || posix.dirname(target) === posix.dirname(path)
  if (to.level < from.level || (to === from && isNear)) return undefined
  return `is in layer ${from.level} and imports ${specifier} of layer ${to.level}`
}

for (const sourceRoot of Object.keys(layersOf)) {
  test(`every file of ${sourceRoot} imports only lower layers, its own folder and the packages it may`, () => {
    const files = listFiles(sourceRoot).filter((file) => file.endsWith('.ts'))
    assert.ok(files.length > 5, `${sourceRoot} has only ${files.length} files: is the folder right?`)
    const faults: string[] = []
    for (const file of files) {
      const path = posix.relative(sourceRoot, file)
      if (layerOf(sourceRoot, path) === undefined)
        faults.push(`${file}:1: stands in no layer of the table in this test`)
      for (const { specifier, line } of importsOf(readText(file))) {
        const fault = faultOf(sourceRoot, path, specifier)
        if (fault !== undefined) faults.push(`${file}:${line}: ${fault}`)
      }
    }
    assert.deepEqual(faults, [])
  })
}

test('benchmarks reach the engine and the service by package name only', () => {
  const faults: string[] = []
  for (const file of listFiles('benchmarks').filter((each) => /\.(ts|mjs)$/.test(each))) {
    for (const { specifier, line } of importsOf(readText(file))) {
      const isOutside = specifier.startsWith('.') && !`${posix.join(file, '..', specifier)}/`.startsWith('benchmarks/')
      const isInternal = /^@weir\/[^/]+\/(?!testing$|package\.json$)/.test(specifier)
      if (isOutside || isInternal) faults.push(`${file}:${line}: imports ${specifier}`)
    }
  }
  assert.deepEqual(faults, [])
})

test('the reader of import lines sees every form of import', () => {
  const text = [
    "import { a } from 'one'",
    "import type {\n  B,\n} from 'two'",
    "export { c } from 'three'",
    "import 'four'",
    "await import('five')",
    "new URL('./six.js', import.meta.url)",
    "require('seven')",
    "const notAnImport = 'from eight'",
  ].join('\n')
  assert.deepEqual(
    importsOf(text).map(({ specifier }) => specifier),
    ['one', 'two', 'three', 'four', 'five', './six.js', 'seven'],
  )
  assert.match(faultOf('packages/engine/src', 'errors.ts', './engine.ts') ?? '', /layer 0 and imports .* layer 5/)
  assert.match(faultOf('packages/engine/src', 'batch/slab.ts', '../rules/plan.ts') ?? '', /layer 2 and imports/)
  assert.match(faultOf('packages/engine/src', 'engine.ts', 'piscina') ?? '', /only pool\/pool\.ts may/)
  assert.match(faultOf('packages/engine/src', 'engine.ts', 'left-pad') ?? '', /may not/)
  assert.equal(faultOf('packages/engine/src', 'pool/pool.ts', './worker.js'), undefined)
})

test('no file or folder has a name that says nothing', () => {
  // `core` is forbidden for folders and whole names; the C++ targets of that name are no files.
  const vague = /(^|\/)(utils?|common|helpers?|misc|core)(\.[^/]*)?(\/|$)/i
  assert.deepEqual(
    listFiles().filter((path) => vague.test(path)),
    [],
  )
})

test('a file over 400 lines says in its header why', () => {
  const sources = listFiles().filter((path) => /\.(ts|mjs|cc|h)$/.test(path) && !path.startsWith('docs/'))
  const faults: string[] = []
  for (const path of sources) {
    const lines = readText(path).trimEnd().split('\n')
    const header = lines
      .slice(
        0,
        lines.findIndex((line) => !/^(\/\/|#!)/.test(line)),
      )
      .join(' ')
    if (lines.length > 400 && !/\b(400 lines|long|length)\b/i.test(header)) {
      faults.push(`${path}: ${lines.length} lines, and no reason in its header`)
    }
  }
  assert.deepEqual(faults, [])
})

test('every source file opens with a comment that says what is here', () => {
  const sources = listFiles().filter((path) => /\.(ts|mjs|cc|h)$/.test(path) && !path.startsWith('docs/'))
  assert.deepEqual(
    sources.filter((path) => !/^(#!.*\n)?\/\//.test(readText(path))),
    [],
  )
})

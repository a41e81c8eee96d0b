// Runs the examples of the documents, in a folder with sample files: `ts` blocks whose first line is
// `// example: runs`, and `console` blocks whose every command is `weir` or feeds it. TypeScript is compiled with the
// project's strict settings first, so an example that does not type-check fails too. Those that need a service:
// served-examples.test.ts.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { listFiles, readText, root } from './checkout.ts'
import { commandsOf, isExact, isServed } from './console.ts'
import { readMarkdown } from './markdown.ts'
import type { Block } from './markdown.ts'

interface Example extends Block {
  readonly document: string
}

const readmes = ['README.md', 'packages/engine/README.md', 'packages/service/README.md']
const documents = [...readmes, 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...listFiles('docs')].filter((path) =>
  path.endsWith('.md'),
)
const blocks: readonly Example[] = documents.flatMap((document) =>
  readMarkdown(readText(document)).blocks.map((block) => ({ ...block, document })),
)
const scripts = blocks.filter(({ info, text }) => /^ts\b/.test(info) && text.startsWith('// example: runs\n'))

/** Commands that a block may use beside `weir` and still be run here: they are everywhere and reach no network. */
const harmless = /^(weir|gzip|zcat|cat|head|tail|wc|cp|echo|printf|cmp|diff|sort|grep|test|ls|mkdir|rm|cd|true)$/

function isRunnable(block: Block): boolean {
  const commands = commandsOf(block)
  const programs = commands.flatMap(({ line }) => line.split(/\||&&|;/).map((part) => part.trim().split(/\s/)[0] ?? ''))
  return programs.includes('weir') && programs.every((program) => harmless.test(program))
}

const consoles = blocks.filter((block) => /^console\b/.test(block.info) && !isServed(block) && isRunnable(block))

// Below the checkout, so that examples find the packages as a dependent would.
let workFolder = ''
const command = join(root, 'packages/service/bin/weir.js')

function sampleFolder(): string {
  const folder = mkdtempSync(join(workFolder, 'sample-'))
  copyFileSync(join(workFolder, 'access.ndjson'), join(folder, 'access.ndjson'))
  copyFileSync(join(workFolder, 'access.ndjson.gz'), join(folder, 'access.ndjson.gz'))
  copyFileSync(join(root, 'fixtures/rule-sets/origin-errors.yaml'), join(folder, 'rules.yaml'))
  copyFileSync(join(root, 'fixtures/rule-sets/sample.yaml'), join(folder, 'sample.yaml'))
  return folder
}

function run(program: string, args: readonly string[], options: { cwd: string; path?: string }) {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${options.path ?? ''}${delimiter}${process.env['PATH'] ?? ''}`,
  }
  delete env['NODE_TEST_CONTEXT']
  return spawnSync(program, args, { cwd: options.cwd, env, encoding: 'utf8', timeout: 120_000, input: '' })
}

before(() => {
  workFolder = mkdtempSync(join(root, 'test', 'dist', 'examples-'))
  const bin = join(workFolder, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'weir'), `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`)
  chmodSync(join(bin, 'weir'), 0o755)
  const generate = ['generate', 'ds2', '--records', '2000', '--seed', '1', '-o', join(workFolder, 'access.ndjson')]
  const made = run(process.execPath, [command, ...generate], { cwd: workFolder })
  assert.equal(made.status, 0, made.stderr)
  assert.equal(run('gzip', ['-k', join(workFolder, 'access.ndjson')], { cwd: workFolder }).status, 0)
})

after(() => rmSync(workFolder, { recursive: true, force: true }))

test('README.md has an example in TypeScript and one on the command line, each package one of its own, and all are run', () => {
  for (const path of ['README.md', 'packages/engine/README.md']) {
    assert.ok(scripts.some(({ document }) => document === path))
  }
  for (const path of ['README.md', 'packages/service/README.md']) {
    assert.ok(consoles.some(({ document }) => document === path))
  }
})

test('every TypeScript example compiles with the strict settings and runs', async (t) => {
  const folder = join(workFolder, 'scripts')
  mkdirSync(folder)
  const names = scripts.map(({ document, line }) => `${document.replaceAll('/', '-')}-${line}`)
  for (const [i, { text }] of scripts.entries()) writeFileSync(join(folder, `${names[i]}.ts`), text)
  const base = join(root, 'tsconfig.base.json')
  // The client of an example is the one that the service has, for its types.
  const kafkajs = dirname(createRequire(join(root, 'packages/service/package.json')).resolve('kafkajs/package.json'))
  const compilerOptions = { rootDir: '.', outDir: 'out', composite: false, declaration: false, declarationMap: false, paths: { kafkajs: [join(kafkajs, 'types')] } } // prettier-ignore
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: base, compilerOptions, include: ['*.ts'] }))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const compiled = run(process.execPath, [tsc, '-p', folder], { cwd: folder })
  assert.equal(compiled.status, 0, `names are DOCUMENT-LINE.ts:\n${compiled.stdout}`)
  for (const [i, { document, line }] of scripts.entries()) {
    await t.test(`${document}:${line}`, () => {
      const { status, stdout, stderr } = run(process.execPath, [join(folder, 'out', `${names[i]}.js`)], {
        cwd: sampleFolder(),
      })
      assert.equal(status, 0, `${document}:${line}: exit ${status}\n${stdout}\n${stderr}`)
    })
  }
})

test('every console example runs as it says', async (t) => {
  for (const block of consoles) {
    await t.test(`${block.document}:${block.line}`, () => {
      const cwd = sampleFolder()
      for (const { line, output, status } of commandsOf(block)) {
        const ran = run('bash', ['-o', 'pipefail', '-c', line], { cwd, path: join(workFolder, 'bin') })
        const place = `${block.document}:${block.line}: ${line}\n${ran.stdout}\n${ran.stderr}`
        assert.equal(ran.status, status, place)
        // Where the document promises the very output, in a block marked `exact`, it is compared.
        if (isExact(block)) assert.equal((ran.stdout + ran.stderr).trim(), output, place)
      }
    })
  }
})

test('what README.md says to run behind npm start runs with the files that it makes', () => {
  const cwd = mkdtempSync(join(workFolder, 'started-'))
  mkdirSync(join(cwd, 'weir-sample'))
  mkdirSync(join(cwd, 'fixtures', 'rule-sets'), { recursive: true })
  copyFileSync(join(root, 'fixtures/rule-sets/sample.yaml'), join(cwd, 'fixtures/rule-sets/sample.yaml'))
  copyFileSync(join(workFolder, 'access.ndjson'), join(cwd, 'weir-sample', 'access.ndjson'))
  const shells = blocks.filter(({ document, info }) => document === 'README.md' && info === 'sh')
  const lines = shells.flatMap(({ text }) => text.split('\n')).filter((line) => line.startsWith('npx weir '))
  assert.ok(lines.length > 0)
  for (const line of lines) {
    const ran = run('bash', ['-c', line.replace('npx ', '')], { cwd, path: join(workFolder, 'bin') })
    assert.equal(ran.status, 0, `${line}\n${ran.stderr}`)
  }
})

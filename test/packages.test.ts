// The packages as their users get them: packed, installed into an empty folder with no compiler in reach, imported,
// type-checked and run; with the binary taken away, too. What is compiled in brings its licences. Needs the native build
// and npm's cache as the set-up leaves it; manifests and the lockfile are package.test.ts's.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { importCompiled, readJson, readText, root, skipWithout } from './checkout.ts'

interface Packed {
  readonly name: string
  readonly version: string
  readonly tarball: string
  readonly files: readonly string[]
  /** Bytes of the tarball, and of what it holds. */
  readonly size: number
  readonly unpackedSize: number
}

interface Inspected {
  readonly needed: readonly string[]
  readonly glibc: string
  readonly symbols: readonly string[]
}

const { pack } = (await importCompiled('.ci/pack.mjs')) as { pack: (folder: string) => Packed[] }
const prebuilds = await importCompiled('packages/engine/native/prebuild.mjs')
const targets = Object.keys(prebuilds['targets'] as object)
const isTarget = targets.includes(prebuilds['hostTarget'] as string)

/** Why this machine can make no binary for others: it has no compiler, or one that asks for a newer C library. */
function whyUnshippable(): string | undefined {
  try {
    ;(prebuilds['prebuild'] as (target: string) => void)(prebuilds['hostTarget'] as string)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function whyNotHere(): string | false {
  if (!isTarget) return `no binary is shipped for ${prebuilds['hostTarget'] as string}`
  const fault = whyUnshippable()
  return skipWithout('prebuilt', fault === undefined, fault ?? '')
}

const notHere = whyNotHere()

// Outside the checkout, so that nothing of it is found by looking upwards.
let folder = ''
let installed = ''
let bare = ''
let packed: Packed[] = []

function readJsonFile(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
}

function named(name: string): Packed {
  const found = packed.find((each) => each.name === name)
  assert.ok(found !== undefined)
  return found
}

/** The environment of a user whose machine has Node, npm and a shell, and nothing to compile with. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|WEIR_|NODE_|CC$|CXX$|CFLAGS|CXXFLAGS)/i.test(name),
  )
  return { ...Object.fromEntries(kept), PATH: bare }
}

function makeBareFolder(path: string): void {
  mkdirSync(path)
  symlinkSync(process.execPath, join(path, 'node'))
  for (const [name, place] of [
    ['sh', '/bin/sh'],
    ['env', '/usr/bin/env'],
  ] as const) {
    symlinkSync(place, join(path, name))
  }
  const { stdout } = spawnSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' })
  writeFileSync(join(path, 'npm'), `#!/bin/sh\nexec node "${realpathSync(stdout.trim())}" "$@"\n`)
  chmodSync(join(path, 'npm'), 0o755)
}

function run(program: string, args: readonly string[], options: { input?: string } = {}) {
  const limits = { timeout: 120_000, maxBuffer: 1 << 28 }
  const ran = spawnSync(join(bare, program), args, {
    cwd: installed,
    env: bareEnvironment(),
    encoding: 'utf8',
    ...limits,
    ...options,
  })
  return { ...ran, all: `${ran.stdout}\n${ran.stderr}\n${ran.error?.message ?? ''}` }
}

const weir = (...args: string[]) => run('node', [join(installed, 'node_modules/.bin/weir'), ...args])

/**
 * A lockfile for the empty folder: our tarballs, and what they need in the versions and with the checksums of the
 * checkout's lockfile, so that npm takes all of it from the cache that the set-up has filled.
 */
function lockfileFor(dependencies: Readonly<Record<string, string>>): object {
  const locked = readJson('package-lock.json')['packages'] as Record<string, { dev?: boolean; link?: boolean }>
  const needed = Object.entries(locked).filter(
    ([path, { dev, link }]) => path.startsWith('node_modules/') && dev !== true && link !== true,
  )
  const ours = packed.map(({ name, version, tarball }) => {
    const manifest = readJson(`packages/${name.split('/')[1] ?? ''}/package.json`)
    const { bin, engines, dependencies: own } = manifest
    return [`node_modules/${name}`, { version, resolved: `file:${tarball}`, bin, engines, dependencies: own }]
  })
  const packages = { '': { dependencies }, ...Object.fromEntries([...needed, ...ours]) }
  return { name: 'empty', lockfileVersion: 3, requires: true, packages }
}

before(() => {
  if (notHere !== false) return
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'weir-packages-')))
  installed = join(folder, 'empty')
  bare = join(folder, 'bin')
  mkdirSync(installed)
  makeBareFolder(bare)
  packed = pack(join(folder, 'tarballs'))
  const dependencies = Object.fromEntries(packed.map(({ name, tarball }) => [name, `file:${tarball}`]))
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ name: 'empty', type: 'module', dependencies }))
  writeFileSync(join(installed, 'package-lock.json'), JSON.stringify(lockfileFor(dependencies)))
  // Scripts may run, as they would for a user: there must be none that need anything.
  const ran = run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'])
  assert.equal(ran.status, 0, ran.all)
})

after(() => {
  if (folder !== '') rmSync(folder, { recursive: true, force: true })
})

test('no compiler is in reach of the tests below', { skip: notHere }, () => {
  for (const name of ['g++', 'gcc', 'cc', 'make', 'python3', 'node-gyp']) {
    assert.equal(run('sh', ['-c', `command -v ${name}`]).status, 127, name)
  }
  assert.equal(run('sh', ['-c', 'command -v node']).status, 0)
})

const lines = ['{"statusCode":"503"}', '{"statusCode":"200"}', '{"statusCode":"5030"}', 'no JSON']
const rules = {
  version: 1,
  default: 'drop',
  rules: [{ id: 'errors', when: { field: 'statusCode', matches: '5\\d\\d' }, then: 'keep' }],
}
const script = `
import { createEngine, compileRules } from '@weir/engine'
import { testRules } from '@weir/engine/testing'
const rules = ${JSON.stringify(rules)}
const engine = await createEngine({ rules, threads: 2 })
const verdict = await engine.evaluate(Buffer.from(${JSON.stringify(lines)}.join('\\n')))
const streamed = []
for await (const kept of engine.filter([Buffer.from(${JSON.stringify(lines.join('\n'))})])) streamed.push(kept)
console.log(JSON.stringify({
  kernel: engine.kernel.name,
  fallback: engine.kernel.fallback,
  counts: verdict.counts,
  kept: Buffer.from(verdict.gather('keep')).toString(),
  streamed: Buffer.concat(streamed).toString(),
  route: compileRules(rules).test({ statusCode: '500' }).route,
  tests: testRules(rules).length,
}))
await engine.close()
`

function runScript(): Record<string, unknown> & { fallback?: string } {
  writeFileSync(join(installed, 'script.js'), script)
  const ran = run('node', ['script.js'])
  assert.equal(ran.status, 0, ran.all)
  return JSON.parse(ran.stdout) as Record<string, unknown>
}

function isRight(answer: Record<string, unknown>): void {
  const { kept, dropped, malformed } = answer['counts'] as Record<string, number>
  assert.deepEqual([kept, dropped, malformed], [1, 2, 1])
  assert.equal(answer['kept'], `${lines[0] ?? ''}\n`)
  assert.equal(answer['streamed'], answer['kept'])
  assert.equal(answer['route'], 'keep')
}

test('the installed engine is imported by name and runs its prebuilt native kernel', { skip: notHere }, () => {
  const answer = runScript()
  assert.equal(answer['kernel'], 'native', String(answer.fallback))
  isRight(answer)
  assert.ok(!existsSync(join(installed, 'node_modules/@weir/engine/native/build')))
})

test('the installed types hold a strict program, and refuse a wrong one', { skip: notHere }, () => {
  const program = `
import { createEngine, compileRules, type Verdict, type RuleSet } from '@weir/engine'
import { prepareKernelRun } from '@weir/engine/testing'
const rules: RuleSet = { version: 1, default: 'drop', rules: [] }
const engine = await createEngine({ rules, threads: 1 })
const verdict: Verdict = await engine.evaluate(new Uint8Array())
const kept: Uint8Array = verdict.gather('keep')
console.log(kept.length, compileRules(rules).version, prepareKernelRun)
// @ts-expect-error: the kernel has no such name
await createEngine({ rules, kernel: 'wasm' })
// @ts-expect-error: only what the package offers can be imported
await import('@weir/engine/dist/engine.js')
`
  writeFileSync(join(installed, 'program.mts'), program)
  const options = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2023', '--module', 'nodenext']
  const roots = ['--typeRoots', join(root, 'node_modules/@types')]
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const check = (...types: string[]) =>
    run('node', [tsc, '--exactOptionalPropertyTypes', ...options, ...roots, ...types, 'program.mts'])
  const ran = check('--types', 'node')
  assert.equal(ran.status, 0, ran.all)
  // Which is why the README asks for it.
  assert.match(check().stdout, /'@types\/node'|\bnode:|\bBuffer\b/)
  assert.ok(readText('packages/engine/README.md').includes('`"types": ["node"]`'))
})

const generate = ['generate', 'ds2', '--records', '3000', '--seed', '7', '--errors', '0.01', '-o', 'access.ndjson']

function filtered(...more: string[]) {
  writeFileSync(join(installed, 'rules.yaml'), readText('fixtures/rule-sets/origin-errors.yaml'))
  return weir('filter', '--rules', 'rules.yaml', '--validation', 'full', '--threads', '2', ...more, 'access.ndjson')
}

test('the installed command filters, and both kernels keep the same bytes', { skip: notHere }, () => {
  const made = weir(...generate)
  assert.equal(made.status, 0, made.all)
  const [native, portable] = [filtered('--kernel', 'native'), filtered('--kernel', 'portable')]
  assert.equal(native.status, 0, native.all)
  assert.equal(portable.status, 0, portable.all)
  assert.ok(native.stdout.length > 0)
  assert.equal(native.stdout, portable.stdout)
  const version = weir('--version')
  assert.match(version.stdout, new RegExp(named('@weir/service').version.replaceAll('.', '\\.')))
})

test('without the binary the portable kernel takes over, and the command says so once', { skip: notHere }, () => {
  const binaries = join(installed, 'node_modules/@weir/engine/native/prebuilds')
  const before = filtered().stdout
  renameSync(binaries, `${binaries}-away`)
  try {
    const answer = runScript()
    assert.equal(answer['kernel'], 'portable')
    assert.match(answer.fallback ?? '', /there is no .*prebuilds\/linux-\w+\/weir\.glibc\.node/)
    isRight(answer)
    const ran = filtered()
    assert.equal(ran.status, 0, ran.all)
    assert.equal(ran.stdout, before)
    assert.equal(ran.stderr.match(/The portable kernel runs/g)?.length, 1, ran.stderr)
    const refused = filtered('--kernel', 'native')
    assert.equal(refused.status, 1, refused.all)
    assert.match(refused.stderr, /weir\.glibc\.node/)
  } finally {
    renameSync(`${binaries}-away`, binaries)
  }
})

test('a damaged binary is no end either: the reason is named and the portable kernel runs', { skip: notHere }, () => {
  const binary = join(installed, 'node_modules/@weir/engine/native/prebuilds', `${process.platform}-${process.arch}`)
  const path = join(binary, 'weir.glibc.node')
  const whole = readFileSync(path)
  writeFileSync(path, 'not what it should be\n'.repeat(100))
  try {
    const answer = runScript()
    assert.equal(answer['kernel'], 'portable')
    assert.match(answer.fallback ?? '', /weir\.glibc\.node: invalid ELF header/)
  } finally {
    writeFileSync(path, whole)
  }
})

test('with another C library it looks for the binary made for that one, and finds none', { skip: notHere }, () => {
  // As Node reports it where there is no glibc.
  const musl = 'data:text/javascript,process.report.getReport = () => ({ header: {} })'
  writeFileSync(join(installed, 'script.js'), script)
  const ran = run('node', ['--import', musl, 'script.js'])
  assert.equal(ran.status, 0, ran.all)
  const answer = JSON.parse(ran.stdout) as Record<string, unknown>
  assert.match(String(answer['fallback']), /there is no .*weir\.musl\.node/)
  isRight(answer)
})

test('the tarballs hold what a user needs and nothing else, within their size', { skip: notHere }, () => {
  const allowed = {
    '@weir/engine':
      /^(package\.json|README\.md|LICENSE|(dist|src)\/.+\.(js|ts|map)|native\/(licences\/\w.*\.txt|prebuilds\/.+))$/,
    '@weir/service':
      /^((bin\/|bundle\/)?package\.json|README\.md|LICENSE|bin\/(weir|code-cache)\.js|bundle\/licences\.txt|(bundle|src)\/.+\.(js|ts|map))$/,
  }
  for (const { name, files } of packed) {
    const pattern = allowed[name as keyof typeof allowed]
    const faults = files.filter((path) => !pattern.test(path))
    assert.deepEqual(faults, [], name)
    for (const path of ['README.md', 'LICENSE', 'package.json']) assert.ok(files.includes(path), `${name}: ${path}`)
  }
  const binaries = named('@weir/engine').files.filter((path) => path.endsWith('.node'))
  assert.ok(binaries.length > 0 && binaries.length <= targets.length)
  // A tenth above what they are; a dependency that slips in, or symbols left in a binary, is more.
  const [engine, service] = [named('@weir/engine'), named('@weir/service')]
  assert.ok(engine.size < 550_000 + binaries.length * 900_000, `the engine's tarball has ${engine.size} bytes`)
  assert.ok(engine.unpackedSize < 2_050_000 + binaries.length * 2_000_000, `unpacked ${engine.unpackedSize} bytes`)
  assert.ok(service.size < 1_370_000, `the service's tarball has ${service.size} bytes`)
})

test(
  'publishing from the folder is refused where a binary is missing or older than its sources',
  { skip: notHere },
  () => {
    const engine = join(root, 'packages/engine')
    const script = join(engine, 'native/prebuild.mjs')
    const check = (prebuilt: string) =>
      spawnSync(process.execPath, [script, '--check', prebuilt], { cwd: engine, encoding: 'utf8' })
    const prebuilt = join(folder, 'prebuilds')
    const host = join(prebuilt, prebuilds['hostTarget'] as string)
    const none = check(prebuilt)
    assert.equal(none.status, 1)
    assert.match(none.stderr, /no prebuilt binary in .*prebuilds; .*`npm run pack`/)
    cpSync(join(engine, 'native/prebuilds', prebuilds['hostTarget'] as string), host, { recursive: true })
    assert.equal(check(prebuilt).stderr, '')
    const note = join(host, 'weir.glibc.json')
    writeFileSync(note, JSON.stringify({ ...readJsonFile(note), sources: 'others' }))
    const outdated = check(prebuilt)
    assert.equal(outdated.status, 1)
    assert.match(outdated.stderr, /other sources than those that lie here: .*weir\.glibc\.node; .*`npm run pack`/)
    // npm asks the script itself, of the binaries that it would pack.
    const { scripts } = readJson('packages/engine/package.json') as { scripts: Record<string, string> }
    assert.equal(scripts['prepack'], 'node native/prebuild.mjs --check')
    // Though .npmrc turns scripts off, npm asks before it publishes. Nothing is sent: it is a dry run, and nobody answers there.
    const nowhere = ['--dry-run', '--registry=http://127.0.0.1:9', '--fetch-retries=0']
    const published = spawnSync('npm', ['publish', '--foreground-scripts', ...nowhere], {
      cwd: engine,
      encoding: 'utf8',
    })
    assert.match(published.stdout + published.stderr, /> node native\/prebuild\.mjs --check/)
  },
)

test('publint finds nothing to warn of, and attw no wrong types', { skip: notHere }, () => {
  const [publint, attw] = ['publint/src/cli.js', '@arethetypeswrong/cli/dist/index.js'].map((path) =>
    join(root, 'node_modules', path),
  )
  for (const { tarball } of packed) {
    const linted = spawnSync(process.execPath, [publint ?? '', 'run', tarball, '--strict'], { encoding: 'utf8' })
    assert.equal(linted.status, 0, linted.stdout + linted.stderr)
    const args = [attw ?? '', tarball, '--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii']
    const checked = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.equal(checked.status, 0, checked.stdout + checked.stderr)
  }
})

const noReadelf = notHere || skipWithout('nm', spawnSync('readelf', ['--version']).status === 0, 'install binutils')

test(
  'prebuilt binaries ask for no newer glibc than the documents say, and show two symbols',
  { skip: noReadelf },
  () => {
    const inspect = prebuilds['inspect'] as (path: string) => Inspected
    const floor = prebuilds['glibcFloor'] as string
    const binaries = named('@weir/engine').files.filter((path) => path.endsWith('.node'))
    for (const path of binaries) {
      const { needed, glibc, symbols } = inspect(join(root, 'packages/engine', path))
      assert.ok(
        glibc !== '' && glibc.localeCompare(floor, 'en', { numeric: true }) <= 0,
        `${path} needs glibc ${glibc}`,
      )
      assert.ok(!needed.some((name) => name.startsWith('libstdc++')), `${path} needs ${needed.join(', ')}`)
      assert.deepEqual(symbols, ['napi_register_module_v1', 'node_api_module_get_api_version_v1'], path)
    }
    for (const document of ['README.md', 'packages/engine/README.md', 'docs/engine.md']) {
      assert.ok(readText(document).includes(`glibc ${floor}`), `${document} does not say glibc ${floor}`)
    }
  },
)

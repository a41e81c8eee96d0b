// What a contributor meets first: wrong arguments of `npm start` and `npm test`, the stamp that decides whether the
// kernel is built, the lock between two set-ups, and the sample rule sets. The set-up itself is run by `npm test`.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { importCompiled, listFiles, readJson, root } from './checkout.ts'

const nativeBuild = await importCompiled('packages/engine/native/build.mjs')
const buildStamp = nativeBuild['buildStamp'] as (options?: { tests: boolean }) => string
const takeLock = nativeBuild['takeLock'] as (path: string) => () => void

function run(script: string, ...args: readonly string[]) {
  return spawnSync(process.execPath, [join(root, script), ...args], { cwd: root, encoding: 'utf8' })
}

for (const script of ['.ci/start.mjs', '.ci/test.mjs']) {
  test(`${script} refuses an option that it does not know, and says which it knows`, () => {
    const { status, stdout, stderr } = run(script, '--no-such-option')
    assert.equal(status, 2)
    assert.match(stderr, /--no-such-option[\s\S]*Usage: npm (start|test) -- \[--/)
    assert.equal(stdout, '')
  })
}

test('npm run build refuses arguments that it does not know, and names those it knows', () => {
  for (const args of [['--no-such-option'], ['--addon'], ['--tests', '--addon', 're2']]) {
    const { status, stdout, stderr } = run('.ci/set-up.mjs', ...args)
    assert.equal(status, 2, args.join(' '))
    assert.match(stderr, /Usage: npm run build -- \[--tests \| --addon NAME\]/)
    assert.equal(stdout, '')
  }
  const { status, stderr } = run('.ci/set-up.mjs', '--addon', 'left-pad')
  assert.equal(status, 1)
  assert.match(stderr, /no addon left-pad; .* re2, simdjson/)
})

test('npm run fuzz and npm run test:native refuse arguments that they do not know, and name the fuzz targets', () => {
  for (const args of [
    [],
    ['prove'],
    ['test', '--quick'],
    ['coverage', '--short'],
    ['fuzz', '--hours'],
    ['fuzz', '--hours', '-1'],
    ['fuzz', 'regex'],
  ]) {
    const { status, stdout, stderr } = run('.ci/native.mjs', ...args)
    assert.equal(status, 2, args.join(' '))
    assert.match(stderr, /Usage: npm run test:native -- \[--short\] \| /)
    assert.equal(stdout, '')
  }
  assert.match(run('.ci/native.mjs', 'fuzz', 'regex').stderr, /no fuzz target regex; there are values, framing, walk, /)
})

test('on a second Node few tests are left out, each of which there is, and of each part of the service some stay', async () => {
  const { filesOfNode, testFiles } = (await importCompiled('.ci/test-files.mjs')) as {
    filesOfNode: (files: readonly string[]) => string[]
    testFiles: () => string[]
  }
  const all = testFiles()
  const leftOut = all.filter((file) => !filesOfNode(all).includes(file))
  assert.ok(leftOut.includes('packages/engine/dist-test/native-core.test.js'), leftOut.join())
  assert.ok(leftOut.length < all.length / 8, `${leftOut.length} of ${all.length}`)
  // What servers/ tests is other programs, on any Node.
  for (const folder of new Set(
    leftOut.map((file) => dirname(file)).filter((each) => /\/service\/(?!.*\/servers)/.test(each)),
  )) {
    const inFolder = (file: string): boolean => dirname(file) === folder
    assert.ok(leftOut.filter(inFolder).length <= (all.filter(inFolder).length * 2) / 3, folder)
  }
  for (const file of leftOut) {
    const others = all.filter((each) => each !== file)
    assert.throws(() => filesOfNode(others), new RegExp(`${file} is listed .* there is no such test`))
  }
})

test('the benchmarks begin with a program that exists', () => {
  const { status, stderr } = run('.ci/bench.mjs', 'no-such-program')
  assert.equal(status, 1)
  assert.match(stderr, /main, peers, expect, operators/)
  for (const folder of ['.', 'benchmarks']) {
    const scripts = readJson(join(folder, 'package.json'))['scripts'] as Record<string, string>
    const names = [
      'bench',
      ...['peers', 'expect', 'operators', 'report', 'service', 'kafka'].map((name) => `bench:${name}`),
    ]
    for (const script of names) {
      const [, path = '', program] = /^node (\S+) (\w+)$/.exec(scripts[script] ?? '') ?? []
      assert.ok(existsSync(join(root, folder, path)), `${folder}/package.json: ${script}`)
      assert.ok(existsSync(join(root, 'benchmarks/src', `${program}.ts`)), `${folder}/package.json: ${script}`)
    }
  }
})

test('npm start -- --help prints its usage and does nothing else', () => {
  const { status, stdout } = run('.ci/start.mjs', '--help')
  assert.equal(status, 0)
  assert.match(stdout, /^Usage: npm start/)
})

test('npm start posts nothing to a service that is not its own', async () => {
  const server = createServer().listen(9881, '127.0.0.1')
  // Where the port is taken, somebody else listens there: as good.
  await Promise.race([once(server, 'listening'), once(server, 'error')]).catch(() => undefined)
  try {
    const { status, stdout, stderr } = run('.ci/start.mjs', '--once')
    assert.equal(status, 1, stdout)
    assert.match(stderr, /Another program listens on 127\.0\.0\.1:988[01]/)
  } finally {
    server.close()
  }
})

test('the kernel is built again when a flag changes, and only then', () => {
  const before = process.env['CXXFLAGS']
  const stamp = buildStamp()
  assert.equal(buildStamp(), stamp)
  assert.notEqual(buildStamp({ tests: true }), stamp, 'the test program has a stamp of its own')
  try {
    process.env['CXXFLAGS'] = `${before ?? ''} -g`
    assert.notEqual(buildStamp(), stamp)
  } finally {
    if (before === undefined) delete process.env['CXXFLAGS']
    else process.env['CXXFLAGS'] = before
  }
})

test('a lock is released, and one whose process is gone is taken over', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-lock-'))
  try {
    const path = join(folder, 'lock')
    const gone = spawnSync(process.execPath, ['-e', '']).pid
    writeFileSync(path, String(gone))
    const release = takeLock(path)
    assert.ok(existsSync(path))
    release()
    assert.ok(!existsSync(path))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

for (const path of listFiles('fixtures/rule-sets').filter((each) => /\.(ya?ml|json)$/.test(each))) {
  test(`${path} is right and passes its own tests`, () => {
    const { status, stdout, stderr } = run('packages/service/bin/weir.js', 'rules', 'check', path)
    assert.equal(status, 0, stdout + stderr)
  })
}

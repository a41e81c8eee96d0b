// Rule sets that are compiled in a thread of their own: what comes back, that errors are those of compiling here, and how
// the thread ends when it takes too long, too much memory, or is not wanted any more.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Engine } from '#src/engine.js'
import { compileRules, createEngine, limits, prepareRules, RuleSetError } from '#src/index.js'
import type { RuleSource } from '#src/index.js'
import { compileBeside, hungThreads } from '#src/prepared-rules.js'
import type { ThreadWays } from '#src/prepared-rules.js'
import { compilePosted, postedSource } from '#src/rules/compile.js'
import { otherRules, records, smallRules } from './engine-harness.js'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-prepared-'))
})
after(() => rm(folder, { recursive: true }))

const listRules =
  'version: 1\ndefault: drop\nrules:\n  - { id: a, when: { field: k, in: { file: list.txt } }, then: keep }\n'

/** Compiles beside this thread, in the way of tests. */
const compile = (ways: ThreadWays, source: RuleSource = smallRules) =>
  compileBeside({ source: postedSource(source), kernel: 'auto', runsTests: false }, ways)

const unusual = (how: string) => new URL(`./unusual-thread.js?how=${how}`, import.meta.url)

test('prepared rules tell what they are, and two engines take them as they were prepared', async () => {
  await writeFile(join(folder, 'list.txt'), '1\n')
  const prepared = await prepareRules({ text: listRules, directory: folder })
  await writeFile(join(folder, 'list.txt'), '0\n2\n')
  const { version, ruleIds, routes, destinations, listFiles, warnings } = prepared
  assert.deepEqual(
    { ruleIds, routes, destinations, listFiles, warnings },
    {
      ruleIds: ['a'],
      routes: ['keep', 'drop', 'malformed'],
      destinations: ['keep', 'drop'],
      listFiles: ['list.txt'],
      warnings: [],
    },
  )
  const created = await createEngine({ rules: prepared, threads: 1 })
  const loaded = await createEngine({ rules: smallRules, threads: 1 })
  assert.equal(await loaded.load(prepared), version)
  for (const engine of [created, loaded]) {
    assert.deepEqual([engine.version, engine.ruleIds, engine.routes], [version, ruleIds, routes])
    // On the calling thread, and on a worker.
    for (const count of [3, 3000]) assert.equal((await engine.evaluate(records(count))).counts.kept, count / 3)
    await engine.close()
  }
  const anew = compileRules({ text: listRules, directory: folder })
  assert.notEqual(anew.version, version)
})

test('problems are those of compiling on the calling thread, with their places', async () => {
  await writeFile(join(folder, 'bad.yaml'), 'version: 1\ndefault: keep\nrules: [')
  const cyclic: Record<string, unknown> = { version: 1, default: 'keep' }
  cyclic['rules'] = [cyclic, () => undefined, new Date(0), 7n, undefined]
  let nested: unknown = { field: 'k', equals: '1' }
  for (let depth = 0; depth < 1300; depth++) nested = { all: [nested] }
  const sources: unknown[] = [
    { text: 'version: 1\ndefault: keep\nrules:\n  - { id: a, when: { field: statuscode, serch: y }, then: kep }\n' },
    { text: '{"version":1,"rules":[{"id":"ä","when":{"field":"x","search":"("},"then":"keep"}]}', format: 'json' },
    { text: listRules.replace('list', 'nowhere'), directory: folder, name: 'posted' },
    { text: listRules, directory: folder, listFiles: 'refused' },
    join(folder, 'bad.yaml'),
    pathToFileURL(join(folder, 'nowhere.yaml')),
    new URL('https://example.com/rules.yaml'),
    cyclic,
    { version: 1, default: 'keep', rules: [{ id: 'deep', when: nested, then: 'drop' }] },
    undefined,
    { filters: [{ fieldName: '..', regex: '(?<=a)b', include: true }] },
  ]
  for (const source of sources as RuleSource[]) {
    let expected: unknown
    try {
      compileRules(source)
    } catch (error) {
      expected = error
    }
    assert.ok(expected instanceof RuleSetError)
    await assert.rejects(prepareRules(source), (error: unknown) => {
      assert.ok(error instanceof RuleSetError)
      const { code, message, issues, warnings, details } = error
      assert.deepEqual(
        { code, message, issues, warnings, details },
        {
          code: expected.code,
          message: expected.message,
          issues: expected.issues,
          warnings: expected.warnings,
          details: expected.details,
        },
      )
      return true
    })
  }
})

test('the rule set’s own tests are run once, and those that fail are told, the first hundred of them', async () => {
  const wrong = Array.from({ length: 150 }, (_, i) => ({ name: `no ${i}`, record: { k: i }, expect: 'malformed' }))
  const tests = [{ name: 'kept', record: { k: 1 }, expect: 'keep' }, ...wrong]
  const prepared = await prepareRules({ ...smallRules, tests })
  assert.equal(prepared.tests.count, 151)
  assert.equal(prepared.tests.failed, 150)
  assert.equal(prepared.tests.failures.length, limits.failuresListed)
  const { version } = prepared
  assert.deepEqual(prepared.tests.failures[2], {
    name: 'no 2',
    passed: false,
    expected: { route: 'malformed' },
    actual: { route: 'side', rule: 'two', reason: undefined, version },
  })
  assert.deepEqual((await prepareRules(smallRules, { kernel: 'portable' })).tests, {
    count: 0,
    failed: 0,
    failures: [],
  })
})

test('what an object holds is read before the call returns', async () => {
  const rules = structuredClone(smallRules) as { default: string }
  const engine = await createEngine({ rules: otherRules, threads: 1 })
  const [preparing, loading] = [prepareRules(rules as never), engine.load(rules as never)]
  rules.default = 'nonsense'
  assert.equal((await preparing).version, compileRules(smallRules).version)
  assert.equal(await loading, compileRules(smallRules).version)
  await engine.close()
})

test('rules count delays by the time field that they were prepared with, and go to engines with that one alone', async () => {
  const engine = await createEngine({ rules: smallRules, threads: 1, timeField: 't' })
  const prepared = await prepareRules(otherRules, { timeField: 't' })
  await engine.load(prepared)
  assert.equal((await engine.evaluate(records(3))).counts.delays?.missing, 2)
  const [other, none] = [await prepareRules(smallRules, { timeField: 'u' }), await prepareRules(smallRules)]
  await assert.rejects(engine.load(other), { code: 'ERR_CONFIG_INVALID', message: /time field "u", .* has "t"/ })
  await assert.rejects(engine.load(none), { code: 'ERR_CONFIG_INVALID', message: /time field none/ })
  await assert.rejects(createEngine({ rules: prepared, threads: 1 }), { code: 'ERR_CONFIG_INVALID' })
  assert.equal(engine.version, prepared.version)
  await engine.close()
  await assert.rejects(prepareRules(smallRules, { timeField: '' }), { code: 'ERR_CONFIG_INVALID' })
  await assert.rejects(prepareRules(smallRules, { thread: 1 } as never), { code: 'ERR_CONFIG_INVALID' })
})

test('a thread that takes too long is ended, later where it has much to read', async () => {
  // The longer times are of a machine that lends this process hardly any processor.
  await assert.rejects(compile({ compileMs: 100, url: unusual('busy') }), {
    code: 'ERR_RULESET_TOO_COSTLY',
    message: /^The rule set takes longer than (100|600) ms to compile/,
  })
  const text = ' '.repeat(3 * limits.compileBytes)
  await assert.rejects(compile({ compileMs: 100, url: unusual('busy') }, { text, name: 'web' }), {
    code: 'ERR_RULESET_TOO_COSTLY',
    message: /^web takes longer than (400|2400) ms to compile/,
  })
  // Nobody works here, and after a time that does not matter either.
  await assert.rejects(compile({ compileMs: 1_000 / limits.compileWaitFactor, url: unusual('stuck') }), {
    code: 'ERR_RULESET_TOO_COSTLY',
    message: /^The rule set takes longer than 1000 ms to compile/,
  })
  assert.equal(hungThreads(), 0)
  const sizes: number[] = []
  await writeFile(join(folder, 'list.txt'), '1\n2\n')
  await writeFile(join(folder, 'list.yaml'), listRules)
  compilePosted(postedSource(join(folder, 'list.yaml')), undefined, (bytes) => sizes.push(bytes))
  assert.deepEqual(sizes, [listRules.length, 4])
})

test('a thread that runs out of memory ends alone, and that is told as too costly', async () => {
  const entries = Array.from({ length: 200_000 }, (_, i) => `entry-${i}`).join(', ')
  const text = `version: 1\ndefault: drop\nrules: [{ id: a, when: { field: k, in: [${entries}] }, then: keep }]\n`
  const resourceLimits = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 8 }
  await assert.rejects(compile({ resourceLimits }, { text }), {
    code: 'ERR_RULESET_TOO_COSTLY',
    message: /more memory/,
  })
})

test('a thread that cannot start, or ends before it has answered, is told as such', async () => {
  await assert.rejects(compile({ url: unusual('exit') }), { code: 'ERR_ENGINE_WORKER_LOAD', message: /exit code 3/ })
  await assert.rejects(compile({ url: new URL('file:///nowhere.js') }), {
    code: 'ERR_ENGINE_WORKER_LOAD',
    message: /nowhere\.js/,
  })
})

test('a signal ends the work with its reason', async () => {
  const stop = new AbortController()
  const waiting = compile({ url: unusual('stuck'), signal: stop.signal })
  stop.abort(new Error('not wanted'))
  await assert.rejects(waiting, /not wanted/)
  await assert.rejects(prepareRules(smallRules, { signal: stop.signal }), /not wanted/)
})

test('closing an engine ends a load, and does not wait for its time', async () => {
  const engine = await Engine.create({ rules: smallRules, threads: 1 }, { rulesThread: { url: unusual('stuck') } })
  const loading = assert.rejects(engine.load(otherRules), { code: 'ERR_ENGINE_CLOSED' })
  await engine.close()
  await loading
})

test('a thread that a system call holds is given up, counted, and leaves the engine usable', async () => {
  const pipe = join(folder, 'pipe.yaml')
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0)
  // Time enough for the thread to come to the pipe.
  const ways = { compileMs: 500, endMs: 50 }
  const engine = await Engine.create({ rules: smallRules, threads: 1 }, { rulesThread: ways })
  const before = engine.version
  await assert.rejects(engine.load(pipe), { code: 'ERR_RULESET_TOO_COSTLY' })
  assert.equal(engine.stats().workersHung, 1)
  assert.equal(engine.version, before)
  assert.equal((await engine.evaluate(records(3000))).records, 3000)
  await engine.close()
  // Sets the thread free, which else would keep this process.
  await (await open(pipe, 'r+')).close()
})

// Every error code is thrown here at least once by the engine itself, each with a message that names the matter; and
// errors survive the way between threads.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, open, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import type { ErrorCode } from '#src/errors.js'
import { ConfigError, decodeError, encodeError, EngineError, errorCodes, RuleSetError, WeirError } from '#src/errors.js'
import { Engine } from '#src/engine.js'
import type { EngineOptions } from '#src/index.js'
import { createEngine, limits } from '#src/index.js'
import { failingEngine, heldDeadlineMs, holdDeadlines, records, smallRules } from './engine-harness.js'

const thrown = new Set<ErrorCode>()
let engine: Engine
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-errors-'))
  engine = await createEngine({ rules: smallRules, threads: 1, batchBytes: 4096 })
})
after(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

/** Asserts that `call` fails with the code, in the class that the table names, and returns the error. */
async function expectCode(code: ErrorCode, call: () => unknown, message: RegExp): Promise<WeirError> {
  let error: unknown
  try {
    await call()
  } catch (caught) {
    error = caught
  }
  assert.ok(error instanceof WeirError, `${code} is thrown, not ${String(error)}`)
  assert.equal(error.code, code, error.message)
  assert.match(error.message, message)
  const kinds = { 'rule-set': RuleSetError, config: ConfigError, engine: EngineError }
  assert.ok(error instanceof kinds[errorCodes[code].kind])
  thrown.add(code)
  return error
}

test('ERR_RULESET_INVALID: a rule set with problems, all of them listed', async () => {
  const rules = { text: 'version: 1\ndefault: keep\nrules:\n  - { id: a, when: { field: x, serch: y }, then: kep }\n' }
  const error = await expectCode('ERR_RULESET_INVALID', () => createEngine({ rules }), /./)
  assert.ok(error instanceof RuleSetError && error.issues.length >= 2)
  assert.equal(error.issues[0]?.line, 4)
})

test('ERR_RULESET_UNREADABLE: a rule file that is not there', async () => {
  const rules = join(folder, 'nowhere.yaml')
  await expectCode('ERR_RULESET_UNREADABLE', () => createEngine({ rules }), /nowhere\.yaml/)
})

test('ERR_RULESET_TOO_COSTLY: a rule set that is not compiled in its time', async () => {
  const internals = { rulesThread: { compileMs: 1 } }
  const own = await Engine.create({ rules: smallRules, threads: 1 }, internals)
  const error = await expectCode('ERR_RULESET_TOO_COSTLY', () => own.load(smallRules), /longer than \d ms/)
  assert.ok(error instanceof RuleSetError && error.issues.length === 1)
  await own.close()
})

test('ERR_CONFIG_INVALID: options out of range, of the wrong type, or unknown', async () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ threads: 0 }, /`threads` cannot be 0: give an integer from 1 to 256\./],
    [{ threads: 1.5 }, /threads/],
    [{ threads: '2' }, /`threads` cannot be "2"/],
    [{ batchBytes: 4095 }, /`batchBytes`.*4096 to/],
    [{ batchBytes: limits.batchBytes.most + 1 }, /batchBytes/],
    [{ maxRecordBytes: 63 }, /`maxRecordBytes`.*64 to/],
    [{ batchDeadlineMs: 0 }, /batchDeadlineMs/],
    [{ kernel: 'wasm' }, /`kernel` cannot be "wasm": give one of "auto", "native", "portable"\./],
    [{ validation: 'never' }, /`validation`/],
    [{ thread: 2 }, /no option `thread`/],
    [{ rules: undefined }, /`rules`/],
  ]
  for (const [options, message] of wrong) {
    const all = { rules: smallRules, ...options } as unknown as EngineOptions
    await expectCode('ERR_CONFIG_INVALID', () => createEngine(all), message)
  }
  await expectCode('ERR_CONFIG_INVALID', () => createEngine(undefined as unknown as EngineOptions), /`options`/)
})

test('ERR_CONFIG_INVALID: arguments of the wrong type', async () => {
  const loose = engine as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  const onBatch = (): void => undefined
  const wrong: [() => unknown, RegExp][] = [
    [() => loose['evaluate']!('{}'), /`ndjson`/],
    [() => loose['evaluateMany']!([Buffer.from('{}'), '{}']), /`values\[1\]`/],
    [() => loose['evaluateMany']!(Buffer.from('{}')), /`values`/],
    [() => loose['filterBatches']!([records(1)], {}), /`onBatch`/],
    [() => loose['filterBatches']!(['{}'], { onBatch }), /encoding/],
    [() => loose['filterBatches']!(records(1), { onBatch }), /put a single one into an array/],
    [() => loose['filterBatches']!(7, { onBatch }), /`source`/],
    [() => loose['filterBatches']!([], { onBatch, route: 'keep' }), /no option `route`/],
    [() => loose['filterBatches']!([], { onBatch, batchAgeMs: -1 }), /`batchAgeMs`/],
    [() => loose['filterFile']!('path', { onBatch }), /`handle`/],
  ]
  for (const [call, message] of wrong) await expectCode('ERR_CONFIG_INVALID', call, message)
  const handle = await open(folder)
  await expectCode('ERR_CONFIG_INVALID', () => engine.filterFile(handle, { onBatch }), /a regular file/)
  await handle.close()
})

test('ERR_ENGINE_UNKNOWN_ROUTE: a route that the rule set does not have', async () => {
  const verdict = await engine.evaluate(records(3))
  await expectCode(
    'ERR_ENGINE_UNKNOWN_ROUTE',
    () => verdict.gather('kept'),
    /"kept".*"keep", "drop", "malformed", "side"/,
  )
  const call = (): unknown => engine.filterBatches([], { routes: ['keep', 'nowhere'], onBatch: () => undefined })
  await expectCode('ERR_ENGINE_UNKNOWN_ROUTE', call, /"nowhere"/)
  await expectCode('ERR_ENGINE_UNKNOWN_ROUTE', () => engine.filter([], { route: 'x' }).next(), /"x"/)
})

test('ERR_ENGINE_VERDICT_RELEASED: the arrays or bytes of a verdict after its release', async () => {
  const verdict = await engine.evaluate(records(3))
  verdict.release()
  await expectCode('ERR_ENGINE_VERDICT_RELEASED', () => verdict.gather('keep'), /release/)
  await expectCode('ERR_ENGINE_VERDICT_RELEASED', () => verdict.recordStarts, /release/)
  assert.equal(verdict.counts.records, 3)
})

test('ERR_ENGINE_INPUT_TOO_LARGE: more bytes than one call can address', async () => {
  // Pages that are never touched take no memory.
  const huge = new Uint8Array(limits.evaluateBytes + 1)
  await expectCode('ERR_ENGINE_INPUT_TOO_LARGE', () => engine.evaluate(huge), /1073741825 bytes/)
  const half = huge.subarray(0, 1 << 29)
  await expectCode('ERR_ENGINE_INPUT_TOO_LARGE', () => engine.evaluateMany([half, half]), /1073741826 bytes/)
})

test('ERR_ENGINE_READ: a file that became shorter while it was read', async () => {
  const path = join(folder, 'shrinking.ndjson')
  await writeFile(path, records(20_000))
  const handle = await open(path)
  const onBatch = async (): Promise<void> => truncate(path, 100)
  await expectCode('ERR_ENGINE_READ', () => engine.filterFile(handle, { onBatch }), /lacks byte \d+/)
  await handle.close()
  assert.equal(engine.stats().slabsInUse, 0)
})

test('ERR_ENGINE_CLOSED: any call after close()', async () => {
  const own = await createEngine({ rules: smallRules, threads: 1 })
  await own.close()
  const onBatch = (): void => undefined
  for (const call of [
    () => own.evaluate(records(1)),
    () => own.evaluateMany([records(1)]),
    () => own.filter([records(1)]).next(),
    () => own.filterBatches([records(1)], { onBatch }),
    () => own.load(smallRules),
  ]) {
    await expectCode('ERR_ENGINE_CLOSED', call, /closed/)
  }
})

test('ERR_ENGINE_WORKER_LOST: a worker that dies twice on one batch', async () => {
  const failing = await failingEngine({ threads: 1 })
  failing.fail('exit', 2)
  await expectCode('ERR_ENGINE_WORKER_LOST', () => failing.engine.evaluate(records(2000)), /exit/)
  await failing.engine.close()
})

test('ERR_ENGINE_WORKER_HUNG: a batch that exceeds its deadline twice', async (t) => {
  const deadlines = holdDeadlines()
  t.after(deadlines.restore)
  const failing = await failingEngine({ threads: 1, batchDeadlineMs: heldDeadlineMs })
  failing.fail('block', 2)
  const told = expectCode('ERR_ENGINE_WORKER_HUNG', () => failing.engine.evaluate(records(2000)), /100000 ms/)
  for (const blocked of [1, 2]) await deadlines.pass(failing, blocked)
  await told
  await failing.engine.close()
})

test('ERR_ENGINE_WORKER_LOAD: a worker that cannot start', async () => {
  const failLoad = new SharedArrayBuffer(4)
  new Int32Array(failLoad)[0] = 1
  await expectCode('ERR_ENGINE_WORKER_LOAD', () => failingEngine({}, {}, { failLoad }), /cannot be loaded/)
})

test('ERR_ENGINE_KERNEL_FAULT: a kernel that fails in a worker, with its code and reason', async () => {
  const failing = await failingEngine()
  failing.fail('failWarm', 1)
  await expectCode('ERR_ENGINE_KERNEL_FAULT', () => failing.engine.load(smallRules), /program/)
  await failing.engine.close()
})

test('ERR_ENGINE_KERNEL_UNAVAILABLE: the native kernel where there is none', async () => {
  const source = fileURLToPath(new URL('../dist', import.meta.url))
  const bare = join(folder, 'engine')
  await cp(source, join(bare, 'dist'), { recursive: true })
  await writeFile(join(bare, 'package.json'), '{"type":"module"}')
  // The packages that it needs, wherever they are installed.
  const modules = fileURLToPath(new URL('../..', import.meta.resolve('piscina')))
  await symlink(modules, join(folder, 'node_modules'))
  const index = pathToFileURL(join(bare, 'dist', 'index.js')).href
  const script = `
    const { createEngine } = await import(${JSON.stringify(index)})
    const rules = ${JSON.stringify(smallRules)}
    const engine = await createEngine({ rules, threads: 1 })
    const { name, fallback } = engine.kernel
    await engine.close()
    const error = await createEngine({ rules, threads: 1, kernel: 'native' }).catch((error) => error)
    console.log(JSON.stringify({ name, fallback, code: error.code, message: error.message }))`
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.equal(child.status, 0, child.stderr)
  const { name, fallback, code, message } = JSON.parse(child.stdout) as Record<string, string>
  assert.equal(name, 'portable')
  assert.match(fallback!, /cannot be loaded/)
  assert.equal(code, 'ERR_ENGINE_KERNEL_UNAVAILABLE')
  assert.match(message!, /weir\.node/)
  thrown.add('ERR_ENGINE_KERNEL_UNAVAILABLE')
})

test('every code of the table was thrown above', () => {
  const missing = (Object.keys(errorCodes) as ErrorCode[]).filter((code) => !thrown.has(code))
  assert.deepEqual(missing, [])
})

test('class, prefix and kind of a code agree', () => {
  const prefixes = { 'rule-set': 'ERR_RULESET_', config: 'ERR_CONFIG_', engine: 'ERR_ENGINE_' }
  for (const [code, { kind }] of Object.entries(errorCodes)) assert.ok(code.startsWith(prefixes[kind]), code)
})

test('an error is the same after the way between threads', () => {
  const errors = [
    new EngineError('ERR_ENGINE_READ', 'gone', { details: { position: 6 } }),
    new ConfigError('ERR_CONFIG_INVALID', 'wrong', { option: 'threads' }),
    new RuleSetError('ERR_RULESET_INVALID', 'bad', [{ path: 'rules[0]', message: 'No.', line: 3 }]),
  ]
  const { port1, port2 } = new MessageChannel()
  for (const error of errors) {
    port1.postMessage(encodeError(error))
    const { message } = receiveMessageOnPort(port2) as { message: ReturnType<typeof encodeError> }
    const decoded = decodeError(message)
    assert.equal(decoded.constructor, error.constructor)
    assert.deepEqual(
      [decoded.code, decoded.message, decoded.details, decoded.stack],
      [error.code, error.message, error.details, error.stack],
    )
  }
  port1.close()
})

test('an error of no known kind is a kernel fault, with its message', () => {
  const decoded = decodeError(encodeError(new TypeError('not a function')))
  assert.deepEqual([decoded.code, decoded.message], ['ERR_ENGINE_KERNEL_FAULT', 'not a function'])
  assert.equal(
    decodeError({ code: 'ERR_NEW', message: 'm', details: {}, stack: undefined }).code,
    'ERR_ENGINE_KERNEL_FAULT',
  )
})

// Nothing is left open: a process that used an engine and closed it ends by itself, whatever happened in between.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const index = new URL('../dist/index.js', import.meta.url).href
const harness = new URL('./engine-harness.js', import.meta.url).href

/** Runs a module's text in a process of its own, which must end by itself, and returns what it printed. */
function run(body: string): string {
  const script = `
    import { createEngine } from ${JSON.stringify(index)}
    import { failingEngine, heldDeadlineMs, holdDeadlines, records, smallRules, textOf } from ${JSON.stringify(harness)}
    import { createReadStream } from 'node:fs'
    import { PassThrough, Readable } from 'node:stream'
    ${body}
    // A request to the file system ends by itself, and on a busy machine late.
    const ignored = /^(TTY|Pipe|FS)Wrap$|^FSReq(Promise|Callback)$|^CloseReq$|^Immediate$/
    const open = () => process.getActiveResourcesInfo().filter((name) => !ignored.test(name))
    // The port of a thread that has ended is closed some turns of the event loop later, and where the thread has to wait for
    // a processor many.
    const latest = performance.now() + 60_000
    const isEnding = () => open().length > 0 && open().every((name) => name === 'MessagePort') && performance.now() < latest
    for (let turn = 0; turn < 100 || isEnding(); turn++) await new Promise(setImmediate)
    console.log(JSON.stringify(open()))`
  const child = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
    encoding: 'utf8',
    // A bound for what hangs, far beyond what a busy machine needs.
    timeout: 120_000,
  })
  assert.equal(child.signal, null, `the process does not end: ${child.stderr}`)
  assert.equal(child.status, 0, child.stderr)
  return child.stdout.trim()
}

test('a closed engine leaves nothing open', () => {
  const used = `
    const engine = await createEngine({ rules: smallRules, threads: 2, batchBytes: 4096 })
    await engine.evaluate(records(3000))
    await textOf(engine.filter([records(3000)]))
    for await (const chunk of engine.filter(Readable.from([records(3000)]))) break
    await engine.filterBatches([records(10)], { onBatch: () => { throw new Error() } }).catch(() => undefined)
    await engine.load(smallRules)
    await engine.close()`
  assert.equal(run(used), '[]')
})

test('an engine that was not closed does not keep the process running', () => {
  run(`
    const engine = await createEngine({ rules: smallRules, threads: 2, batchBytes: 4096 })
    await engine.evaluate(records(3000))`)
})

test('an engine that could not be created leaves nothing open', () => {
  assert.equal(run(`await createEngine({ rules: 'nowhere.yaml' }).catch(() => undefined)`), '[]')
  const unloadable = `
    const failLoad = new SharedArrayBuffer(4)
    new Int32Array(failLoad)[0] = 1
    await failingEngine({}, {}, { failLoad }).catch(() => undefined)`
  assert.equal(run(unloadable), '[]')
})

test('workers that died or hung leave nothing open', () => {
  const failed = `
    const deadlines = holdDeadlines()
    const failing = await failingEngine({ threads: 1, batchDeadlineMs: heldDeadlineMs })
    failing.fail('exit', 2)
    await failing.engine.evaluate(records(2000)).catch(() => undefined)
    failing.fail('block', 2)
    const hung = failing.engine.evaluate(records(2000)).catch(() => undefined)
    for (const blocked of [1, 2]) await deadlines.pass(failing, blocked)
    await hung
    failing.fail('none', 0)
    await failing.engine.evaluate(records(2000))
    await failing.engine.close()
    deadlines.restore()
    if (deadlines.pending().length > 0) throw new Error('deadlines are left')`
  assert.equal(run(failed), '[]')
})

test('many streams may share one signal without a warning', () => {
  const shared = `
    process.on('warning', (warning) => { throw warning })
    const engine = await createEngine({ rules: smallRules, threads: 1 })
    const { signal } = new AbortController()
    async function* slow() { for (let i = 0; i < 3; i++) { await new Promise(setImmediate); yield records(1) } }
    await Promise.all(Array.from({ length: 40 }, () => engine.filterBatches(slow(), { signal, onBatch() {} })))
    await Promise.all(Array.from({ length: 40 }, () => textOf(engine.filter(slow(), { signal }))))
    await engine.close()`
  assert.equal(run(shared), '[]')
})

test('verdicts that were dropped without a release do not pile up', () => {
  const piled = `
    const engine = await createEngine({ rules: smallRules, threads: 1, batchBytes: 1 << 20 })
    const input = records(20000)
    const drop = async () => { await engine.evaluate(input) }
    const collect = async () => { gc(); await new Promise(setImmediate) }
    for (let i = 0; i < 60; i++) {
      await drop()
      if (i % 20 === 0) await collect()
    }
    for (let i = 0; i < 100 && engine.stats().slabsInUse > 0; i++) await collect()
    if (engine.stats().slabsInUse !== 0) throw new Error('slabs in use: ' + engine.stats().slabsInUse)
    const megabytes = Math.round(process.memoryUsage.rss() / 1e6)
    if (megabytes > 250) throw new Error(megabytes + ' MB')
    await engine.close()`
  assert.equal(run(piled), '[]')
})

test('a source whose stream was stopped before it was read does not end the process', () => {
  const stopped = `
    const engine = await createEngine({ rules: smallRules, threads: 1 })
    const signal = AbortSignal.abort(new Error('not wanted'))
    async function* broken() { throw new Error('nobody asked') }
    for (const source of [createReadStream('nowhere.ndjson'), new PassThrough(), broken()]) {
      source.on?.('error', () => undefined)
      const error = await engine.filterBatches(source, { signal, onBatch() {} }).catch((error) => error)
      if (error !== signal.reason) throw error
      await new Promise(setImmediate)
    }
    await engine.close()`
  assert.equal(run(stopped), '[]')
})

test('rule sets that were replaced or refused leave no thread, no handle and no program behind', () => {
  const replaced = `
    import { readdirSync } from 'node:fs'
    import { Engine } from ${JSON.stringify(new URL('../dist/engine.js', import.meta.url).href)}
    import { prepareRules } from ${JSON.stringify(index)}
    const rulesOf = (round) => ({ ...smallRules, missing: ['round ' + round] })
    const threads = () => (process.platform === 'linux' ? readdirSync('/proc/self/task').length : 0)
    const programs = []
    for (const readyInPlaceMs of [1e9, -1]) {
      const engine = await Engine.create({ rules: rulesOf('first'), threads: 2 }, { readyInPlaceMs })
      await engine.evaluate(records(3000))
      await engine.load(rulesOf('second'))
      const before = threads()
      const swap = async (round) => {
        const prepared = await prepareRules(rulesOf(round))
        programs.push(new WeakRef(prepared))
        await engine.load(prepared)
        await engine.load({ ...rulesOf(round), default: 'nonsense' }).catch(() => undefined)
        await engine.evaluate(records(3000))
      }
      for (let round = 0; round < 8; round++) await swap(round)
      await engine.load(rulesOf('last'))
      // Those that new workers replaced end a little later.
      while (threads() > before) await new Promise(setImmediate)
      await engine.close()
    }
    const kept = () => programs.filter((each) => each.deref() !== undefined).length
    for (let turn = 0; turn < 100 && kept() > 0; turn++) { await new Promise(setImmediate); gc() }
    if (kept() > 0) throw new Error(kept() + ' programs are kept')`
  assert.equal(run(replaced), '[]')
})

test('rule sets that were replaced leave no memory behind', () => {
  const replaced = `
    const rulesOf = (round) => ({
      version: 1,
      default: 'drop',
      rules: Array.from({ length: 40 }, (_, i) => ({
        id: 'rule-' + i,
        when: { field: 'k', search: '\\\\pL{1,4}' + round + '-' + i + '(?:foo|bar|[0-9]{1,40})+' },
        then: 'keep',
      })),
    })
    const engine = await createEngine({ rules: rulesOf(0), threads: 2, batchBytes: 4096 })
    const texts = Buffer.from(Array.from({ length: 300 }, (_, i) => '{"k":"r\\u00e4tsel' + i + '-1"}\\n').join(''))
    const sizes = []
    for (let round = 1; round <= 15; round++) {
      await engine.load(rulesOf(round))
      await engine.evaluate(texts)
      await Promise.all([0, 1].map(() => textOf(engine.filter([texts]))))
      if (round % 5 !== 0) continue
      gc()
      // V8 lets this thread's heap grow while it is young, with what compiling rule sets leaves behind.
      const { rss, heapTotal } = process.memoryUsage()
      sizes.push((rss - heapTotal) / 1e6)
    }
    const grown = Math.round(sizes[2] - sizes[0])
    if (grown > 55) throw new Error('grown by ' + grown + ' MB: ' + sizes.map(Math.round))
    await engine.close()`
  assert.equal(run(replaced), '[]')
})

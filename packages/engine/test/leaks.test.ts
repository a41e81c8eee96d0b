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
    import { failingEngine, records, smallRules, textOf } from ${JSON.stringify(harness)}
    import { open } from 'node:fs/promises'
    import { Readable } from 'node:stream'
    ${body}
    console.log(JSON.stringify(process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe|FS)Wrap$|^FSReqPromise$|^CloseReq$/.test(name))))`
  const child = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 30_000,
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
    const failing = await failingEngine({ threads: 1, batchDeadlineMs: 800 }, { startDeadlineMs: 2_000 })
    failing.fail('exit', 2)
    await failing.engine.evaluate(records(2000)).catch(() => undefined)
    failing.fail('block', 2)
    await failing.engine.evaluate(records(2000)).catch(() => undefined)
    failing.fail('none', 0)
    await failing.engine.evaluate(records(2000))
    await failing.engine.close()`
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
    const input = records(40000)
    for (let i = 0; i < 300; i++) {
      await engine.evaluate(input)
      if (i % 20 === 0) { gc(); await new Promise(setImmediate) }
    }
    if (engine.stats().slabsInUse > 4) throw new Error('slabs in use: ' + engine.stats().slabsInUse)
    const megabytes = Math.round(process.memoryUsage.rss() / 1e6)
    if (megabytes > 250) throw new Error(megabytes + ' MB')
    await engine.close()`
  assert.equal(run(piled), '[]')
})

// Misuse that must not compile. Each marked line is an error to the compiler; were one to become allowed, the mark
// itself would be an error. Nothing here runs but the last test.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchResult, Counts, Engine, EngineOptions, RuleSet, Verdict } from '#src/index.js'
import { compileRules, createEngine, EngineError, prepareRules } from '#src/index.js'

/** Never called: it is there to be compiled. */
export async function misuse(engine: Engine, verdict: Verdict, result: BatchResult, counts: Counts): Promise<void> {
  // @ts-expect-error rules are required
  await createEngine({ threads: 2 })
  // @ts-expect-error there is no option `thread`
  await createEngine({ rules: 'rules.yaml', thread: 2 })
  // @ts-expect-error sizes are numbers of bytes
  await createEngine({ rules: 'rules.yaml', batchBytes: '2MiB' })
  // @ts-expect-error there is no such kernel
  await createEngine({ rules: 'rules.yaml', kernel: 'wasm' })
  // @ts-expect-error there is no such validation mode
  await createEngine({ rules: 'rules.yaml', validation: 'none' })
  // @ts-expect-error undefined is not a way to leave an option out
  await createEngine({ rules: 'rules.yaml', threads: undefined })
  // @ts-expect-error what a test sets is not for users
  await createEngine({ rules: 'rules.yaml' }, { startDeadlineMs: 1 })

  // @ts-expect-error text is not bytes
  await engine.evaluate('{"a":1}\n')
  // @ts-expect-error several values go to evaluateMany
  await engine.evaluate([new Uint8Array(1)])
  // @ts-expect-error a single value goes to evaluate
  await engine.evaluateMany(new Uint8Array(1))
  // @ts-expect-error a stream of text is not a stream of bytes
  engine.filter(['{"a":1}\n'])
  // @ts-expect-error filter has one route
  engine.filter([new Uint8Array(1)], { routes: ['keep'] })
  // @ts-expect-error results need somewhere to go
  await engine.filterBatches([new Uint8Array(1)], {})
  // @ts-expect-error whether a batch is judged apart is answered at once
  await engine.filterBatches([], { onBatch: () => {}, onFailedBatch: () => {}, judgeApart: async () => true })
  // @ts-expect-error workers read a file's batches themselves
  await engine.filterFile({ fd: 1, stat: null! }, { onBatch: () => {}, judgeApart: () => true })
  // @ts-expect-error a path is not an open file
  await engine.filterFile('access.ndjson', { onBatch: () => undefined })
  // @ts-expect-error positions are numbers
  await engine.filterFile({ fd: 1, stat: null! }, { onBatch: () => undefined, start: 0n })

  // @ts-expect-error a promise is not a verdict
  engine.evaluate(new Uint8Array(1)).counts
  // @ts-expect-error verdicts are read, not written
  verdict.records = 1
  // @ts-expect-error counts are read, not written
  counts.kept = 1
  // @ts-expect-error results are read, not written
  result.segments = []
  // @ts-expect-error a route is named
  verdict.gather(0)
  // @ts-expect-error a verdict can be made only by an engine, and is here a type alone
  new Verdict({})

  // @ts-expect-error an engine is made by createEngine
  new Engine({})
  // @ts-expect-error there is no such code
  new EngineError('ERR_ENGINE_TIRED', 'no')
  // @ts-expect-error a code of another class
  new EngineError('ERR_CONFIG_INVALID', 'no')
  // @ts-expect-error prepared rules are made by prepareRules, and are no plain object
  await engine.load({ ...(await prepareRules('rules.yaml')) })
  // @ts-expect-error rules are prepared for a kernel, and not for a number of threads
  await prepareRules('rules.yaml', { threads: 2 })
  // @ts-expect-error compiling for single records takes a source
  compileRules(await prepareRules('rules.yaml'))
  // @ts-expect-error a filter has a pattern
  compileRules({ filters: [{ fieldName: 'a' }] })
  // @ts-expect-error a record is no number
  compileRules('rules.yaml').test(1)

  // @ts-expect-error every rule has a `then`
  const noAction: RuleSet = { version: 1, default: 'drop', rules: [{ id: 'a', when: { field: 'x', equals: '1' } }] }
  // @ts-expect-error there is no such operator
  const noOperator: RuleSet['rules'][0] = { id: 'a', when: { field: 'x', like: '1' }, then: 'keep' }
  void [noAction, noOperator]
}

test('what must compile does', () => {
  const options: EngineOptions = { rules: { text: 'version: 1', format: 'yaml' }, kernel: 'auto', validation: 'kept' }
  assert.equal(options.kernel, 'auto')
  assert.equal(misuse.length, 4)
})

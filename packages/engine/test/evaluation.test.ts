// What a verdict makes of the parts that it is given. Verdicts of real inputs are in engine.test.ts and cuts.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VerdictParts } from '#src/evaluation.js'
import { gatheredRoutes, Verdict } from '#src/evaluation.js'
import { compileRuleSet } from '#src/rules/compile.js'
import { noCounts } from '#src/stats.js'
import { smallRules } from './engine-harness.js'

const { plan } = compileRuleSet(smallRules).program
const names = plan.routes

/** Returns a verdict over `text` with segments of these routes, and with columns that nobody may look at. */
function verdictOf(text: string, segments: readonly (readonly [route: string, bytes: string])[]): Verdict {
  return new Verdict({
    plan,
    counts: noCounts(plan),
    bytes: Buffer.from(text),
    segments: segments.map(([route, bytes]) => ({ route: names.indexOf(route), bytes: Buffer.from(bytes) })),
    get columns(): VerdictParts['columns'] {
      throw new Error('a pass over all records')
    },
  })
}

test('what a kernel gathered is put together without a look at single records', () => {
  const verdict = verdictOf('a\nb\nc\nd', [
    ['keep', 'a\n'],
    ['side', 'b\n'],
    ['keep', 'c\nd\n'],
  ])
  assert.equal(Buffer.from(verdict.gather('keep')).toString(), 'a\nc\nd\n')
  assert.equal(Buffer.from(verdict.gather('side')).toString(), 'b\n')
  assert.equal(verdict.gather('malformed').length, 0)
  assert.throws(() => verdict.gather('drop'), /a pass over all records/)
  assert.throws(() => verdict.gather('nowhere'), { code: 'ERR_ENGINE_UNKNOWN_ROUTE' })
})

test('gathered bytes are the caller’s', () => {
  const verdict = verdictOf('a\n', [['keep', 'a\n']])
  verdict.gather('keep').fill(0)
  assert.equal(Buffer.from(verdict.gather('keep')).toString(), 'a\n')
})

test('every route but `drop` is gathered by the kernel', () => {
  assert.deepEqual(
    gatheredRoutes(plan).map((index) => names[index]),
    names.filter((name) => name !== 'drop'),
  )
})

// The gate on native instruction counts: what it makes of counts, and that its figures are whole. The counting itself is
// `npm run count:native`, which takes valgrind and a minute.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { importCompiled, readJson, root } from './checkout.ts'

interface Count {
  readonly records: number
  readonly kept: number
  readonly instructionsPerRecord: number
}
interface Counts {
  readonly environment: Readonly<Record<string, string>>
  readonly cases: Readonly<Record<string, Count>>
}

const gate = await importCompiled('.ci/count.mjs')
const judge = gate['judge'] as (measured: Counts, written: Counts) => { faults: string[]; difference?: string }
const countedCases = gate['countedCases'] as readonly string[]
const figures = readJson('packages/engine/native/instruction-counts.json') as unknown as Counts

const environment = { compiler: 'g++ 1.0.0', processor: 'haswell' }
const written: Counts = { environment, cases: { a: { records: 100, kept: 7, instructionsPerRecord: 1000 } } }

/** What the gate says of a count of the case `a`. */
function judged(count: Partial<Count>, name = 'a'): string[] {
  const measured = { environment, cases: { [name]: { ...written.cases['a']!, ...count } } }
  const { faults, difference } = judge(measured, written)
  assert.equal(difference, undefined)
  return faults
}

test('a count within three percent of its figure passes, on either side', () => {
  for (const instructionsPerRecord of [970, 1000, 1030]) assert.deepEqual(judged({ instructionsPerRecord }), [])
})

test('a count that is further away fails, also where it has become better, and says how to go on', () => {
  assert.match(
    judged({ instructionsPerRecord: 1031 })[0]!,
    /^a takes \+3\.10 % instructions\. callgrind_annotate .*a\.callgrind/,
  )
  assert.match(judged({ instructionsPerRecord: 900 })[0]!, /^a takes −10\.00 % instructions.*count:native -- --write/)
})

test('counts of other work are not compared, and fail', () => {
  assert.match(judged({ kept: 8 })[0]!, /^a keeps 8 of 100 records and not 7 of 100/)
  assert.match(judged({ records: 90 })[0]!, /^a keeps 7 of 90 records/)
  assert.match(judged({}, 'b')[0]!, /^b has no figure/)
})

test('counts of another compiler are not compared with the figures, and the difference is named', () => {
  const measured = { ...written, environment: { ...environment, compiler: 'g++ 2.0.0' } }
  const { faults, difference } = judge(measured, written)
  assert.deepEqual(faults, [])
  assert.match(difference ?? '', /^the figures are for compiler g\+\+ 1\.0\.0, and this is g\+\+ 2\.0\.0/)
})

test('there is a figure for each counted case, all of one environment, and each case is one of the benchmarks', () => {
  assert.deepEqual(Object.keys(figures.cases), countedCases)
  assert.deepEqual(Object.keys(figures.environment), ['compiler', 'flags', 'libc', 'valgrind', 'processor'])
  for (const [name, { records, kept, instructionsPerRecord }] of Object.entries(figures.cases)) {
    assert.ok(existsSync(join(root, 'benchmarks/cases', `${name}.json`)), name)
    assert.ok(records > 0 && kept > 0 && kept < records && instructionsPerRecord > 0, name)
  }
})

test('it refuses a case that it does not count, and figures of some cases only', () => {
  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [['no-such-case'], /no case no-such-case; there are one-rule, ten-rules, /],
    [['--write', 'unique'], /--write takes no cases/],
  ]
  for (const [args, reason] of refused) {
    const command = [join(root, '.ci/native.mjs'), 'count', ...args]
    const { status, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' })
    assert.equal(status, 2)
    assert.match(stderr, reason)
  }
})

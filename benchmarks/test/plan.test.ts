// The plan of a run: who shares rounds, and what a quick run leaves out.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BenchmarkCase } from '#src/cases.js'
import type { Contender, Model } from '#src/contender.js'
import { planUnits } from '#src/plan.js'

const caseOf = (name: string, rules = name, generator = 'ds2'): BenchmarkCase =>
  ({
    name,
    input: { generator },
    rules: { version: 1, default: 'drop', rules: [{ id: rules }] },
  }) as unknown as BenchmarkCase
const contenderOf = (model: Model, id: string): Contender => ({
  id,
  label: id,
  model,
  threads: 1,
  open: async () => ({ skipped: 'never opened' }),
})

const contenders = [
  contenderOf('compile', 'compile'),
  contenderOf('kernel', 'native'),
  contenderOf('kernel', 'portable'),
  contenderOf('command', 'jq'),
  contenderOf('start', 'node-start'),
]
const all = { isQuick: false, only: [], cases: [] }

function plan(cases: readonly BenchmarkCase[], options: Parameters<typeof planUnits>[2] = all): [string, string[]][] {
  return planUnits(cases, contenders, options).map(({ name, pairs }) => [
    name,
    pairs.map(({ case: each, contender }) => `${each.name} ${contender.id}`),
  ])
}

test('all models of a case share rounds, and starting is measured in one case', () => {
  assert.deepEqual(plan([caseOf('one-rule'), caseOf('ten-rules')]), [
    ['one-rule', ['compile', 'native', 'portable', 'jq'].map((id) => `one-rule ${id}`)],
    ['ten-rules', ['compile', 'native', 'portable', 'jq', 'node-start'].map((id) => `ten-rules ${id}`)],
  ])
})

test('cases that a target compares with each other share rounds', () => {
  const cases = ['generated-10', 'nested', 'generated-100', 'generated-1000'].map((name) => caseOf(name))
  assert.deepEqual(
    plan(cases).map(([name]) => name),
    ['generated-10,generated-100,generated-1000', 'nested'],
  )
})

test('rules that were compiled in an earlier case are not compiled again', () => {
  const [first, second] = plan([caseOf('unique', 'same'), caseOf('escapes', 'same')])
  assert.ok(first?.[1].includes('unique compile'))
  assert.ok(!second?.[1].includes('escapes compile'))
})

test('other forms of input are measured on ordinary records', () => {
  const forms = [contenderOf('command', 'weir-2'), contenderOf('command', 'weir-2-gzip')]
  const ids = (generator: string): string[] =>
    planUnits([caseOf('a-case', 'rules', generator)], forms, all).flatMap(({ pairs }) =>
      pairs.map(({ contender }) => contender.id),
    )
  assert.deepEqual(ids('ds2'), ['weir-2', 'weir-2-gzip'])
  assert.deepEqual(ids('records'), ['weir-2'])
})

test('a quick run has what targets are about, unless cases or contenders are named', () => {
  const cases = [caseOf('nested'), caseOf('ten-rules')]
  const quick = { ...all, isQuick: true }
  assert.deepEqual(plan(cases, quick), [
    ['ten-rules', ['compile', 'native', 'jq', 'node-start'].map((id) => `ten-rules ${id}`)],
  ])
  assert.deepEqual(
    plan(cases, { ...quick, cases: ['nested'] }).map(([name]) => name),
    ['nested', 'ten-rules'],
  )
  assert.equal(plan(cases, { ...quick, only: ['native'] }).length, 2)
})

// What rules cost and which changes pay, on rule sets where the answer is beyond doubt: with hundreds of costly patterns on
// the one side and nothing on the other.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { compileRules } from '@weir/engine'
import type { Counts, Rule, RuleSet } from '@weir/engine'

import type { Proposal } from '#src/tuning/advice.js'
import { tryProposals } from '#src/tuning/advice-trials.js'
import type { Interval } from '#src/tuning/intervals.js'
import { compareTimes, isSameOutcome, trialInput } from '#src/tuning/kernel-trials.js'
import { batchesFor, costsOf } from '#src/tuning/rule-costs.js'
import { decidingOnly, withRules } from '#src/tuning/rule-sets.js'

const kernel = compileRulesKernel()

/** The native kernel where there is one; these tests are about neither. */
function compileRulesKernel(): 'native' | 'portable' {
  try {
    compileRules({ version: 1, default: 'drop', rules: [] }, { kernel: 'native' }).release()
    return 'native'
  } catch {
    return 'portable'
  }
}

/** Values that never repeat, with no text that a pattern could be ruled out by. */
const bytes = Buffer.from(
  Array.from({ length: 20_000 }, (_, i) => `{"v":"${'abcdefghij'.repeat(12)}${i}","n":"${i % 10}"}\n`).join(''),
)
const input = trialInput(kernel, bytes, kernel === 'native' ? 1e9 : 1e7)
const hasTime = { isLeft: () => true }

/** Reads the whole value, again and again. */
const costly = (id: string, i = 0): Rule => ({
  id,
  when: { field: 'v', search: `[a-z]{${20 + (i % 40)}}[0-9]*[k-z]` },
  then: 'keep',
})
const cheap: Rule = { id: 'cheap', when: { field: 'n', equals: '3' }, then: 'keep' }
const setOf = (...rules: readonly Rule[]): RuleSet => ({ version: 1, default: 'drop', rules })

/** As if every rule took as long as the others: what is told must not hang on how busy the machine is. */
async function byRules(first: RuleSet, second: RuleSet): Promise<Interval> {
  const middle = (1 + first.rules.length) / (1 + second.rules.length)
  return { low: middle, middle, high: middle, samples: 9 }
}

function countsOf(byRule: readonly number[]): Counts {
  return { records: 400, byRule, byDefault: 400 - byRule.reduce((sum, count) => sum + count, 0) } as unknown as Counts
}

test('a costly rule costs more than a cheap one, by itself and in the set, and each has its share', async () => {
  const rules = setOf(...Array.from({ length: 20 }, (_, i) => costly(`costly${i}`, i)), cheap)
  const counts = countsOf([...rules.rules.slice(1).map(() => 0), 40])
  const costs = await costsOf(rules, counts, { input, time: hasTime, batches: 9, mostInSet: 1 })
  const byId = new Map(costs.rules.map((rule) => [rule.id, rule]))
  const [dear, little] = [byId.get('costly5')!, byId.get('cheap')!]
  assert.ok(dear.aloneNs! > 2 * little.aloneNs!, `${dear.aloneNs} against ${little.aloneNs}`)
  assert.ok(costs.setNs! > little.aloneNs!)
  assert.deepEqual([little.decided, dear.decided, costs.byDefault], [40, 0, 360])
  const inSet = costs.rules.filter((rule) => rule.inSet !== undefined)
  assert.equal(inSet.length, 1)
  assert.match(inSet[0]!.id, /^costly/)
})

test('rules for which there is no time have no cost, and those before keep theirs', async () => {
  const rules = setOf(costly('a'), costly('b'), cheap)
  let asked = 0
  const time = { isLeft: () => asked++ < 1 }
  const costs = await costsOf(rules, countsOf([0, 0, 40]), { input, time, batches: 1 })
  assert.deepEqual(
    costs.rules.map(({ aloneNs }) => aloneNs !== undefined),
    [true, false, false],
  )
  assert.equal(costs.setNs, undefined)
})

test('a change that pays and changes nothing is told, with its gain; the largest first', async () => {
  const idle = Array.from({ length: 30 }, (_, i) => costly(`idle${i}`, i))
  const rules = setOf(cheap, ...idle)
  const change = (kept: number): Proposal => ({
    kind: 'idle-rule',
    rules: idle.slice(kept).map(({ id }) => id),
    text: 'drop them',
    changed: withRules(rules, [cheap, ...idle.slice(0, kept)]),
  })
  const { advice, tried, untried } = await tryProposals(rules, [change(15), change(0)], [], input, hasTime, byRules)
  assert.deepEqual([tried, untried], [2, 0])
  assert.deepEqual(
    advice.map(({ rules: ids }) => ids.length),
    [30, 15],
  )
  assert.ok(advice[0]!.gain.low > 1)
  assert.ok(!('changed' in advice[0]!))
})

test('a change that sends records elsewhere is not told, however much it gains', async () => {
  const rules = setOf(...Array.from({ length: 20 }, (_, i) => costly(`costly${i}`, i)), cheap)
  const proposal: Proposal = { kind: 'decode', rules: ['cheap'], text: 'drop all', changed: withRules(rules, []) }
  assert.deepEqual((await tryProposals(rules, [proposal], [], input, hasTime, byRules)).advice, [])
  const bound: Proposal = { ...proposal, partOnly: rules }
  assert.equal((await tryProposals(rules, [bound], [], input, hasTime, byRules)).advice.length, 1)
})

test('a change that gains nothing is not told, and one without time is counted as untried', async () => {
  const rules = setOf(cheap)
  const proposal: Proposal = {
    kind: 'order',
    rules: ['cheap'],
    text: 'add',
    changed: setOf(costly('a'), costly('b', 7), cheap),
  }
  assert.deepEqual((await tryProposals(rules, [proposal], [], input, hasTime, byRules)).advice, [])
  const none = await tryProposals(rules, [proposal, proposal], [], input, { isLeft: () => false })
  assert.deepEqual([none.tried, none.untried], [0, 2])
})

test('proposals about the dearest rules are tried first', async () => {
  const rules = setOf(cheap, costly('dear'))
  const about = (id: string): Proposal => ({ kind: 'order', rules: [id], text: id, changed: rules, partOnly: rules })
  let asked = 0
  const time = { isLeft: () => asked++ < 1 }
  const seen: string[] = []
  const watched = ['cheap', 'dear'].map((id) => ({
    ...about(id),
    get changed() {
      seen.push(id)
      return rules
    },
  }))
  await tryProposals(rules, watched, ['dear', 'cheap'], input, time)
  assert.ok(seen.includes('dear') && !seen.includes('cheap'), seen.join(' '))
})

test('outcomes are the same only where every route is', async () => {
  const to = (route: string): Rule => ({ ...cheap, then: { route } })
  const other: Rule = { id: 'other', when: { field: 'n', equals: '4' }, then: { route: 'b' } }
  assert.equal(await isSameOutcome(setOf(to('a'), other), setOf(other, to('a')), input), true)
  assert.equal(await isSameOutcome(setOf(to('a'), other), setOf(to('b'), other), input), false)
  assert.equal(await isSameOutcome(setOf(cheap), setOf(), input), false)
  assert.equal(await isSameOutcome(setOf(cheap), setOf({ ...cheap, then: 'drop' }), input), false)
})

test('deciding is measured without what comes after it', () => {
  const { rules: changed, default: standard } = decidingOnly({ ...setOf(cheap), default: 'keep' })
  assert.deepEqual([changed[0]!.then, standard], ['drop', 'drop'])
})

test('a rule about values that never repeat does not become free by being measured again and again', async () => {
  const { middle } = await compareTimes(
    setOf(...Array.from({ length: 5 }, (_, i) => costly(`c${i}`, i))),
    setOf(),
    input,
  )
  assert.ok(middle > 2, String(middle))
})

test('the more rules there are, the fewer batches each is measured on, but three at least', () => {
  assert.equal(batchesFor(1, 4000), 15)
  assert.ok(batchesFor(100, 4000) < 15)
  assert.equal(batchesFor(1000, 4000), 3)
  assert.ok(input.input.batches >= 8)
})

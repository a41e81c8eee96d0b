// Cases and contenders: the committed answers hold, and every contender that is here gives them on a small input. Tools
// that are not installed are skipped with the reason; nothing is timed.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadCases, withRulesSeed } from '#src/cases.js'
import type { Contender, Run, Task } from '#src/contender.js'
import { differenceOf } from '#src/expected.js'
import type { Expected } from '#src/expected.js'
import { halvesOf, prepareInput } from '#src/inputs.js'
import { commandContenders } from '#src/models/command.js'
import { inProcessContenders } from '#src/models/in-process.js'
import { contendersOf } from '#src/peers/contenders.js'
import { peers } from '#src/peers/list.js'
import { readPlainly } from '#src/plain-reading.js'
import { skipWithout } from './required.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-test-'))
after(() => rmSync(folder, { recursive: true }))
const cases = loadCases(fileURLToPath(new URL('../cases', import.meta.url)))

/** The packages of one take minutes to build; the suite builds them when it is run. Peers have tests of their own. */
const elsewhere = new Set(['simdjson-re2', ...peers.flatMap(contendersOf).map(({ id }) => id)])
const tested = [...inProcessContenders, ...commandContenders].filter(({ id }) => !elsewhere.has(id))
/** What WEIR_REQUIRE calls the things that a contender cannot do without. */
const needs: Readonly<Record<string, string>> = {
  rg: 'rg',
  'rg-2': 'rg',
  ugrep: 'ugrep',
  'ugrep-2': 'ugrep',
  native: 'native',
}
/** Cases that every contender is run on; on the others those that do it in this process, and rg, which starts at once. */
const widely = new Set(['one-rule', 'ten-rules', 'hundred-rules'])
const narrowly = new Set(['json-parse', 'portable', 'native', 'engine-2', 'rg', 'rg-2'])
/** On the second input, which makes several batches. */
const onLarger = ['json-parse', 'portable', 'native', 'engine-2']
/** Where the portable kernel would take half a minute for that: it has been through the first input, and through others. */
const slowest = 'six-fields-1000'

test('there are the cases that the project measures, each with its own rules', () => {
  assert.deepEqual(
    cases.map(({ name, rules }) => [name, rules.rules.length]),
    [
      ['contains-10', 1],
      ['contains-100', 1],
      ['contains-2500', 1],
      ['hostile-prefixes', 1],
      ['hostile-statuses', 1],
      ['never-repeating', 1],
      ['one-rule', 1],
      ['pass-0.1', 2],
      ['pass-10', 2],
      ['pass-90', 2],
      ['nested', 8],
      ['escapes-half', 10],
      ['escapes', 10],
      ['generated-10', 10],
      ['hostile-keys', 10],
      ['key-orders', 10],
      ['malformed-tenth', 10],
      ['records-200B', 10],
      ['records-6KB', 10],
      ['repeated', 10],
      ['six-fields-10', 10],
      ['ten-rules', 10],
      ['unique', 10],
      ['white-space', 10],
      ['hostile-literals', 24],
      ['generated-100', 100],
      ['hostile-phases', 100],
      ['hostile-values', 100],
      ['hundred-rules', 100],
      ['six-fields-100', 100],
      ['generated-1000', 1000],
      ['six-fields-1000', 1000],
      ['thousand-rules', 1000],
    ],
  )
})

test('the table of METHODOLOGY.md has every case, with the number of its rules', () => {
  const text = readFileSync(fileURLToPath(new URL('../METHODOLOGY.md', import.meta.url)), 'utf8')
  const section = text.slice(text.indexOf('## Cases and inputs'), text.indexOf('## Answers before times'))
  const rows = Array.from(section.matchAll(/^\| `([^`]+)` +\| +([\d,]+) \|/gm), ([, name = '', count = '']) => [
    name,
    Number(count.replaceAll(',', '')),
  ])
  assert.equal(rows.length, cases.length)
  assert.deepEqual(
    Object.fromEntries(rows),
    Object.fromEntries(cases.map(({ name, rules }) => [name, rules.rules.length])),
  )
})

test('what the names of the cases promise, their answers keep', () => {
  const kept = (name: string): number => {
    const { byRoute, records } = cases.find((each) => each.name === name)!.expected[1]!
    return byRoute.keep / records
  }
  for (const [name, share] of [['pass-0.1', 0.001] as const, ['pass-10', 0.1] as const, ['pass-90', 0.9] as const]) {
    assert.ok(kept(name) > share * 0.7 && kept(name) < share * 1.3, `${name} keeps ${kept(name)}`)
  }
  // Records of both say the same things, so rules that fit both decide the same.
  const [repeated, unique] = ['repeated', 'unique'].map((name) => cases.find((each) => each.name === name)!)
  assert.deepEqual(
    unique!.expected.map(({ byRule }) => byRule),
    repeated!.expected.map(({ byRule }) => byRule),
  )
  // Literals that stand everywhere match nothing: what is kept is the sample.
  const literals = cases.find(({ name }) => name === 'hostile-literals')!
  for (const {
    byRule,
    byRoute: { keep },
  } of literals.expected)
    assert.equal(byRule.at(-2), keep)
  // The larger inputs come to records of the second kind.
  for (const name of ['hostile-phases', 'hostile-statuses']) {
    assert.ok(cases.find((each) => each.name === name)!.expected[1]!.records > 5000)
  }
  const [{ byRoute, records }] = cases.find(({ name }) => name === 'malformed-tenth')!.expected as [Expected]
  assert.equal(byRoute.malformed, records / 10)
})

for (const benchmarkCase of cases) {
  const { name, expected, rules } = benchmarkCase

  test(`${name}: a plain reading finds the committed answers`, async () => {
    assert.equal(expected.length, 2)
    for (const each of expected) {
      const { records, seed, ...answer } = each
      const input = prepareInput(folder, benchmarkCase.input, records, seed)
      assert.deepEqual(
        await readPlainly(rules, input.path),
        answer,
        `${records} records of seed ${seed}: npm run bench:expect`,
      )
    }
  })

  test(`${name}: the committed answers add up, and something is kept and something dropped`, () => {
    for (const { records, byRoute, byRule } of expected) {
      assert.equal(byRoute.keep + byRoute.drop + byRoute.malformed, records)
      assert.equal(byRule.length, rules.rules.length + 1)
      assert.equal(
        byRule.reduce((sum, count) => sum + count, byRoute.malformed),
        records,
      )
      assert.ok(byRoute.keep > 0 && byRoute.drop > 0)
    }
  })

  const taking = tested.filter(({ id }) => widely.has(name) || narrowly.has(id))
  const isFor = ({ id }: Contender): boolean => {
    if (id === 'native-original') return benchmarkCase.filters !== undefined
    return !('none' in benchmarkCase.rg && /^(?:rg|ugrep)/.test(id))
  }

  for (const contender of taking.filter((each) => !isFor(each))) {
    test(`${name}: ${contender.label} does not take part, and says why`, async () => {
      assert.match(
        (await compare(contender, taskOf(0))) ?? '',
        /^no agreeing command\. \w|has no filters of the original/,
      )
    })
  }

  for (const contender of taking.filter(isFor)) {
    test(`${name}: ${contender.label} gives the expected records`, async (context) => {
      const skipped = await compare(contender, taskOf(0))
      if (skipped === undefined) return
      context.skip(skipWithout(needs[contender.id] ?? 'native', false, skipped) || undefined)
    })
  }

  for (const id of onLarger.filter((each) => each !== 'portable' || name !== slowest)) {
    test(`${name}: ${id} gives the expected records of several batches`, async (context) => {
      const skipped = await compare(
        tested.find((each) => each.id === id)!,
        taskOf(1),
      )
      if (skipped === undefined) return
      context.skip(skipWithout('native', false, skipped) || undefined)
    })
  }

  const taskOf = (index: 0 | 1): Task => {
    const answer = expected[index]!
    const input = prepareInput(folder, benchmarkCase.input, answer.records, answer.seed)
    return { case: benchmarkCase, input, expected: answer, folder }
  }
}

/** Runs a contender twice, since the second run meets warm caches and used buffers; returns why it is skipped. */
async function compare(contender: Contender, task: Task): Promise<string | undefined> {
  const prepared = await contender.open(task)
  if ('skipped' in prepared) return prepared.skipped
  try {
    for (let i = 0; i < 2; i++) {
      const run: Run = await prepared.run()
      assert.ok(run.seconds > 0)
      assert.equal(differenceOf(await run.answer(), prepared.task?.expected ?? task.expected), undefined)
    }
  } finally {
    await prepared.close()
  }
  return undefined
}

test('rules of other seeds are answered alike by all that run in this process', async (context) => {
  const description = { generator: 'records', escapes: 'half', malformedEvery: 10 } as const
  const input = prepareInput(folder, description, 600, 1)
  for (const name of ['generated-10', 'generated-100', 'six-fields-100', 'contains-100']) {
    for (const seed of [11, 12, 13]) {
      const other = withRulesSeed(
        cases.find((each) => each.name === name)!,
        seed,
      )
      const answer = { records: 600, seed: 1, ...(await readPlainly(other.rules, input.path)) }
      const task: Task = { case: other, input, expected: answer, folder }
      for (const id of onLarger) {
        const skipped = await compare(
          tested.find((each) => each.id === id)!,
          task,
        )
        if (skipped !== undefined) context.diagnostic(String(skipWithout('native', false, skipped)))
      }
    }
  }
})

test('the halves of an input are whole lines and join to the input', async () => {
  const input = prepareInput(folder, { generator: 'ds2' }, 2000, 1)
  const [first, second] = (await halvesOf(input)).map((path) => readFileSync(path)) as [Buffer, Buffer]
  assert.equal(first.at(-1), 10)
  assert.ok(Math.abs(first.length - second.length) < 8192)
  assert.ok(Buffer.concat([first, second]).equals(readFileSync(input.path)))
})

// Peers: what each makes of every operator on values that are hard to quote, against the plain reading. One run of a peer
// answers for all operators: each record names the rule that it is for. Peers that are not installed are printed skips.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Predicate, RuleSet } from '@weir/engine'
import { loadCases } from '#src/cases.js'
import type { BenchmarkCase } from '#src/cases.js'
import type { Task } from '#src/contender.js'
import { outputOf } from '#src/contenders/command-line.js'
import { differenceOf, digest } from '#src/expected.js'
import type { Expected } from '#src/expected.js'
import { prepareInput } from '#src/inputs.js'
import { contendersOf, openWhole } from '#src/peers/contenders.js'
import { peers } from '#src/peers/list.js'
import type { Peer } from '#src/peers/peer.js'
import { reorderedAnswer, rewrittenAnswer } from '#src/peers/other-forms.js'
import { sliceOf } from '#src/peers/slice.js'
import { Inexpressible } from '#src/peers/translation.js'
import { decidingRule, readPlainly } from '#src/plain-reading.js'
import { blindSpots, ruleOf, texts, trials } from './peer-trials.ts'
import type { Trial } from './peer-trials.ts'
import { skipWithout } from './required.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-peers-'))
after(() => rmSync(folder, { recursive: true }))
const cases = loadCases(fileURLToPath(new URL('../cases', import.meta.url)))

/** The trials that the peer can express. */
function trialsFor(peer: Peer): readonly Trial[] {
  return trials.filter((trial) => {
    try {
      peer.translate(caseOf({ version: 1, default: 'drop', rules: [ruleOf(trial)] }, true))
      return true
    } catch (error) {
      if (error instanceof Inexpressible) return false
      throw error
    }
  })
}

function caseOf(rules: RuleSet, isPlain: boolean): BenchmarkCase {
  const input = { generator: 'records', whiteSpace: isPlain ? 'none' : 'spaced' } as const
  return { name: 'operators', description: '', input, rules, rg: { none: '' }, jq: { share: 1 }, expected: [] }
}

/** Writes with spaces and needless escapes where `isPlain` is not set. */
function write(record: object, isPlain: boolean): string {
  if (isPlain) return JSON.stringify(record)
  const text = JSON.stringify(record, undefined, 1).replaceAll(/\n\s*/g, ' ')
  return text.replaceAll('/', '\\/').replaceAll('"v"', '"\\u0076"').replaceAll('é', '\\u00e9')
}

/** A record as text, and whether the plain reading keeps it. */
interface Line {
  readonly text: string
  readonly isKept: boolean
}

function linesOf(peer: Peer, used: readonly Trial[], missing: readonly string[], isPlain: boolean): readonly Line[] {
  const deep = { list: [0, { x: 'abc' }], flag: true }
  return used.flatMap((trial) => {
    const rules: RuleSet = { version: 1, missing, default: 'drop', rules: [ruleOf(trial)] }
    const values = trial.values.filter((value) => blindSpots[peer.id]?.(value, isPlain) !== true)
    return values.map((v, i): Line => {
      const text = write({ t: trial.name, i: `${i}`, ...(v === undefined ? {} : { v }), deep }, isPlain)
      return { text, isKept: decidingRule(rules, Buffer.from(text)) === 0 }
    })
  })
}

function taskOf(name: string, rules: RuleSet, lines: readonly Line[], isPlain: boolean): Task {
  const own = join(folder, name)
  mkdirSync(own, { recursive: true })
  const path = join(own, 'input.ndjson')
  const written = (all: readonly Line[]): Buffer => Buffer.from(all.map(({ text }) => `${text}\n`).join(''))
  const bytes = written(lines)
  writeFileSync(path, bytes)
  const kept = lines.filter(({ isKept }) => isKept)
  const byRoute = { keep: kept.length, drop: lines.length - kept.length, malformed: 0 }
  const expected = { records: lines.length, seed: 0, byRoute, byRule: [], sha256: digest([written(kept)]) }
  const benchmarkCase = caseOf(rules, isPlain)
  const input = { description: benchmarkCase.input, path, bytes: bytes.length, records: lines.length, seed: 0 }
  return { case: benchmarkCase, input, expected, folder: own }
}

/** What was kept wrongly or not kept, each with its trial. */
function differences(output: string, lines: readonly Line[]): string {
  const name = (text: string): string => {
    const { t, v } = JSON.parse(text) as Record<string, unknown>
    return `${String(t)} ${JSON.stringify(v)}`
  }
  const kept = new Set(
    readFileSync(output, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map(name),
  )
  const wrong = lines.filter(({ text, isKept }) => kept.has(name(text)) !== isKept)
  return wrong.map(({ text, isKept }) => `${isKept ? 'lost' : 'kept'} ${name(text)}`).join('\n')
}

const installed = (peer: Peer): string | false =>
  skipWithout(peer.tool.name, peer.tool.find() !== undefined, 'npm run bench:peers')

/** Runs a peer on one core, or on two and then twice, since the second run finds the files of the first. */
async function assertAnswer(peer: Peer, threads: 1 | 2, task: Task, lines: readonly Line[]): Promise<void> {
  const prepared = await openWhole(peer, threads, task)
  for (let i = 0; i < threads; i++) {
    const run = await prepared.run()
    const difference = differenceOf(await run.answer(), task.expected)
    const output = outputOf(threads === 1 ? peer.id : `${peer.id}-${threads}`, task)
    assert.equal(difference, undefined, difference === undefined ? '' : `run ${i}: ${differences(output, lines)}`)
  }
  await prepared.close()
}

for (const peer of peers.filter((each) => trialsFor(each).length > 0)) {
  for (const isPlain of [true, false]) {
    const spelling = isPlain ? 'plain' : 'odd'
    const name = `${peer.label} says every operator as the plain reading does, records in ${spelling} spelling`
    test(name, { skip: installed(peer) }, async () => {
      const missing = isPlain ? [] : ['-', '^']
      const used = trialsFor(peer)
      const lines = linesOf(peer, used, missing, isPlain)
      const rules: RuleSet = { version: 1, missing, default: 'drop', rules: used.map(ruleOf) }
      await assertAnswer(peer, 1, taskOf(`${peer.id}-${spelling}`, rules, lines, isPlain), lines)
    })
  }

  test(`${peer.label} lets the first rule decide, on two cores too`, { skip: installed(peer) }, async () => {
    const equals = (v: string): Predicate => ({ field: 'v', equals: v })
    const rules: RuleSet = {
      version: 1,
      default: 'keep',
      rules: [
        { id: 'a', when: { any: [equals('a'), equals('both')] }, then: 'drop' },
        { id: 'b', when: { any: [equals('b'), equals('both')] }, then: 'keep' },
        { id: 'c', when: { any: [equals('b'), equals('c')] }, then: 'drop' },
        { id: 'd', when: equals('d'), then: 'keep' },
      ],
    }
    // Enough of them that a writer that does not wait for its reader would lose some.
    const values = ['a', 'b', 'both', 'c', 'd', 'none']
    const lines = Array.from({ length: 12_000 }, (_, i): Line => {
      const v = values[i % values.length]!
      const text = JSON.stringify({ t: 'first', i: String(i), v })
      return { text, isKept: decidingRule(rules, Buffer.from(text)) !== undefined && ['b', 'd', 'none'].includes(v) }
    })
    await assertAnswer(peer, 2, taskOf(`${peer.id}-first`, rules, lines, true), lines)
  })
}

for (const peer of peers.filter(({ id }) => id.startsWith('java-'))) {
  test(`${peer.label} passes what passes every filter`, { skip: installed(peer) }, async () => {
    const filters = [
      { fieldName: 'v', regex: '[^z]*"?.*\\\\?.*', include: true },
      { fieldName: 'v', regex: ".*(?:a\\.b|').*" },
      { fieldName: 'deep.flag', regex: 'true', include: true },
    ]
    const lines = texts
      .filter((text) => !text.includes('\n'))
      .map((v, i): Line => {
        const text = JSON.stringify({ t: 'filters', i: String(i), v, reqTimeSec: '1.5', deep: { flag: true } })
        return { text, isKept: !/a\.b|'/.test(v) }
      })
    const task = taskOf(peer.id, { version: 1, default: 'keep', rules: [] }, lines, true)
    await assertAnswer(peer, 2, { ...task, case: { ...task.case, filters } }, lines)
  })
}

/** Cases whose rules are the most various, on the first of their records: what is said of one operator is said of all. */
const variousCases = ['ten-rules', 'nested', 'hundred-rules', 'generated-100', 'malformed-tenth']

for (const benchmarkCase of cases.filter(({ name }) => variousCases.includes(name))) {
  for (const peer of peers) {
    test(`${benchmarkCase.name}: ${peer.label} gives the expected records, or says what it cannot`, async (context) => {
      const input = prepareInput(folder, benchmarkCase.input, 250, 1)
      const expected: Expected = { records: 250, seed: 1, ...(await readPlainly(benchmarkCase.rules, input.path)) }
      const task = { case: benchmarkCase, input, expected, folder }
      const [contender] = contendersOf(peer)
      const prepared = await contender!.open(task)
      if ('skipped' in prepared) {
        if (/^cannot express: \w/.test(prepared.skipped)) return
        return context.skip(skipWithout(peer.tool.name, false, prepared.skipped) || undefined)
      }
      const run = await prepared.run()
      assert.equal(differenceOf(await run.answer(), expected), undefined)
      await prepared.close()
    })
  }
}

test('a peer that needs long for its first records is given a share of the input, and as much as fits', async () => {
  const input = prepareInput(folder, { generator: 'ds2' }, 4000, 1)
  const benchmarkCase = cases.find(({ name }) => name === 'one-rule')!
  const expected: Expected = { records: 4000, seed: 1, ...(await readPlainly(benchmarkCase.rules, input.path)) }
  const task: Task = { case: benchmarkCase, input, expected, folder }
  const sliceFor = (secondsPerRecord: number) =>
    sliceOf(task, async (part) => 0.1 + part.input.records * secondsPerRecord)
  assert.equal((await sliceFor(0.000_01)).input, input)
  assert.equal((await sliceFor(0.001)).input.records, 4000)
  const slice = await sliceFor(0.005)
  assert.equal(slice.input.records, 1000)
  assert.equal(slice.input.bytes, statSync(slice.input.path).size)
  assert.ok(readFileSync(input.path).subarray(0, slice.input.bytes).equals(readFileSync(slice.input.path)))
  assert.deepEqual(slice.expected, {
    records: 1000,
    seed: 1,
    ...(await readPlainly(benchmarkCase.rules, slice.input.path)),
  })
  assert.equal((await sliceFor(1)).input.records, 250)
})

const keepsKeep: RuleSet = {
  version: 1,
  default: 'drop',
  rules: [{ id: 'a', when: { field: 'v', equals: 'keep' }, then: 'keep' }],
}

test('a record that is written anew counts by what it means', async () => {
  const lines = ['{"v":"keep","a":"\\u00e9","b":1}', '{"v":"drop"}'].map((text) => ({
    text,
    isKept: /keep/.test(text),
  }))
  const task = taskOf('rewritten', keepsKeep, lines, true)
  const answer = async (text: string): Promise<string | undefined> => {
    const output = join(task.folder, 'out')
    writeFileSync(output, text)
    return differenceOf(await rewrittenAnswer(task)(output), task.expected)
  }
  assert.equal(await answer('{ "v": "keep", "a": "é", "b": 1 }\n'), undefined)
  assert.match((await answer('{"v":"keep","a":"e","b":1}\n')) ?? '', /other bytes/)
  assert.match((await answer('{"v":"keep","b":1,"a":"é"}\n')) ?? '', /other bytes/)
  assert.match((await answer('')) ?? '', /keeps 0 records, not 1/)
})

test('records in another order are right, but no other record, and none twice', async () => {
  const lines = ['{"v":"keep","n":1}', '{"v":"drop"}', '{"v":"keep","n":2}'].map((text) => ({
    text,
    isKept: /keep/.test(text),
  }))
  const task = taskOf('reordered', keepsKeep, lines, true)
  const answer = async (...numbers: number[]): Promise<string | undefined> => {
    const output = join(task.folder, 'out')
    writeFileSync(output, numbers.map((n) => `{"v":"keep","n":${n}}\n`).join(''))
    return differenceOf(await reorderedAnswer(task)(output), task.expected)
  }
  assert.equal(await answer(1, 2), undefined)
  assert.equal(await answer(2, 1), undefined)
  assert.match((await answer(1, 1)) ?? '', /other bytes/)
  assert.match((await answer(1, 2, 2)) ?? '', /keeps 3 records, not 2/)
})

for (const peer of peers.filter(({ tool }) => tool.find() !== undefined)) {
  test(`${peer.label} that cannot run is an error, and nobody waits for it`, async () => {
    const rules: RuleSet = {
      version: 1,
      default: 'drop',
      rules: [{ id: 'a', when: { field: 'v', equals: 'a' }, then: 'keep' }],
    }
    const task = taskOf(`${peer.id}-broken`, rules, [{ text: '{"v":"a"}', isKept: true }], true)
    const broken: Peer = { ...peer, translate: () => 'no such thing ((' }
    const prepared = await openWhole(broken, 2, task)
    await assert.rejects(prepared.run(), /ended with \d/)
    await prepared.close()
  })
}

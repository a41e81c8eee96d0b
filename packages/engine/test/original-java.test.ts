// Filters of the original against the real thing: Jackson and java.util.regex, asked over generated patterns, numbers
// and records. WEIR_SEED and WEIR_RUNS as in oracle.test.ts. WEIR_RECORD=1 writes some of the answers to
// fixtures/original, where original.test.ts reads them on machines without Java.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { translateJavaPattern } from '#src/rules/java-translate.js'
import { compileRules } from '#src/compiled-rules.js'
import { createEngine } from '#src/engine.js'
import type { Kernel } from '#src/kernel/kernel.js'
import { decodeUtf8, javaDouble } from '#src/kernel/portable-original.js'
import { alikeInput, mixedInput } from './generators/records.ts'
import { originalSettings } from './generators/original-filters.ts'
import { javaPattern, textFor } from './generators/java-patterns.ts'
import { enumeratePatterns } from './java-enumeration.ts'
import { loadJavaPeer } from './java-peer.ts'
import { kernels } from './judge.ts'
import { compareOutcomes, writeRecorded } from './original-cases.ts'
import type { RecordCase } from './original-cases.ts'

const seedSetting = process.env['WEIR_SEED'] ?? '20240229'
const seed = seedSetting === 'random' ? Date.now() % 2 ** 31 : Number(seedSetting)
const runs = Number(process.env['WEIR_RUNS'] ?? 1000)

const peer = loadJavaPeer(import.meta.url)
const skip = peer.skip ?? false

test('patterns match what they match in Java, and those that Java refuses are refused', { skip }, (t) => {
  assert.ok(peer.skip === undefined)
  const patterns = [...new Set(fc.sample(javaPattern, { seed, numRuns: 5 * runs }))]
  const values = patterns.map((regex, i) => fc.sample(textFor(regex), { seed: seed + i, numRuns: 20 }))
  const answers = peer.ask(patterns.map((regex, i) => ({ regex, values: values[i] }))) as {
    error?: string
    matches?: string
  }[]
  writeRecorded(
    'patterns.json',
    patterns.slice(0, 600).map((regex, i) => ({ regex, values: values[i]!, ...answers[i]! })),
  )
  let taken = 0
  let legal = 0
  let matched = 0
  const wrong: string[] = []
  for (const [i, regex] of patterns.entries()) {
    const { error, matches = '' } = answers[i]!
    if (error === undefined) legal++
    const found = matchAll(regex, values[i]!)
    if (found === undefined) continue
    taken++
    if (error !== undefined) {
      wrong.push(`${JSON.stringify(regex)} is taken, and Java says: ${error}`)
      continue
    }
    for (const [k, value] of values[i]!.entries()) {
      if (matches[k] === '?' || found[k] === '-') continue
      if (found[k] === '1') matched++
      if (found[k] !== matches[k])
        wrong.push(`${JSON.stringify(regex)} on ${JSON.stringify(value)}: ${found[k]} instead of ${matches[k]}`)
    }
  }
  t.diagnostic(
    `${patterns.length} patterns, ${legal} legal in Java, ${taken} taken, ${matched} texts matched; seed ${seed}`,
  )
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} differences`)
  assert.ok(taken > legal * 0.5 && matched > taken * 0.5, 'the generator has become too wild')
})

test('small patterns match what they match in Java on every short text', { skip }, (t) => {
  assert.ok(peer.skip === undefined)
  const all = enumeratePatterns(seed, Math.ceil(runs / 5))
  const asked = all.flatMap(({ patterns, values }) => patterns.map((regex) => ({ regex, values })))
  const answers = peer.ask(asked) as { error?: string; matches?: string }[]
  const wrong: string[] = []
  const taken = asked.filter(({ regex, values }, i) => {
    const found = matchAll(regex, values)
    const { error, matches = '' } = answers[i]!
    if (found === undefined) return false
    const differs = values.filter((_, k) => matches[k] !== '?' && found[k] !== '-' && found[k] !== matches[k])
    if (error !== undefined) wrong.push(`${JSON.stringify(regex)} is taken, and Java says: ${error}`)
    else if (differs.length > 0) wrong.push(`${JSON.stringify(regex)} on ${JSON.stringify(differs.slice(0, 3))}`)
    return true
  })
  const kinds = all.map(({ kind, patterns, values }) => `${kind} ${patterns.length} × ${values.length}`)
  t.diagnostic(`${kinds.join(', ')}; ${taken.length} patterns taken; seed ${seed}`)
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} differences`)
  assert.ok(taken.length > asked.length * 0.2, 'too few patterns are taken')
})

/** Returns 1 or 0 for each value, `-` where nothing is promised; undefined when the pattern is refused. */
function matchAll(regex: string, values: readonly string[]): string | undefined {
  const translation = translateJavaPattern(regex)
  if ('message' in translation) return undefined
  let rules
  try {
    rules = compileRules({ filters: [{ fieldName: 'v', regex, include: true }] })
  } catch {
    return undefined
  }
  const answers = values.map((v) => {
    // Before Java 19, any letter made a word.
    if (translation.hasWordEdges && /[^\0-\x7f]/.test(v)) return '-'
    return rules.test({ v }).route === 'keep' ? '1' : '0'
  })
  rules.release()
  return answers.join('')
}

test('numbers have the text that Java 19 and later print', { skip }, (t) => {
  assert.ok(peer.skip === undefined)
  const bits = fc.sample(fc.bigInt(0n, 2n ** 63n - 1n), { seed, numRuns: 10 * runs })
  const doubles = bits.map((each) => new Float64Array(BigUint64Array.of(each).buffer)[0]!).filter(Number.isFinite)
  const powers = Array.from({ length: 2098 }, (_, i) => 2 ** (i - 1074))
  const tens = Array.from({ length: 633 }, (_, i) => Number(`1e${i - 324}`))
  const short = Array.from({ length: 2000 }, (_, i) => Number(`${i}e${(i % 40) - 20}`))
  const numbers = [...doubles, ...powers, ...tens, ...short, 5e-324, 2e-323, 2 ** 53 - 0.5, 9.5e-4, 1e7, 9999999.5]
  const written = numbers.map((number) => number.toExponential())
  const answers = peer.ask(written.map((number) => ({ number }))) as { text: string }[]
  const wrong = numbers.flatMap((number, i) =>
    javaDouble(number) === answers[i]!.text ? [] : [[javaDouble(number), answers[i]!.text]],
  )
  // A kernel shows its text of a number by what matches it: here fifty at a time, as an array's.
  for (let i = 0; i < written.length; i += 50) {
    const regex = `\\Q[${answers
      .slice(i, i + 50)
      .map(({ text }) => text)
      .join(', ')}]\\E`
    const rules = compileRules({ filters: [{ fieldName: 'a', regex, include: true }] })
    const { route } = rules.test(`{"a":[${written.slice(i, i + 50).join(',')}]}`)
    rules.release()
    if (route !== 'keep') wrong.push([`one of fifty from ${i}`, regex])
  }
  t.diagnostic(`${numbers.length} numbers`)
  assert.deepEqual(wrong.slice(0, 20), [])
})

test('records are kept, dropped and refused as Jackson and Java do', { skip }, (t) => {
  assert.ok(peer.skip === undefined)
  // Jackson takes characters beyond ASCII for hexadecimal digits when their low byte is one; docs/original.md names it.
  const isMistaken = (input: Buffer): boolean => /\\u[0-9A-Fa-f]{0,3}[^\0-\x7f]/.test(input.toString('latin1'))
  const drawn = fc.sample(fc.tuple(originalSettings, mixedInput), { seed, numRuns: runs })
  const samples = drawn.filter(([, input]) => !isMistaken(input))
  const requests = samples.map(([{ filters }, input]) => ({ filters, bytes: input.toString('base64') }))
  const answers = peer.ask(requests) as { outcomes: string[]; kept: string }[]
  const cases: RecordCase[] = requests.map((request, i) => ({ ...request, outcomes: answers[i]!.outcomes }))
  writeRecorded('records.json', cases.filter(({ bytes }) => bytes.length < 1000).slice(0, 150))
  let lines = 0
  for (const [name, { kernel }] of Object.entries(kernels) as [string, { kernel?: Kernel }][]) {
    if (kernel === undefined) continue
    for (const [i, each] of cases.entries()) {
      const kept: Buffer = Buffer.from(compareOutcomes(kernel, each, name), 'latin1')
      // What is no UTF-8 was lost to the original when it read the line; Weir's output holds it as it came.
      const text: string = Buffer.from(decodeUtf8(kept, 0, kept.length)).toString('base64')
      assert.equal(text, answers[i]!.kept, `${name}: kept lines of ${JSON.stringify(each)}`)
      lines += each.outcomes.length
    }
  }
  t.diagnostic(`${lines} lines, seed ${seed}`)
})

test('lines of envelopes are kept byte for byte as the original keeps them', { skip }, async (t) => {
  assert.ok(peer.skip === undefined)
  const inputs = fc.sample(alikeInput, { seed, numRuns: Math.ceil(runs / 50) })
  // An envelope is JSON, so its message is text.
  const messages = inputs.map((input) => input.toString())
  const filters = [
    { fieldName: 'statusCode', regex: '[^5].*|5\\d\\d', include: true },
    { fieldName: 'UA', regex: '(?i).*fire.*' },
    { fieldName: 'reqTimeMs', regex: '-?\\d{1,9}+(\\.\\d+)?', include: true },
  ]
  const requests = messages.map((message) => ({
    filters,
    envelope: Buffer.from(JSON.stringify({ message, tag: 'ds2', time: 1.5 })).toString('base64'),
  }))
  const answers = peer.ask(requests) as { kept: string }[]
  const engine = await createEngine({ rules: { filters }, threads: 1 })
  try {
    let [records, kept] = [0, 0]
    for (const [i, message] of messages.entries()) {
      const verdict = await engine.evaluate(Buffer.from(message))
      assert.equal(Buffer.from(verdict.gather('keep')).toString('base64'), answers[i]!.kept)
      records += verdict.counts.records
      kept += verdict.counts.kept
      verdict.release()
    }
    t.diagnostic(`${kept} of ${records} lines kept`)
    assert.ok(kept > 0 && kept < records)
  } finally {
    await engine.close()
  }
})

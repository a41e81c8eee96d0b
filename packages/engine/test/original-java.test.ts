// Filters of the original against the real thing: Jackson and java.util.regex, asked over generated patterns, numbers
// and records, and over what a DataStream 2 log looks like. WEIR_SEED and WEIR_RUNS as in oracle.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { translateJavaPattern } from '#src/rules/java-translate.js'
import { compileRules } from '#src/compiled-rules.js'
import { javaPattern, textFor } from './generators/java-patterns.ts'
import { loadJavaPeer } from './java-peer.ts'

const seedSetting = process.env['WEIR_SEED'] ?? '20240229'
const seed = seedSetting === 'random' ? Date.now() % 2 ** 31 : Number(seedSetting)
const runs = Number(process.env['WEIR_RUNS'] ?? 1000)

const peer = loadJavaPeer()
const skip = peer.skip ?? false

test('patterns match what they match in Java, and those that Java refuses are refused', { skip }, (t) => {
  assert.ok(peer.skip === undefined)
  const patterns = [...new Set(fc.sample(javaPattern, { seed, numRuns: 5 * runs }))]
  const values = patterns.map((regex, i) => fc.sample(textFor(regex), { seed: seed + i, numRuns: 20 }))
  const answers = peer.ask(patterns.map((regex, i) => ({ regex, values: values[i] }))) as {
    error?: string
    matches?: string
  }[]
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
  assert.ok(taken > legal * 0.5 && matched > taken, 'the generator has become too wild')
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

// Filters of the original against answers that Jackson and java.util.regex gave and fixtures/original keeps, on every
// kernel; and the way through an engine. original-java.test.ts writes the answers and asks for more of them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRules } from '#src/compiled-rules.js'
import { createEngine } from '#src/engine.js'
import { translateJavaPattern } from '#src/rules/java-translate.js'
import { judge, kernels, settledKernels } from './judge.ts'
import { compareOutcomes, readRecorded } from './original-cases.ts'
import type { PatternCase, RecordCase } from './original-cases.ts'

for (const [name, loaded] of Object.entries({ ...settledKernels, judge })) {
  test(`${name} judges recorded lines as Jackson and Java did`, { skip: loaded.skip ?? false }, () => {
    assert.ok(loaded.skip === undefined)
    for (const each of readRecorded('records.json') as RecordCase[]) compareOutcomes(loaded.kernel, each, name)
  })
}

for (const kernel of ['portable', 'native'] as const) {
  test(`${kernel} matches recorded patterns as Java did`, { skip: kernels[kernel].skip ?? false }, () => {
    let compared = 0
    for (const { regex, values, error, matches } of readRecorded('patterns.json') as PatternCase[]) {
      const translation = translateJavaPattern(regex)
      if ('message' in translation) continue
      assert.equal(error, undefined, `${regex} is taken, and Java refuses it`)
      const rules = compileRules({ filters: [{ fieldName: 'v', regex, include: true }] }, { kernel })
      for (const [i, v] of values.entries()) {
        if (translation.hasWordEdges && /[^\0-\x7f]/.test(v)) continue
        assert.equal(rules.test({ v }).route, matches![i] === '1' ? 'keep' : 'drop', JSON.stringify([regex, v]))
        compared++
      }
      rules.release()
    }
    assert.ok(compared > 1000)
  })
}

for (const kernel of ['portable', 'native'] as const) {
  test(
    `${kernel} finds a key with U+FFFD where the record has bytes that are no UTF-8`,
    { skip: kernels[kernel].skip ?? false },
    async () => {
      const rules = { filters: [{ fieldName: 'a\ufffd', regex: 'x', include: true }] }
      const engine = await createEngine({ rules, kernel, threads: 1 })
      try {
        const verdict = await engine.evaluate(
          Buffer.from('{"a\xff":"x"}\n{"b":"x"}\n{"a\xed\xa0\x80":"x"}\n', 'latin1'),
        )
        assert.deepEqual(
          [...verdict.routes].map((route) => verdict.routeNames[route]),
          ['keep', 'drop', 'keep'],
        )
        verdict.release()
      } finally {
        await engine.close()
      }
    },
  )
}

const filters = [{ fieldName: 'status', regex: '5\\d\\d', include: true }]

test('an engine takes filters, and its counts name them', async () => {
  const engine = await createEngine({ rules: { filters }, threads: 1, validation: 'full' })
  try {
    const verdict = await engine.evaluate(
      Buffer.from('{"status":503} x\r\n\n{"status":200}\nnull\n[]\n{"status":"500"}'),
    )
    assert.equal(Buffer.from(verdict.gather('keep')).toString(), '{"status":503} x\r\n{"status":"500"}\n')
    const { records, kept, dropped, malformed, byRule } = verdict.counts
    assert.deepEqual({ records, kept, dropped, malformed }, { records: 6, kept: 2, dropped: 2, malformed: 2 })
    // What the filter stopped, and what is `null`.
    assert.deepEqual(byRule, [1, 1])
    verdict.release()
  } finally {
    await engine.close()
  }
})

test('an engine swaps rules for filters and back', async () => {
  const engine = await createEngine({ rules: { version: 1, default: 'keep', rules: [] }, threads: 1 })
  const kept = async (): Promise<string> =>
    Buffer.from((await engine.evaluate(Buffer.from('x\n\n{"status":1}\n'))).gather('keep')).toString()
  try {
    assert.equal(await kept(), '{"status":1}\n')
    await engine.load({ filters: [] })
    assert.equal(await kept(), 'x\n\n{"status":1}\n')
    await engine.load({ filters })
    assert.equal(await kept(), '')
    await engine.load({ version: 1, default: 'keep', rules: [] })
    assert.equal(await kept(), '{"status":1}\n')
  } finally {
    await engine.close()
  }
})

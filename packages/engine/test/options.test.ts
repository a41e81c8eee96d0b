// The defaults and bounds of an engine's options, and that batches grow with the longest record that is allowed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEngine } from '#src/engine.js'
import { limits } from '#src/limits.js'
import { resolveOptions } from '#src/options.js'

const rules = { version: 1 as const, default: 'keep' as const, rules: [] }
const mebi = 1 << 20

test('batchBytes stays as given while records are of the usual length', () => {
  for (const maxRecordBytes of [64, 1000, limits.maxRecordBytes.standard]) {
    const given = resolveOptions({ rules, batchBytes: limits.batchBytes.least, maxRecordBytes })
    assert.equal(given.batchBytes, limits.batchBytes.least)
    assert.equal(resolveOptions({ rules, maxRecordBytes }).batchBytes, limits.batchBytes.standard)
  }
})

test('for very long records batchBytes is raised to a sixteenth of what they may exceed the usual length by', () => {
  const least = limits.batchBytes.least
  for (const [maxRecordBytes, raised] of [
    [mebi + 16 * least, least],
    [mebi + 16 * least + 16, least + 1],
    [17 * mebi, mebi],
    [limits.maxRecordBytes.most, (limits.maxRecordBytes.most - mebi) / 16],
  ] as const) {
    assert.equal(resolveOptions({ rules, batchBytes: least, maxRecordBytes }).batchBytes, raised)
    assert.equal(resolveOptions({ rules, batchBytes: 64 * mebi, maxRecordBytes }).batchBytes, 64 * mebi)
  }
})

test('a record much longer than a batch is evaluated where batches are as small as they may be', async () => {
  const maxRecordBytes = 4 * mebi
  const engine = await createEngine({ rules, threads: 1, batchBytes: limits.batchBytes.least, maxRecordBytes })
  try {
    const long = Buffer.from(`{"a":"${'x'.repeat(3 * mebi)}"}\n`)
    const tooLong = Buffer.from(`{"a":"${'x'.repeat(4 * mebi)}"}\n`)
    const short = Buffer.from('{"a":1}\n')
    const verdict = await engine.evaluate(Buffer.concat([short, long, tooLong, short]))
    const { records, kept, malformed } = verdict.counts
    assert.deepEqual({ records, kept, malformed }, { records: 4, kept: 3, malformed: 1 })
    assert.ok(Buffer.concat([short, long, short]).equals(verdict.gather('keep')))
  } finally {
    await engine.close()
  }
})

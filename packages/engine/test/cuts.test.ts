// However an input is cut, the same records come out: one batch against many, streams in chunks of any size, ranges
// of files, values, and inputs too small to hand over. Long lines, blank ones and missing line ends included.

import assert from 'node:assert/strict'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Engine } from '#src/engine.js'
import { createEngine } from '#src/engine.js'
import type { FilterTotals } from '#src/filtering.js'
import type { BatchResult, MalformedRecord } from '#src/ordered-batches.js'
import type { Counts } from '#src/verdict/verdict.js'
import { randomFrom, smallRules } from './engine-harness.js'

const routes = ['keep', 'drop', 'malformed', 'side']
const maxRecordBytes = 6000

/** Everything that came out of one run. */
interface Outcome {
  readonly counts: Counts
  readonly bytes: Record<string, string>
  readonly malformed: MalformedRecord[]
  readonly lines: number
  readonly bytesIn: number
}

let folder: string
/** One engine whose batches hold every input whole, and one that must cut. */
let whole: Engine
let cutting: Engine
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-cuts-'))
  const common = { rules: smallRules, threads: 2, maxRecordBytes, validation: 'full' } as const
  whole = await createEngine({ ...common, batchBytes: 1 << 20, kernel: 'portable' })
  cutting = await createEngine({ ...common, batchBytes: 4096 })
})
after(async () => {
  await whole.close()
  await cutting.close()
  await rm(folder, { recursive: true })
})

/** Returns a function that gathers results, and one that returns the outcome. */
function collector(): { onBatch: (result: BatchResult) => void; outcome: (totals: FilterTotals) => Outcome } {
  const bytes: Record<string, string> = Object.fromEntries(routes.map((route) => [route, '']))
  const malformed: MalformedRecord[] = []
  return {
    onBatch: (result) => {
      for (const segment of result.segments) bytes[segment.route] += Buffer.from(segment.bytes).toString('latin1')
      malformed.push(...result.malformed)
    },
    outcome: ({ counts, lines, bytesIn }) => ({ counts, bytes, malformed: malformed.slice(0, 16), lines, bytesIn }),
  }
}

async function throughStream(engine: Engine, input: Buffer, sizes: () => number): Promise<Outcome> {
  const chunks: Buffer[] = []
  for (let at = 0; at < input.length;) {
    const size = sizes()
    chunks.push(input.subarray(at, at + size))
    at += size
  }
  const { onBatch, outcome } = collector()
  return outcome(await engine.filterBatches(chunks, { routes, onBatch, batchAgeMs: 0 }))
}

async function throughFile(engine: Engine, input: Buffer, parts: readonly number[]): Promise<Outcome[]> {
  const path = join(folder, 'input')
  await writeFile(path, input)
  const handle = await open(path)
  const outcomes: Outcome[] = []
  const bounds = [0, ...parts, input.length]
  for (let i = 0; i + 1 < bounds.length; i++) {
    const { onBatch, outcome } = collector()
    const part = parts.length === 0 ? {} : { start: bounds[i]!, end: bounds[i + 1]! }
    outcomes.push(outcome(await engine.filterFile(handle, { routes, onBatch, ...part })))
  }
  await handle.close()
  return outcomes
}

/** Returns an input of lines of every kind; `long`: how often one is long, of 100. */
function makeInput(random: (below: number) => number, lines: number, long: number): Buffer {
  const fill = (): string => 'x'.repeat(random(100) < long ? random(3 * maxRecordBytes) : random(60))
  const kinds = [
    (i: number) => `{"k":${random(3)},"n":${i},"fill":"${fill()}"}`,
    () => '',
    () => (long > 0 ? ' '.repeat(random(2 * maxRecordBytes)) : ' \t'),
    () => `not json ${fill()}`,
    (i: number) => `{"k":1,"n":${i},"fill":"${'y'.repeat(maxRecordBytes - 22 - String(i).length + random(3))}"}`,
  ]
  const weighted = [0, 0, 0, 0, 0, 0, 1, 2, 3, ...(long > 0 ? [4] : [])]
  const ends = ['\n', '\n', '\n', '\r\n']
  let text = random(4) === 0 ? '\ufeff' : ''
  for (let i = 0; i < lines; i++) {
    text += kinds[weighted[random(weighted.length)]!]!(i)
    text += i === lines - 1 && random(2) === 0 ? '' : ends[random(ends.length)]!
  }
  return Buffer.from(text)
}

const seed = 20261
for (const [name, runs, lines, long] of [
  ['short lines', 15, 400, 0],
  ['some lines over the limit', 25, 60, 10],
  ['mostly lines over the limit', 15, 20, 80],
] as const) {
  test(`streams and files give what one batch gives: ${name}`, async () => {
    for (let run = 0; run < runs; run++) {
      const random = randomFrom(seed + run)
      const input = makeInput(random, 1 + random(lines), long)
      const where = `run ${run} of seed ${seed}`
      const expected = await throughStream(whole, input, () => input.length)
      assert.equal(expected.bytesIn, input.length, where)
      assert.deepEqual(await throughStream(cutting, input, () => 1 + random(5000)), expected, where)
      assert.deepEqual(await throughStream(whole, input, () => 1 + random(200)), expected, where)
      const [file] = await throughFile(cutting, input, [])
      assert.deepEqual(file, expected, where)
    }
  })

  test(`parts of a file add up to the file: ${name}`, async () => {
    for (let run = 0; run < runs; run++) {
      const random = randomFrom(seed + run)
      const input = makeInput(random, 1 + random(lines), long)
      const where = `run ${run} of seed ${seed}`
      const [expected] = await throughFile(cutting, input, [])
      const parts = [random(input.length), random(input.length)].sort((a, b) => a - b)
      const outcomes = await throughFile(cutting, input, parts)
      for (const route of routes) {
        assert.equal(outcomes.map((outcome) => outcome.bytes[route]).join(''), expected!.bytes[route], where)
      }
      assert.equal(
        outcomes.reduce((sum, { lines }) => sum + lines, 0),
        expected!.lines,
        where,
      )
      for (const count of ['records', 'kept', 'dropped', 'malformed'] as const) {
        assert.equal(
          outcomes.reduce((sum, { counts }) => sum + counts[count], 0),
          expected!.counts[count],
          where,
        )
      }
    }
  })

  test(`verdicts of any input agree with streams, and with themselves: ${name}`, async () => {
    for (let run = 0; run < runs; run++) {
      const random = randomFrom(seed + run)
      const input = makeInput(random, 1 + random(lines), long)
      const where = `run ${run} of seed ${seed}`
      const expected = await throughStream(whole, input, () => input.length)
      const one = await whole.evaluate(input)
      const many = await cutting.evaluate(input)
      for (const verdict of [one, many]) {
        assert.deepEqual(verdict.counts, expected.counts, where)
        for (const route of routes) {
          assert.equal(Buffer.from(verdict.gather(route)).toString('latin1'), expected.bytes[route], where)
        }
        assert.deepEqual(Buffer.from(verdict.bytes), input, where)
      }
      for (const column of ['recordStarts', 'recordEnds', 'rules', 'routes', 'reasons'] as const) {
        assert.deepEqual([...many[column]], [...one[column]], `${column}, ${where}`)
      }
      one.release()
      many.release()
    }
  })
}

test('records shorter than the verdict arrays allow for take several answers, and none is lost', async () => {
  const input = Buffer.from('{}\n'.repeat(200_000))
  const verdict = await whole.evaluate(input)
  assert.equal(verdict.counts.dropped, 200_000)
  assert.deepEqual([...verdict.ranges('drop')], [0, 600_000])
  const totals = await whole.filterBatches([input], { onBatch: () => undefined })
  assert.equal(totals.counts.dropped, 200_000)
  assert.equal((await cutting.evaluate(input)).recordStarts.length, 200_000)
})

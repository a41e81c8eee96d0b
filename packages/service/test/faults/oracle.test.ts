// The oracle itself: every kind of harm that it is there to find, done to outputs by hand.

import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'

import { Random } from '#src/generators/random.js'
import { folder } from '../running.js'
import { Ledger, routes } from './ledger.js'
import { judge, readOutputs } from './oracle.js'
import type { Found, Outputs } from './oracle.js'

/** A body of five records, two of them on the route `side`, that was sent once and answered. */
function delivered() {
  const ledger = new Ledger(new Random(1))
  const body = ledger.bodyOf((['keep', 'side', 'keep', 'side', 'keep'] as const).map((place) => ({ places: [place] })))
  body.sent = 1
  body.isAnswered = true
  const found = body.records.map(({ text, places }): Found => ({ place: places[0]!, text }))
  return { ledger, body, found }
}

const outputsOf = (found: readonly Found[]): Outputs => ({ found, faults: [] })

test('everything where it belongs is no fault', () => {
  const { ledger, found } = delivered()
  assert.deepEqual(judge(ledger, outputsOf(found)), { posted: 5, answered: 5, lost: 0, twice: 0, faults: [] })
})

test('a record that is nowhere is lost when its body was answered, and only then', () => {
  const { ledger, body, found } = delivered()
  const figures = judge(ledger, outputsOf(found.slice(0, -1)))
  assert.equal(figures.lost, 1)
  assert.deepEqual(figures.faults, ['b0.4 is lost: its body was answered 200.'])
  body.isAnswered = false
  assert.deepEqual(judge(ledger, outputsOf(found.slice(0, -1))).faults, [])
})

test('a body may lie there as often as it was sent, broken off where a process died, and no more often', () => {
  const { ledger, body, found } = delivered()
  body.sent = 2
  assert.deepEqual(judge(ledger, outputsOf([...found.slice(0, 3), ...found])), {
    ...{ posted: 5, answered: 5, lost: 0, twice: 3, faults: [] },
  })
  body.sent = 1
  assert.match(
    judge(ledger, outputsOf([...found, ...found])).faults.join(),
    /b0\.0 is there 2 times, and was sent 1 times/,
  )
})

test('records out of order, and gaps between them, are faults', () => {
  for (const order of [
    [0, 1, 4, 3, 2],
    [2, 0, 1, 3, 4],
  ]) {
    const { ledger, found } = delivered()
    const { faults } = judge(ledger, outputsOf(order.map((index) => found[index]!)))
    assert.match(faults.join(), /out of order, or with a gap/)
  }
  const { ledger, body, found } = delivered()
  body.sent = 2
  const withGap = judge(ledger, outputsOf([found[0]!, found[4]!, ...found]))
  assert.match(withGap.faults.join(), /b0\.4 lies on keep behind b0\.0/)
})

test('where places depend on the rules, records of a body that came once are still in order', () => {
  const ledger = new Ledger(new Random(1))
  const body = ledger.body(3, ['keep', 'drop'])
  body.sent = 1
  const texts = body.records.map(({ text }) => text)
  const on = (place: 'keep' | 'drop', index: number): Found => ({ place, text: texts[index]! })
  assert.deepEqual(judge(ledger, outputsOf([on('keep', 0), on('keep', 2), on('drop', 1)])).faults, [])
  assert.match(judge(ledger, outputsOf([on('keep', 2), on('keep', 0), on('drop', 1)])).faults.join(), /out of order/)
})

test('a record that was changed, never sent, or lies elsewhere is a fault', () => {
  const { ledger, body, found } = delivered()
  const [first, ...rest] = found
  const changed = { place: 'keep' as const, text: first!.text.replace('"pad"', '"pod"') }
  assert.match(judge(ledger, outputsOf([changed, ...rest])).faults.join(), /b0\.0 was changed/)
  assert.match(judge(ledger, outputsOf([{ ...first!, place: 'drop' }, ...rest])).faults.join(), /b0\.0 lies on drop/)
  const stranger = { place: 'keep' as const, text: '{"id":"stranger"}' }
  assert.match(judge(ledger, outputsOf([...found, stranger])).faults.join(), /never sent: \{"id":"stranger"/)
  body.sent = 0
  assert.match(judge(ledger, outputsOf(found)).faults.join(), /never sent: \{"id":"b0\.0"/)
})

/** Makes outputs without a record; returns their folder. */
async function emptyOutputs(t: TestContext): Promise<string> {
  const at = await folder(t)
  for (const name of [...routes, 'dead-letter']) await mkdir(path.join(at, name))
  return at
}

test('files are read in the order of their numbers, inflated, and dead letters taken apart', async (t) => {
  const at = await emptyOutputs(t)
  await writeFile(path.join(at, 'keep', 'weir-20260101T000000Z-000010.ndjson'), '{"id":"c"}\n')
  await writeFile(path.join(at, 'keep', 'weir-20260102T000000Z-000002.ndjson.gz'), gzipSync('{"id":"b"}\n'))
  const letter = { reason: 'malformed', data: Buffer.from('{"id":"d"\n{"id":"e"\n').toString('base64') }
  await writeFile(path.join(at, 'dead-letter', 'weir-20260101T000000Z-000001.ndjson'), `${JSON.stringify(letter)}\n`)
  const { found, faults } = await readOutputs(at)
  assert.deepEqual(faults, [])
  assert.deepEqual(
    found.map(({ place, text }) => `${place} ${text}`),
    ['keep {"id":"b"}', 'keep {"id":"c"}', 'malformed {"id":"d"', 'malformed {"id":"e"'],
  )
})

test('lines that are not whole, and files that cannot be inflated, are faults', async (t) => {
  const at = await emptyOutputs(t)
  await writeFile(path.join(at, 'keep', 'weir-20260101T000000Z-000001.ndjson'), '{"id":"a"}\n{"id":')
  const whole = gzipSync('{"id":"b"}\n')
  await writeFile(path.join(at, 'side', 'weir-20260101T000000Z-000001.ndjson.gz'), whole.subarray(0, -4))
  const { faults } = await readOutputs(at)
  assert.match(faults.join('\n'), /last line of .*keep.* is not whole/)
  assert.match(faults.join('\n'), /on the route keep is no record: \{"id":/)
  assert.match(faults.join('\n'), /side.* cannot be inflated/)
})

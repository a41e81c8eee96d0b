// The oracle of Kafka's faults: every kind of harm that it is there to find, done to topics by hand.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Random } from '#src/generators/random.js'
import { judgeTopics } from './kafka-oracle.js'
import type { Topics } from './kafka-oracle.js'
import { Ledger } from './ledger.js'
import type { Place } from './ledger.js'

const order = ['keep', 'side', 'keep', 'drop', 'keep', 'malformed'] as const

/** A body in each of two partitions, acknowledged, and everything where it belongs. */
function delivered() {
  const ledger = new Ledger(new Random(1))
  const bodies = [0, 1].map(() => ledger.bodyOf(order.map((place) => ({ places: [place] }))))
  for (const body of bodies) body.isAnswered = true
  const at = (...places: Place[]) =>
    bodies.map((body) => body.records.flatMap(({ text, places: [place] }) => (places.includes(place!) ? [text] : [])))
  const outputs = (['keep', 'side', 'malformed'] as const).map((place) => [place, at(place)] as const)
  return { ledger, raw: at('keep', 'side', 'drop', 'malformed'), outputs: new Map<Place, string[][]>(outputs) }
}

const sound = { posted: 12, answered: 12, lost: 0, twice: 0, disordered: 0, faults: [] }

test('every record once in its partition of its topic is no fault', () => {
  const { ledger, ...topics } = delivered()
  assert.deepEqual(judgeTopics(ledger, topics), sound)
})

/** Does harm to the topic of what is kept, and judges. */
function harmed(harm: (kept: string[][]) => void): string {
  const { ledger, ...topics } = delivered()
  harm(topics.outputs.get('keep')!)
  const { lost, twice, disordered = 0, faults } = judgeTopics(ledger, topics)
  assert.equal(faults.length, 1, faults.join('\n'))
  return `${lost} ${twice} ${disordered}: ${faults[0]!.replace(/\{"id":"([^"]+)".* (is|does)/, '$1 $2')}`
}

test('a record that is missing, doubled, behind a later one or in a wrong partition is found, and told by name', () => {
  assert.equal(
    harmed(([first]) => first!.pop()),
    '1 0 0: In keep, partition 0: b0.4 is nowhere.',
  )
  assert.equal(
    harmed(([first]) => first!.unshift(first![0]!)),
    '0 1 0: In keep, partition 0: b0.0 is there once more.',
  )
  assert.equal(harmed(([first]) => first!.reverse().push(first!.shift()!)), '0 0 1: In keep, partition 0: b0.0 is behind a later one.') // prettier-ignore
  assert.equal(harmed(([first, second]) => second!.push(first![0]!)), '0 0 0: In keep, partition 1: b0.0 does not belong there.') // prettier-ignore
  assert.equal(harmed(([first]) => first!.push('{"id":"b0.3"}')), '0 0 0: In keep, partition 0: b0.3 does not belong there.') // prettier-ignore
})

test('a record that a sender wrote twice is wanted twice', () => {
  const { ledger, raw, outputs } = delivered()
  const [first] = raw
  const [kept] = outputs.get('keep')!
  first!.push(first![0]!)
  assert.equal(judgeTopics(ledger, { raw, outputs }).lost, 1)
  kept!.push(kept![0]!)
  assert.deepEqual(judgeTopics(ledger, { raw, outputs }), { ...sound, posted: 13 })
})

test('what was acknowledged and is not in the source is told, and so is what nobody sent', () => {
  const { ledger, raw, outputs } = delivered()
  const faults = (topics: Topics) => judgeTopics(ledger, topics).faults.join('\n')
  assert.match(
    faults({ raw: [raw[0]!], outputs: new Map() }),
    /^b1 was acknowledged, and the source's topic does not hold/,
  )
  const told = faults({ raw: [[...raw[0]!, 'foreign'], raw[1]!], outputs: outputs })
  assert.equal(told, "The source's topic holds what nobody sent: foreign")
})

test('a record that an operator has passed by is not missed, and does not belong anywhere', () => {
  const { ledger, raw, outputs } = delivered()
  const [passed] = raw[0]!
  const topics = { raw, outputs, passedBy: new Set([passed!]) }
  const [kept] = outputs.get('keep')!
  assert.equal(kept!.shift(), passed)
  assert.deepEqual(judgeTopics(ledger, topics), sound)
  kept!.unshift(passed!)
  assert.match(judgeTopics(ledger, topics).faults.join(), /^In keep, partition 0: .* does not belong there\.$/)
})

test('a record that may end in two places is wanted in one of them', () => {
  const ledger = new Ledger(new Random(1))
  const body = ledger.body(2, ['keep', 'side'])
  body.isAnswered = true
  const [first, second] = body.records.map(({ text }) => text) as [string, string]
  const judged = (keep: string[], side: string[]) => {
    const outputs = new Map<Place, string[][]>([
      ['keep', [keep]],
      ['side', [side]],
    ])
    const { lost, faults } = judgeTopics(ledger, { raw: [[first, second]], outputs })
    return [lost, faults.length]
  }
  assert.deepEqual(judged([first], [second]), [0, 0])
  assert.deepEqual(judged([first, second], []), [0, 0])
  assert.deepEqual(judged([first], []), [1, 1])
  assert.deepEqual(judged([first, second], [second]), [0, 1])
})

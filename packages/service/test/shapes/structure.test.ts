// The index of brackets and line breaks: what it finds, and that the fast one finds the same as the plain one.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Random } from '#src/generators/random.js'
import { createStructureIndex } from '#src/shapes/structure-vectors.js'
import { PlainStructureIndex, structureBytes } from '#src/shapes/structure.js'
import type { StructureIndex } from '#src/shapes/structure.js'

function eventsOf(index: StructureIndex, piece: Uint8Array): number[] {
  index.input.set(piece)
  return [...index.events.subarray(0, index.index(piece.length))]
}

/** `at` in the text, and whether it stands in a string. */
const event = (at: number, isString = false) => 2 * at + (isString ? 1 : 0)

test('brackets outside strings and all line breaks are events', () => {
  for (const index of [new PlainStructureIndex(), createStructureIndex()]) {
    const text = Buffer.from('[{"a]\n":"\\"}"},\r{}]')
    assert.deepEqual(
      eventsOf(index, text),
      [event(0), event(1), event(5, true), event(13), event(15), event(16), event(17), event(18)],
      index.constructor.name,
    )
  }
})

test('a string, and a backslash at the end of a piece, go on in the next', () => {
  for (const index of [new PlainStructureIndex(), createStructureIndex()]) {
    assert.deepEqual(eventsOf(index, Buffer.from('"a\\')), [])
    assert.deepEqual(eventsOf(index, Buffer.from('"[\n')), [event(2, true)])
    assert.deepEqual(eventsOf(index, Buffer.from('"[')), [event(1)])
  }
})

test('vectors are in use here, and find what the plain index finds, in pieces of any length', () => {
  assert.notEqual(createStructureIndex().constructor, PlainStructureIndex)
  const random = new Random(4)
  const special = Buffer.from('"\\{}[]\n\r"\\"')
  for (let run = 0; run < 400; run++) {
    const plain = new PlainStructureIndex()
    const fast = createStructureIndex()
    const density = 1 + random.below(20)
    for (let piece = 0; piece < 4; piece++) {
      const bytes = Buffer.alloc(1 + random.below(300))
      for (let at = 0; at < bytes.length; at++) {
        bytes[at] = random.below(density) === 0 ? random.pick([...special]) : random.below(256)
      }
      assert.deepEqual(eventsOf(fast, bytes), eventsOf(plain, bytes), `run ${run}, piece ${piece}`)
    }
  }
})

test('a whole piece of nothing but events fits', () => {
  for (const index of [new PlainStructureIndex(), createStructureIndex()]) {
    const events = eventsOf(index, Buffer.alloc(structureBytes, '['))
    assert.equal(events.length, structureBytes)
    assert.equal(events.at(-1), event(structureBytes - 1))
  }
})

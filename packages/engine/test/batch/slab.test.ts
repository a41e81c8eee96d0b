// Slabs: that their parts do not overlap, that another thread's view of the same memory agrees, and their reuse.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { paddingBytes, slabFlag, slabWord, validation } from '#src/batch/batch.js'
import { batchShape, copyRequest, createSlab, Slab, SlabStore } from '#src/batch/slab.js'

const shape = { inputBytes: 101, recordCapacity: 7, gatherBytes: 102 }

test('the parts of a slab do not overlap and are as large as asked', () => {
  const slab = createSlab(shape)
  const parts = [
    { name: 'header', at: 0, bytes: slab.words.byteLength },
    { name: 'input', at: slab.input.byteOffset, bytes: slab.input.length + paddingBytes },
    ...(['recordStarts', 'recordEnds', 'rules', 'routes', 'reasons', 'counts', 'gather'] as const).map((name) => ({
      name,
      at: slab[name].byteOffset,
      bytes: slab[name].byteLength,
    })),
  ]
  parts.forEach(({ name, at, bytes }, i) => {
    const next = parts[i + 1]
    assert.ok(at + bytes <= (next?.at ?? slab.buffer.byteLength), name)
  })
  assert.ok(slab.input.length >= 101)
  assert.equal(slab.gather.length, 102)
  for (const column of [slab.recordStarts, slab.recordEnds, slab.rules, slab.routes, slab.reasons]) {
    assert.equal(column.length, 8)
  }
})

test('a slab may have a second input region, apart from all other parts', () => {
  const slab = createSlab({ ...shape, hasSpare: true })
  const { spare, gather, input, buffer } = slab
  assert.ok(spare !== undefined && spare.byteOffset >= gather.byteOffset + gather.length)
  assert.equal(spare.length, input.length)
  assert.ok(spare.byteOffset + spare.length + paddingBytes <= buffer.byteLength)
  assert.equal(new Slab(slab.id, buffer).spare?.byteOffset, spare.byteOffset)
  assert.equal(createSlab(shape).spare, undefined)
})

test('a slab made from the same memory has the same parts', () => {
  const slab = createSlab(shape)
  slab.input.write('{"a":1}\n')
  slab.recordStarts[7] = 9
  slab.gather[101] = 5
  const other = new Slab(slab.id, slab.buffer)
  assert.equal(other.input.length, slab.input.length)
  assert.equal(other.input.toString('utf8', 0, 8), '{"a":1}\n')
  assert.equal(other.recordStarts[7], 9)
  assert.equal(other.gather[101], 5)
})

test('a request stands in the header, and clears counts and routes of the one before', () => {
  const slab = createSlab(shape)
  const base = { start: 3, end: 90, flags: slabFlag.records, maxRecordBytes: 64 } as const
  slab.request({ ...base, validation: 'read', gather: [0, 31, 255] })
  assert.equal(slab.words[slabWord.flags], slabFlag.records | validation.read)
  assert.equal(slab.words[slabWord.gatherRoutes], 0x8000_0001)
  assert.equal(slab.words[slabWord.gatherRoutes + 7], 0x8000_0000)
  slab.counts[1000] = 4
  slab.request({ ...base, flags: slabFlag.continues, validation: 'kept', gather: [33] })
  assert.deepEqual([...slab.words.subarray(slabWord.gatherRoutes, slabWord.gatherRoutes + 3)], [0, 2, 0])
  assert.equal(slab.words[slabWord.flags], slabFlag.continues)
  assert.equal(slab.counts[1000], 0)
})

test('the rest of a request begins where the answer ended, and continues nothing', () => {
  const slab = createSlab(shape)
  const flags = slabFlag.records | slabFlag.continues | slabFlag.open
  slab.request({ start: 0, end: 90, flags, validation: 'full', maxRecordBytes: 64, gather: [] })
  slab.words[slabWord.consumed] = 40
  assert.equal(slab.isWhole, false)
  slab.requestRest()
  assert.equal(slab.words[slabWord.start], 40)
  assert.equal(slab.words[slabWord.flags], slabFlag.records | slabFlag.open | validation.full)
  slab.words[slabWord.consumed] = 90
  assert.equal(slab.isWhole, true)
})

test('a copied request has the same input and asks the same', () => {
  const from = createSlab(shape)
  const to = createSlab(shape)
  from.input.write('{"a":1}\n{"a":2}\n')
  const request = { start: 8, end: 16, flags: slabFlag.open, validation: 'full', maxRecordBytes: 64 } as const
  from.request({ ...request, gather: [2, 40], nowMs: 1_700_000_000_123 })
  to.counts[0] = 9
  copyRequest(from, to)
  assert.equal(to.input.toString('utf8', 0, 16), '{"a":1}\n{"a":2}\n')
  for (let word = slabWord.start; word <= slabWord.maxRecordBytes; word++) {
    assert.equal(to.words[word], from.words[word])
  }
  assert.deepEqual(to.words.subarray(slabWord.gatherRoutes, 32), from.words.subarray(slabWord.gatherRoutes, 32))
  assert.equal(to.words[slabWord.now]! + to.words[slabWord.now + 1]! * 2 ** 32, 1_700_000_000_123)
  assert.equal(to.counts[0], 0)
  assert.notEqual(to.id, from.id)
})

test('a request is copied as it was asked, however far a worker has moved it on', () => {
  const from = createSlab(shape)
  const to = createSlab(shape)
  from.input.write('{"a":1}\n{"a":2}\n')
  from.request({ start: 0, end: 16, flags: 0, validation: 'full', maxRecordBytes: 64, gather: [2] })
  const asked = from.words.slice(0, slabWord.consumed)
  from.words[slabWord.start] = 8
  from.words[slabWord.end] = 9
  from.words[slabWord.gatherAt]! += 8
  const [gatherAt, gatherCapacity] = [to.words[slabWord.gatherAt], to.words[slabWord.gatherCapacity]]
  copyRequest(from, to, asked)
  assert.deepEqual([...to.words.subarray(slabWord.start, slabWord.end + 1)], [0, 16])
  assert.equal(to.input.toString('utf8', 0, 16), '{"a":1}\n{"a":2}\n')
  assert.deepEqual([to.words[slabWord.gatherAt], to.words[slabWord.gatherCapacity]], [gatherAt, gatherCapacity])
})

test('a new request gathers from the start again, where an earlier one was given up half-way', () => {
  const slab = createSlab(shape)
  const { gatherAt, gatherCapacity } = slabWord
  const [at, capacity] = [slab.words[gatherAt]!, slab.words[gatherCapacity]!]
  slab.words[gatherAt] = at + 8
  slab.words[gatherCapacity] = capacity - 8
  slab.request({ start: 0, end: 16, flags: 0, validation: 'full', maxRecordBytes: 64, gather: [2] })
  assert.deepEqual([slab.words[gatherAt], slab.words[gatherCapacity]], [at, capacity])
})

test('neither a request nor a copied one takes over what a lost worker left in the header', () => {
  const slab = createSlab(shape)
  const from = createSlab(shape)
  const request = { start: 0, end: 16, flags: 0, validation: 'full', maxRecordBytes: 64, gather: [2] } as const
  const whole = slab.words.slice(0, slabWord.start)
  slab.request(request)
  const expected = slab.words.slice(0, slabWord.consumed)
  assert.deepEqual(expected.subarray(0, slabWord.start), whole)
  slab.words.fill(7, 0, slabWord.consumed)
  slab.request(request)
  assert.deepEqual(slab.words.subarray(0, slabWord.now + 2), expected.subarray(0, slabWord.now + 2))
  from.request(request)
  slab.words.fill(7, 0, slabWord.consumed)
  copyRequest(from, slab)
  assert.deepEqual(slab.words.subarray(0, slabWord.now + 2), expected.subarray(0, slabWord.now + 2))
})

test('a batch of the standard size leaves room for the longest line behind it', () => {
  assert.deepEqual(batchShape(4096, 64), { inputBytes: 4162, recordCapacity: 1024, gatherBytes: 4163 })
  assert.equal(batchShape(2 << 20, 1 << 20).recordCapacity, ((3 << 20) + 2) >>> 6)
})

test('a store hands free slabs out again, keeps no more than its bound, and never one that was set aside', () => {
  const store = new SlabStore(shape, 1)
  const [a, b, c] = [store.take(), store.take(), store.take()]
  assert.equal(store.taken, 3)
  store.give(a)
  store.give(b)
  store.setAside()
  assert.equal(store.taken, 0)
  assert.equal(store.take(), a)
  const fresh = store.take()
  assert.ok(fresh !== b && fresh !== c)
  store.give(fresh)
  store.clear()
  assert.notEqual(store.take(), fresh)
})

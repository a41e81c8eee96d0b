// How large sends may be after refusals.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { mostSendBytes, takenBytes } from '#src/kafka/sends.js'
import { SendSizes } from '#src/sources/kafka-sizes.js'

test('sends become smaller with each refusal of one offset, until nothing smaller is left to try', () => {
  const sizes = new SendSizes()
  assert.equal(sizes.mostBytes, mostSendBytes)
  assert.deepEqual([sizes.refuse(5n), sizes.mostBytes], [true, 96 << 10])
  assert.deepEqual([sizes.refuse(5n), sizes.mostBytes], [true, 3 << 10])
  assert.equal(sizes.refuse(5n), false)
})

test('an offset behind begins to count anew, with the size that the one before was written in', () => {
  const sizes = new SendSizes()
  sizes.refuse(5n)
  sizes.takenOver(mostSendBytes)
  assert.equal(sizes.mostBytes, 96 << 10)
  assert.deepEqual([sizes.refuse(6n), sizes.refuse(6n), sizes.refuse(6n)], [true, true, false])
  sizes.reset()
  assert.equal(sizes.mostBytes, mostSendBytes)
})

test('what topics tell takes the place of a guess', () => {
  const sizes = new SendSizes()
  const config = (bytes: string) => ({ config: { 'max.message.bytes': bytes } })
  sizes.refuse(5n)
  sizes.takenOver(takenBytes([config('4194304'), config('1000000'), { config: {} }, undefined]))
  assert.equal(sizes.mostBytes, 1_000_000)
})

// The budget and its charges: nothing is taken twice or given back twice.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ByteBudget, ByteCharge } from '#src/sources/byte-budget.js'

test('a budget takes all or nothing, and its parts share it', () => {
  const whole = new ByteBudget(100)
  const one = new ByteBudget(80, whole)
  const other = new ByteBudget(80, whole)
  assert.ok(one.tryTake(70))
  assert.ok(!one.tryTake(11))
  assert.ok(!other.tryTake(31))
  assert.ok(other.tryTake(30))
  assert.deepEqual([whole.used, one.used, other.used], [100, 70, 30])
  one.give(70)
  assert.deepEqual([whole.used, one.used, other.used], [30, 0, 30])
})

test('a charge gives back what it holds and no more, and takes nothing once it is free', () => {
  const budget = new ByteBudget(100)
  const charge = new ByteCharge(budget)
  assert.ok(charge.grow(60))
  assert.ok(!charge.grow(50))
  charge.shrink(20)
  assert.equal(charge.bytes, 40)
  charge.shrink(1000)
  assert.equal(budget.used, 0)
  assert.ok(charge.grow(10))
  charge.free()
  charge.free()
  assert.ok(!charge.grow(1))
  assert.equal(budget.used, 0)
})

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

/** A charge of so many bytes, with so many to come, whose end is noted. */
function coming(budget: ByteBudget, name: string, bytes: number, toCome: number, ended: string[]): ByteCharge {
  const charge = new ByteCharge(budget)
  assert.ok(charge.begin(bytes, bytes))
  const giveUp = () => {
    ended.push(name)
    charge.free()
  }
  charge.yieldBy({ toCome: () => toCome, giveUp })
  return charge
}

test('what has the most to come gives way first, no more than has to, and never to what has as much', () => {
  const budget = new ByteBudget(100)
  const part = new ByteBudget(Infinity, budget)
  const ended: string[] = []
  coming(part, 'far', 20, 50, ended)
  coming(budget, 'farther', 10, 60, ended)
  coming(part, 'farther and larger', 20, 60, ended)
  const near = coming(part, 'near', 50, 10, ended)
  assert.ok(near.grow(15))
  assert.deepEqual(ended, ['farther and larger'])
  assert.equal(budget.used, 95)
  assert.ok(near.grow(10))
  assert.deepEqual(ended, ['farther and larger', 'farther'])
  assert.ok(!coming(part, 'as near', 1, 10, ended).grow(50))
  assert.deepEqual(ended, ['farther and larger', 'farther'])
  assert.equal(part.used, budget.used)
})

test('nobody gives way where that would not be enough, nor to what has only begun unless he has stalled', () => {
  const budget = new ByteBudget(100)
  const ended: string[] = []
  coming(budget, 'far', 40, 1e9, ended)
  const whole = coming(budget, 'whole', 40, 1e9, ended)
  whole.keep()
  assert.ok(!whole.grow(61))
  assert.ok(!new ByteCharge(budget).begin(10, 30))
  assert.deepEqual(ended, [])
  coming(budget, 'stalled', 15, Infinity, ended)
  assert.ok(new ByteCharge(budget).begin(10, 20))
  assert.deepEqual(ended, ['stalled'])
  assert.equal(budget.used, 90)
  assert.ok(whole.grow(40))
  assert.deepEqual(ended, ['stalled', 'far'])
})

// The order of samples: seeded, complete, and not the same in every round.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom, roundRandom, shuffled } from '#src/schedule.js'

test('equal seeds give equal orders and other seeds others', () => {
  const orders = (seed: number): string[] => {
    const random = createRandom(seed)
    return Array.from({ length: 20 }, () => shuffled([1, 2, 3, 4, 5, 6], random).join(''))
  }
  assert.deepEqual(orders(5), orders(5))
  assert.notDeepEqual(orders(5), orders(6))
})

test('a shuffled list has the same items, and the list itself is left alone', () => {
  const items = ['a', 'b', 'c', 'd']
  assert.deepEqual(shuffled(items, createRandom(1)).sort(), ['a', 'b', 'c', 'd'])
  assert.deepEqual(items, ['a', 'b', 'c', 'd'])
})

test('every order of three comes about as often as the others', () => {
  const random = createRandom(99)
  const seen = new Map<string, number>()
  for (let i = 0; i < 6000; i++) {
    const order = shuffled(['a', 'b', 'c'], random).join('')
    seen.set(order, (seen.get(order) ?? 0) + 1)
  }
  assert.equal(seen.size, 6)
  // Six standard deviations around 1,000.
  for (const [order, count] of seen) assert.ok(Math.abs(count - 1000) < 175, `${order} came ${count} times`)
})

test('the order of a round depends on the seed, the unit and the round alone', () => {
  const order = (seed: number, unit: string, round: number): string =>
    shuffled(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], roundRandom(seed, unit, round)).join('')
  assert.equal(order(1, 'u', 0), order(1, 'u', 0))
  assert.equal(new Set([order(1, 'u', 0), order(2, 'u', 0), order(1, 'v', 0), order(1, 'u', 1)]).size, 4)
})

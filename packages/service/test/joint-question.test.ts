// A question that many ask at the same time is asked once for them, and never answered with what was known before.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { askedTogether } from '#src/joint-question.js'

/** A question whose answers are held: each call of `answer` gives the oldest that is open. */
function heldQuestion() {
  const open: ((answer: Promise<number>) => void)[] = []
  const state = { asked: 0 }
  const ask = () => {
    state.asked++
    return new Promise<number>((resolve) => open.push(resolve))
  }
  const answer = (value: number | Error) => {
    open.shift()!(value instanceof Error ? Promise.reject(value) : Promise.resolve(value))
  }
  const until = async (times: number) => {
    while (state.asked < times) await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(state.asked, times)
  }
  return { ask: askedTogether(ask), answer, until }
}

test('all who ask at the same time are answered by one question', async () => {
  const { ask, answer, until } = heldQuestion()
  const all = Promise.all([ask(), ask(), ask()])
  await until(1)
  answer(7)
  assert.deepEqual(await all, [7, 7, 7])
})

test('who asks while it is being asked gets an answer to a question asked since', async () => {
  const { ask, answer, until } = heldQuestion()
  const first = ask()
  await until(1)
  const later = Promise.all([ask(), ask()])
  await until(1)
  answer(1)
  assert.equal(await first, 1)
  await until(2)
  answer(2)
  assert.deepEqual(await later, [2, 2])
})

test('a failure is told to those who asked together, and the next ask anew', async () => {
  const { ask, answer, until } = heldQuestion()
  const all = Promise.allSettled([ask(), ask()])
  await until(1)
  const next = ask()
  answer(new Error('away'))
  assert.deepEqual(
    (await all).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  await until(2)
  answer(3)
  assert.equal(await next, 3)
})

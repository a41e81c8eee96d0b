// What readers of committed records see.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { withoutAborted } from '#src/kafka/aborted.js'
import type { JudgedRecord } from '#src/kafka/aborted.js'

/** `a1`: the record of producer a; `a!`: its marker; `-`: one of no transaction. Offsets count from 0. */
function log(text: string): (JudgedRecord & { readonly name: string })[] {
  return text.split(' ').map((name, offset) => ({
    name,
    offset: BigInt(offset),
    isControlRecord: name.endsWith('!'),
    batchContext: { producerId: name[0]!, inTransaction: name !== '-' },
  }))
}

function seen(text: string, aborted: Readonly<Record<string, readonly number[]>>, from = 0): string {
  const abortedTransactions = Object.entries(aborted).flatMap(([producerId, offsets]) =>
    offsets.map((offset) => ({ producerId, firstOffset: String(offset) })),
  )
  const shown = withoutAborted({ messages: log(text).slice(from), abortedTransactions })
  return shown
    .filter(({ isControlRecord }) => !isControlRecord)
    .map(({ name }) => name)
    .join(' ')
}

test('transactions that overlap are judged each by its own, in whatever order the broker lists them', () => {
  const text = 'a1 b1 a2 b! a3 a! c1 a4 b2 a! c2 b3 b! c! a5 a!'
  assert.equal(seen(text, { a: [0, 7], b: [8] }), 'b1 c1 c2 a5')
  assert.equal(seen(text, { b: [8], a: [7, 0] }), 'b1 c1 c2 a5')
})

test('records outside of transactions, and of a producer’s next transaction, are seen', () => {
  assert.equal(seen('a1 - a! - a2 a!', { a: [0] }), '- - a2')
})

test('a fetch that begins in the middle of aborted transactions shows nothing of them', () => {
  assert.equal(seen('a1 b1 a2 b2 c1 a! b! b3', { b: [1], a: [0] }, 2), 'c1 b3')
})

test('where nothing was aborted everything is seen', () => {
  assert.equal(seen('a1 b1 a! b!', {}), 'a1 b1')
  assert.equal(withoutAborted({ messages: log('a1 b1'), abortedTransactions: null }).length, 2)
})

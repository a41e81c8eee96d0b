// The lock of a partition has a name of its own.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { transactionalId } from '#src/kafka/identity.js'

test('no two partitions of any groups and topics share an id', () => {
  const names = ['a', 'a.b', 'b', 'b.0', 'a%2eb', 'a%']
  const ids = names.flatMap((group) =>
    names.flatMap((topic) => [0, 1].map((partition) => transactionalId(group, { topic, partition }))),
  )
  assert.equal(new Set(ids).size, names.length ** 2 * 2)
  assert.equal(transactionalId('filter', { topic: 'raw', partition: 3 }), 'weir.filter.raw.3')
})

// Numbers with their nouns.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { counted } from '#src/counted.js'

test('one is told as one, and everything else as many', () => {
  assert.equal(counted(1, 'object'), '1 object')
  assert.equal(counted(1n, 'offset'), '1 offset')
  for (const many of [0, 2, 1_000_001]) assert.equal(counted(many, 'record'), `${many} records`)
  assert.equal(counted(2n ** 53n + 1n, 'offset'), '9007199254740993 offsets')
  assert.equal(counted(2, 'body', 'bodies'), '2 bodies')
})

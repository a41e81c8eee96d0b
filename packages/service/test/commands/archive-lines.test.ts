// Lines that `weir archive` prints, where there is one of a thing.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { PartitionSummary } from '#src/archive/findings.js'
import { summaryLines } from '#src/commands/archive-lines.js'

const partition: PartitionSummary = {
  ...{ topic: 'processed', partition: 3, objects: 1, records: 1, rawBytes: 1, storedBytes: 21, begin: 0n, end: 2n },
  ...{ isBeginUnknown: false, lag: 1n, compared: 1 },
}

test('one object, record and offset are told as one, and several as many', () => {
  const told = (of: PartitionSummary, findings: number) =>
    summaryLines('archive', 'topic', { objects: of.objects, foreign: 0, findings, partitions: [of] })
  assert.deepEqual(told(partition, 1), [
    'processed/3: 1 object, 1 record, 1 B stored as 21 B; begins at offset 0; ends at 1; all compared with the topic; 1 offset not archived yet',
    'archive: 1 object, with the topic: 1 finding',
  ])
  const [line, last] = told({ ...partition, objects: 2, records: 20, lag: 0n, compared: 2 }, 0)
  assert.match(line!, /^processed\/3: 2 objects, 20 records, /)
  assert.equal(last, 'archive: 2 objects, with the topic: nothing is wrong')
  const { begin: _, end: __, ...rest } = partition
  const [empty] = told({ ...rest, objects: 0, records: 0, lag: 7n, compared: 0 }, 0)
  assert.equal(empty, 'processed/3: no objects; 7 offsets not archived yet')
})

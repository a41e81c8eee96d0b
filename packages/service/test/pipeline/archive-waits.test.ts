// What keeps an archive from writing is over by itself when its cause is, in a topic where nothing more comes: whatever the
// store refuses for, and where there is no room to build objects.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { S3Error } from '#src/errors.js'
import type { S3ErrorCode } from '#src/errors.js'
import { MemoryStore } from '../contract/memory-store.js'
import { append, archiveCluster, assertWhole, group, hourMs, minuteMs, objectsIn, record, startArchive, topic, until } from './archiver.js' // prettier-ignore

const target = { topic, partition: 0 }

const passing: readonly S3ErrorCode[] = [
  ...(['ERR_S3_BUCKET', 'ERR_S3_DENIED', 'ERR_S3_CREDENTIALS', 'ERR_S3_REGION', 'ERR_S3_CLOCK'] as const),
  ...(['ERR_S3_BUSY', 'ERR_S3_SERVER', 'ERR_S3_TIMEOUT', 'ERR_S3_CONNECT'] as const),
]

for (const code of passing) {
  for (const when of ['written', 'begun'] as const) {
    test(`${code} where an object is ${when} ends by itself`, async (t) => {
      const [kafka, store] = [archiveCluster(), new MemoryStore()]
      let isRefused = when === 'begun'
      const error = new S3Error(code, 'It is refused.', { retryable: true })
      store.fateOf = (_, key) => (isRefused && key.includes('dt=') ? error : 'done')
      append(kafka, 0, 11)
      const { events, time, pipeline, openRecords } = await startArchive(t, kafka, store, 'a')
      if (!isRefused) {
        await until(kafka, () => openRecords() === 11)
        isRefused = true
        time.advance(2 * minuteMs)
      }
      await until(kafka, () => events.filter((event) => event === `held ${code}`).length >= 3)
      assert.equal(pipeline.state.status, 'waiting')
      isRefused = false
      await until(kafka, () => pipeline.state.status === 'running' && events.includes('freed'))
      if (when === 'begun') {
        await until(kafka, () => openRecords() === 11)
        time.advance(2 * minuteMs)
      }
      await until(kafka, () => kafka.offsetOf(group, target) === 11n)
      assertWhole(store, 11)
    })
  }
}

test('what is refused for good is sent again with the next attempt, though the object could wait for more records', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  const refusal = new S3Error('ERR_S3_REQUEST', 'It is too large.', { retryable: false })
  let isRefused = true
  let isHeld = false
  store.fateOf = (call, key) => (isRefused && call === 'create' && key.includes('dt=') ? refusal : 'done')
  append(kafka, 0, 11)
  const { events, time, openRecords } = await startArchive(t, kafka, store, 'a', { isHeld: () => isHeld })
  await until(kafka, () => openRecords() === 11)
  isHeld = true
  time.advance(2 * minuteMs)
  const refused = () => events.filter((event) => event === 'failed ERR_S3_REQUEST').length
  // No time passes from here on.
  const soon = (holds: () => boolean) => until(kafka, () => (time.advance(0), holds()))
  await soon(() => refused() === 3)
  isRefused = false
  await soon(() => kafka.offsetOf(group, target) === 11n)
  assertWhole(store, 11)
})

test('that there is no room while the store is away ends when it is back', async (t) => {
  const partitions = [0, 1, 2, 3]
  const [kafka, store] = [archiveCluster(partitions.length), new MemoryStore()]
  let isAway = true
  store.fateOf = (call, key) => (isAway && call === 'create' && key.includes('dt=') ? 'busy' : 'done')
  const lines = Array.from({ length: 8 }, (_, n) => String(n).padEnd(400_000, '.'))
  for (const partition of partitions) {
    for (const line of lines) kafka.append({ topic, partition }, [record(line, hourMs)])
  }
  const { spool, time, pipeline, events } = await startArchive(t, kafka, store, 'a', { memoryBytes: 1 << 20 })
  const passing = (holds: () => boolean, what: string) => until(kafka, () => (time.advance(100), holds()), what)
  const areAllWaiting = () => store.calls.filter((call) => call.startsWith('create logs/dt=')).length >= 20
  await passing(areAllWaiting, 'that the store is waited for')
  assert.ok(pipeline.state.status === 'waiting' && spool.memoryBytes >= 1 << 20, `${spool.memoryBytes} bytes of memory`)
  isAway = false
  const isDone = () => partitions.every((partition) => kafka.offsetOf(group, { topic, partition }) === 8n)
  await passing(isDone, 'that all is archived')
  assert.ok(
    events.some((event) => event.endsWith(' room')),
    events.join('; '),
  )
  assert.deepEqual([spool.whyFull, pipeline.state.status], [undefined, 'running'])
  const found = objectsIn(store).sort((a, b) => Number(a.manifest.first - b.manifest.first))
  for (const partition of partitions) {
    const own = found.filter(({ manifest }) => manifest.partition === partition)
    assert.deepEqual(own.flatMap((object) => object.lines), lines) // prettier-ignore
  }
})

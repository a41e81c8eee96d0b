// What an archive tells of a store that fails before it is known where a partition begins: its loop is begun again and again
// then, and waits in all that time.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ArchiveUnit } from '#src/commands/serve-archive.js'
import type { ArchiveUnitParts } from '#src/commands/serve-archive.js'
import { PipelineS3 } from '#src/commands/serve-s3.js'
import { S3Error } from '#src/errors.js'
import { openSpool } from '#src/objects/spool.js'
import { Metrics } from '#src/metrics.js'
import type { PipelineState } from '#src/pipeline/served.js'
import type { SourcePartition } from '#src/ports/partitioned.js'
import type { StructuredLog } from '#src/structured-log.js'
import { load } from '../config/loading.js'
import { MemoryStore } from '../contract/memory-store.js'

const settingsText = `
kafka: { brokers: ['127.0.0.1:1'] }
pipelines: { archive: { source: { kafka: { topic: t, group: g } }, routes: { keep: { s3: { bucket: logs } } } } }
`

type BeginAt = (of: { topic: string; partition: number }, first: bigint) => Promise<bigint>

/** A partition that asks where it begins each time it is read, and then has nothing. */
class BeginningPartition implements SourcePartition<bigint> {
  readonly name = 't, partition 0'
  readonly partition = 0
  readonly position = 0n
  readonly lag = 0n
  condition = 'taking over'
  beginAt: BeginAt | undefined
  logStart = 0n
  /** Each call resolves when the partition waits, with what it waits for to go on. */
  turns: (() => void)[] = []
  tries = 0

  async *values(): AsyncGenerator<never> {
    this.tries++
    await new Promise<void>((resolve) => this.turns.push(resolve))
    await this.beginAt!({ topic: 't', partition: 0 }, this.logStart)
    this.condition = 'running'
    await new Promise<void>((resolve) => this.turns.push(resolve))
    yield* []
  }

  commit = () => undefined
  drain = () => this.turns.forEach((go) => go())
  close = () => Promise.resolve()
}

async function openArchive() {
  const { settings } = load(settingsText)
  const pipeline = settings.pipelines['archive']!
  const s3Settings = pipeline.routes.keep.s3!
  const store = new MemoryStore()
  const told: string[] = []
  const tell = (message: string) => void told.push(message)
  const log = { debug: tell, info: tell, warn: tell, error: tell, child: () => log } as unknown as StructuredLog
  const s3 = new PipelineS3(s3Settings, store, await openSpool({ memoryBytes: 1 << 20 }), {
    log,
    sharesNames: true,
  })
  const partition = new BeginningPartition()
  const source = {
    ...{ name: 't', partitions: new Map([[0, partition]]), watch: { warnings: [], figuresOf: () => undefined } },
    join: (onPartition: (partition: SourcePartition<bigint>) => void) => onPartition(partition),
    leave: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const calls: { onAssigned?: (partitions: readonly number[]) => void; onLost?: () => void } = {}
  const openSource = (_: unknown, { beginAt, ...more }: { beginAt: BeginAt; onAssigned: () => void }) => {
    Object.assign(calls, more)
    partition.beginAt = beginAt
    return source
  }
  const kafka = {
    cluster: { admin: { clusterId: () => Promise.resolve('c'), topicId: () => Promise.resolve('i') } },
    openSource,
  }
  const all = new Metrics({ version: '0' })
  const metrics = all.pipeline('archive')
  const paused = async () => (await all.render()).split('\n').filter((line) => line.startsWith('weir_s3_paused{'))
  const states: string[] = []
  const onState = ({ status, reason }: PipelineState) => void states.push(reason === undefined ? status : `${status}: ${reason}`) // prettier-ignore
  const parts = { name: 'archive', settings: pipeline, kafka, s3, metrics, log, onState }
  const unit = new ArchiveUnit(parts as unknown as ArchiveUnitParts)
  const assign = (...partitions: number[]) => calls.onAssigned!(partitions)
  return { unit, s3, partition, store, told, states, assign, lose: () => calls.onLost!(), paused }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

test('an archive that cannot begin is not ready between its attempts, says so once, and is ready when it has begun', async () => {
  const { unit, partition, store, told, states } = await openArchive()
  let isAway = true
  store.fateOf = () => (isAway ? 'busy' : 'done')
  const running = unit.pipeline.run()
  for (const attempt of [1, 2, 3]) {
    await until(() => partition.tries === attempt && partition.turns.length > 0)
    assert.equal(unit.pipeline.state.status, attempt === 1 ? 'running' : 'waiting')
    if (attempt > 1) assert.match(unit.whyNotReady ?? 'ready', /busy/i)
    isAway = attempt < 3
    partition.turns.shift()!()
  }
  await until(() => partition.condition === 'running')
  assert.equal(unit.whyNotReady, undefined)
  assert.deepEqual(states, ['running', 'waiting: s3://memory is busy.', 'running'])
  assert.deepEqual(
    told.filter((each) => /store|archive of/i.test(each)),
    ['The store is waited for; nothing is lost.', 'The store obeys create-only writes.', 'The store works again.'],
  )
  unit.pipeline.drain()
  await running
  await unit.close()
})

test('a new reason is told, the same one not again', async () => {
  const { unit, partition, store, states } = await openArchive()
  const denied = new S3Error('ERR_S3_DENIED', 'Denied.', { retryable: true })
  const running = unit.pipeline.run()
  for (const [i, fate] of (['busy', 'busy', denied, denied] as const).entries()) {
    await until(() => partition.tries === i + 1 && partition.turns.length > 0)
    store.fateOf = () => fate
    partition.turns.shift()!()
  }
  await until(() => partition.tries === 5)
  assert.deepEqual(states, ['running', 'waiting: s3://memory is busy.', 'waiting: Denied.'])
  unit.pipeline.drain()
  await running
  await unit.close()
})

test('what a partition waited for is over when it is somebody else’s', async () => {
  const { unit, partition, store, states, assign } = await openArchive()
  store.fateOf = () => 'busy'
  const running = unit.pipeline.run()
  await until(() => partition.turns.length > 0)
  partition.turns.shift()!()
  await until(() => partition.tries === 2 && partition.turns.length > 0)
  assign(0)
  assert.match(unit.whyNotReady ?? 'ready', /busy/)
  partition.condition = 'unassigned'
  assign()
  assert.equal(unit.whyNotReady, undefined)
  assert.deepEqual(states, ['running', 'waiting: s3://memory is busy.', 'running'])
  store.fateOf = () => 'done'
  partition.turns.shift()!()
  await until(() => partition.condition === 'running' && partition.turns.length > 0)
  unit.pipeline.drain()
  await running
  await unit.close()
})

for (const isTold of [false, true]) {
  const who = isTold ? 'its process was out of the group' : 'its session has heard that it was taken away'
  test(`what a partition waited for is over when ${who}: somebody else may have archived it`, async () => {
    const { unit, partition, store, lose, paused } = await openArchive()
    store.fateOf = () => 'busy'
    const running = unit.pipeline.run()
    const turn = async (attempt: number, beginAt: BeginAt) => {
      await until(() => partition.tries === attempt && partition.turns.length > 0)
      partition.beginAt = beginAt
      partition.turns.shift()!()
    }
    await turn(1, partition.beginAt!)
    if (isTold) {
      await until(() => unit.whyNotReady?.includes('busy') === true)
      lose()
    } else await turn(2, () => Promise.reject(new Error('The partition was taken away.')))
    // It has an offset by then, and nothing comes.
    await turn(isTold ? 2 : 3, () => Promise.resolve(0n))
    await until(() => partition.condition === 'running')
    assert.deepEqual([unit.whyNotReady, await paused()], [undefined, []])
    unit.pipeline.drain()
    await running
    await unit.close()
  })
}

test('a store that has answered is waited for no more, where the log lacks what the archive began with', async () => {
  const { unit, partition, store, paused } = await openArchive()
  const begin = { 'weir-cluster': 'c', 'weir-topic-id': 'i', 'weir-first': '5' }
  store.objects.set('_weir/begin/t+0', { bytes: Buffer.alloc(0), metadata: begin, contentType: '', modifiedMs: 0 })
  partition.logStart = 6n
  let isAway = true
  store.fateOf = () => (isAway ? 'busy' : 'done')
  const running = unit.pipeline.run()
  await until(() => partition.turns.length > 0)
  partition.turns.shift()!()
  await until(() => partition.tries === 2 && partition.turns.length > 0)
  assert.match(unit.whyNotReady ?? 'ready', /busy/)
  isAway = false
  partition.turns.shift()!()
  await until(() => unit.pipeline.state.lastError?.message.includes('its log begins at 6') === true)
  assert.deepEqual([unit.whyNotReady?.includes('busy'), await paused()], [false, []])
  unit.pipeline.drain()
  await running
  await unit.close()
})

test('a store that is away at the start is a reason not to be ready, also where nothing is to be archived', async () => {
  const { unit, s3, store, told, paused } = await openArchive()
  let isAway = true
  store.fateOf = () => (isAway ? 'busy' : 'done')
  s3.ask()
  await until(() => unit.whyNotReady !== 'starting')
  assert.match(unit.whyNotReady ?? 'ready', /busy/)
  assert.deepEqual(await paused(), ['weir_s3_paused{pipeline="archive",partition="",reason="ERR_S3_BUSY"} 1'])
  isAway = false
  // Somebody has something to write, and asks as well.
  await s3.probed()
  assert.deepEqual([unit.whyNotReady, await paused()], ['starting', []])
  const [away, ...rest] = told
  assert.deepEqual([away, rest], ['The bucket cannot be used yet; it is tried again.', ['The store works again.', 'The store obeys create-only writes.']]) // prettier-ignore
  await unit.close()
})

test('that there is no room is told by metrics, as it is by readiness', async () => {
  const { unit, s3, paused } = await openArchive()
  s3.spool.diskFailed(Object.assign(new Error('no room'), { code: 'ENOSPC' }))
  assert.match(unit.whyNotReady ?? 'ready', /is full: no room/)
  assert.deepEqual(await paused(), ['weir_s3_paused{pipeline="archive",partition="",reason="spool"} 1'])
  await unit.close()
})

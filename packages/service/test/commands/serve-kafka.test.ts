// `weir serve` with Kafka, against a real broker: from HTTP into a topic, from there through the rules into another one.
// What the topics hold is read by Kafka's own client.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { readTopic } from '../servers/kafka/reading.js'
import { useBroker } from '../servers/kafka/broker.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { folder, startWeir, weir } from '../running.js'
import { clusterOf, connectionTo, delivered, filter, ingest, linesOf, options, topics } from './kafka-pipelines.js'
import { post, serve, Serving, settingsText } from './serving.js'

const skip = await skipWithoutKafka()
const broker = useBroker(skip)

function body(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, i) =>
    i % 10 === 5 ? `bad ${from + i}\n` : `{"n":"${from + i}"}\n`,
  ).join('')
}

function wanted(to: number): { readonly kept: string[]; readonly bad: string[] } {
  const all = Array.from({ length: to }, (_, n) => n)
  const isBad = (n: number) => n % 10 === 5
  return {
    kept: all
      .filter((n) => !isBad(n) && !String(n).includes('7'))
      .map((n) => `{"n":"${n}"}`)
      .sort(),
    bad: all
      .filter(isBad)
      .map((n) => `bad ${n}`)
      .sort(),
  }
}

test('what is posted goes through two topics, and each record is where it belongs once', { skip }, async (t) => {
  const names = topics()
  const serving = await serve(t, settingsText([ingest(names), filter(names)], connectionTo(broker())), options)
  const address = await serving.source('ingest')
  for (let n = 0; n < 1000; n += 100) assert.equal((await post(address, body(n, n + 100))).status, 200)
  await delivered(serving, 1000)
  const { status } = await serving.ask('/readyz')
  assert.equal(status, 200)
  const { code } = await serving.stop()
  assert.equal(code, 0)
  const { kept, bad } = wanted(1000)
  assert.deepEqual(linesOf(await readTopic(broker(), names.processed)).sort(), kept)
  const dead = await readTopic(broker(), names.dead)
  assert.deepEqual(linesOf(dead).sort(), bad)
  const headers = Object.fromEntries(dead.flat()[0]!.headers.map(([name, value]) => [name, String(value)]))
  assert.equal(headers['weir-reason'], 'malformed')
  assert.equal(headers['weir-topic'], names.raw)
  assert.match(headers['weir-offset'] ?? '', /^\d+$/)
})

test('a filter that is killed again and again loses and doubles nothing', { skip }, async (t) => {
  const names = topics()
  const first = await serve(t, settingsText([ingest(names)], connectionTo(broker())), options)
  const address = await first.source('ingest')
  const only = settingsText([filter(names)], connectionTo(broker()))
  let n = 0
  for (let round = 0; round < 3; round++) {
    const killed = await serve(t, only, options)
    for (const until = n + 1000; n < until; n += 100) assert.equal((await post(address, body(n, n + 100))).status, 200)
    await delivered(killed, 1)
    await killed.stop('SIGKILL')
  }
  const last = await serve(t, only, options)
  const { kept, bad } = wanted(n)
  let found: string[] = []
  for (const until = performance.now() + 60_000; found.length < kept.length && performance.now() < until;) {
    found = linesOf(await readTopic(broker(), names.processed))
  }
  assert.deepEqual(found.sort(), kept)
  assert.deepEqual(linesOf(await readTopic(broker(), names.dead)).sort(), bad)
  const { code } = await last.stop()
  assert.equal(code, 0)
})

test("the original's settings start a converter that goes on where it stood", { skip }, async (t) => {
  const { raw, processed } = topics()
  const directory = await folder(t)
  const filters = [{ fieldName: 'n', regex: '.*7.*', include: false }]
  const kafka = { brokers: broker().addresses, inboundTopic: raw, outboundTopic: processed }
  await writeFile(path.join(directory, 'settings.json'), JSON.stringify({ kafka, count: 2, workers: 1, filters }))
  const sets = ['admin.listen=127.0.0.1:0', 'log.format=json'].flatMap((set) => ['--set', set])
  const child = startWeir(['serve', '--original', 'settings.json', ...sets], directory)
  const serving = new Serving(directory, child)
  t.after(() => void child.kill('SIGKILL'))
  await serving.logged('A partition is taken over.', ({ partition }) => partition === 1)
  const producer = await (await clusterOf(t, broker())).producer()
  const envelope = (lines: string) => Buffer.from(JSON.stringify({ message: lines }))
  const records = ['{"n":1}\n{"n":7}\n', '{"n":2}\nno JSON', '{"other":1}'].map((lines) => ({
    key: Buffer.from('k'),
    value: envelope(lines),
  }))
  await producer.send({ topic: raw, partition: 1 }, records)
  await serving.metricIs('weir_kafka_partition_position{pipeline="default",partition="1"}', (offset) => offset === 3)
  assert.equal((await serving.stop()).code, 0)
  const read = (await readTopic(broker(), processed))[1]!
  assert.deepEqual(
    read.map(({ key, value }) => `${String(key)} ${String(value)}`),
    ['k {"n":1}', 'k {"n":2}', 'k {"other":1}'],
  )
  assert.deepEqual(linesOf(await readTopic(broker(), `${processed}-dead-letter`)), ['no JSON'])
  const shown = await weir(['offsets', 'show', '--original', 'settings.json', '--json'], { cwd: directory })
  const { offsets } = JSON.parse(shown.stdout.toString()) as {
    offsets: { partition: number; offset: string; group: string }[]
  }
  assert.deepEqual(
    offsets.map(({ partition, offset, group }) => [partition, offset, group]),
    [
      [0, '0', 'converter'],
      [1, '3', 'converter'],
    ],
  )
})

test('an offset is set by hand while nobody reads, and within the log', { skip }, async (t) => {
  const names = topics()
  const serving = await serve(t, settingsText([filter(names)], connectionTo(broker())), options)
  await serving.logged('A partition is taken over.', ({ partition }) => partition === 0)
  const producer = await (await clusterOf(t, broker())).producer()
  const send = (n: number) =>
    producer.send({ topic: names.raw, partition: 0 }, [{ key: null, value: Buffer.from(`{"n":"${n}"}`) }])
  for (const n of [0, 1, 2]) await send(n)
  await serving.metricIs('weir_kafka_partition_position{pipeline="filter",partition="0"}', (offset) => offset === 3)
  const set = (offset: string) =>
    weir(['offsets', 'set', '--config', 'weir.yaml', '--partition', '0', '--offset', offset, '--reason', 'a test'], {
      cwd: serving.directory,
    })
  const refused = await set('1')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /the group has members/)
  await serving.stop()
  const outside = await set('9')
  assert.equal(outside.code, 2)
  assert.match(outside.stderr, /--offset: "9" cannot be set: give a number from 0 to 3/)
  const done = await set('1')
  assert.equal(done.code, 0, done.stderr)
  assert.match(done.stdout.toString(), /stands at 3 .*\n.*stands at 1 \(set: a test\)/)
  const again = await serve(t, settingsText([filter(names)], connectionTo(broker())), options)
  await again.metricIs('weir_kafka_partition_position{pipeline="filter",partition="0"}', (offset) => offset === 3)
  await again.stop()
  assert.deepEqual(
    linesOf(await readTopic(broker(), names.processed)),
    ['0', '1', '2', '1', '2'].map((n) => `{"n":"${n}"}`),
  )
})

test('a partition that cannot know where to go on is stopped, and says so wherever one looks', { skip }, async (t) => {
  const names = topics()
  const cluster = await clusterOf(t, broker())
  const config = {}
  await cluster.admin.create(
    [names.raw, names.processed, names.dead].map((name) => ({ name, partitions: 2, replicas: 1, config })),
  )
  const lax = connectionTo(broker()).replace('replicas: 1,', 'replicas: 1, strict: false,')
  const producer = await cluster.producer()
  for (const topic of [names.raw, names.processed]) {
    await producer.send({ topic, partition: 0 }, [{ key: null, value: Buffer.from('{"n":"1"}') }])
  }
  const serving = await serve(t, settingsText([filter(names)], lax), options)
  const stop = await serving.logged(
    'A partition is stopped, until somebody mends it.',
    ({ partition }) => partition === 0,
  )
  assert.equal(stop['reason'], 'no_offset')
  const ready = await serving.ask('/readyz')
  assert.equal(ready.status, 503)
  assert.match(await ready.text(), /partition 0 is stopped \(no_offset\): The group filter-\d+ has no offset/)
  assert.equal(
    await serving.metric('weir_kafka_partition_stopped{pipeline="filter",partition="0",reason="no_offset"}'),
    '1',
  )
  await serving.stop()
  assert.equal((await readTopic(broker(), names.processed)).flat().length, 1)
})

test('topics that could lose records stop a pipeline that is strict', { skip }, async (t) => {
  const names = topics()
  const cluster = await clusterOf(t, broker())
  const config = { 'cleanup.policy': 'compact' }
  await cluster.admin.create([names.raw].map((name) => ({ name, partitions: 2, replicas: 1, config })))
  const serving = await serve(t, settingsText([filter(names)], connectionTo(broker())), options)
  const stop = await serving.logged('A partition is stopped, until somebody mends it.')
  assert.equal(stop['reason'], 'outputs')
  assert.match(String(stop['message']), /cleanup\.policy compact, and needs delete/)
  await serving.stop()
})

test('a filter whose process has died again and again judges records in another one', { skip }, async (t) => {
  const names = topics()
  const settings = `${settingsText([filter(names)], connectionTo(broker()))}stateFolder: state\n`
  const directory = await folder(t)
  for (let death = 0; death < 2; death++) {
    const killed = await serve(t, settings, { ...options, directory })
    await killed.logged('A partition is taken over.')
    await killed.stop('SIGKILL')
  }
  const careful = await serve(t, settings, { ...options, directory })
  const { reason } = await careful.logged('Batches are judged in a process of its own, for a record may end this one.')
  assert.equal(reason, 'the process has died 2 times within 10 minutes')
  await careful.logged('A partition is taken over.', ({ partition }) => partition === 0)
  const producer = await (await clusterOf(t, broker())).producer()
  const value = Buffer.from(body(0, 100))
  await producer.send({ topic: names.raw, partition: 0 }, [{ key: Buffer.from('k'), value }])
  await careful.metricIs('weir_kafka_partition_position{pipeline="filter",partition="0"}', (offset) => offset === 1)
  assert.equal(await careful.metric('weir_engine_evaluate_seconds_total{pipeline="filter"}'), '0')
  assert.equal((await careful.stop()).code, 0)
  const { kept, bad } = wanted(100)
  assert.deepEqual(linesOf(await readTopic(broker(), names.processed)).sort(), kept)
  assert.deepEqual(linesOf(await readTopic(broker(), names.dead)).sort(), bad)
})

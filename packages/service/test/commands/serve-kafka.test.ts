// `weir serve` with Kafka, against a real broker: from HTTP into a topic, from there through the rules into another one.
// What the topics hold is read by Kafka's own client.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readTopic } from '../servers/kafka/reading.js'
import type { ReadRecord } from '../servers/kafka/reading.js'
import { useBroker } from '../servers/kafka/broker.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { anyPort, post, serve, settingsText } from './serving.js'
import type { Serving } from './serving.js'

const skip = await skipWithoutKafka()
const broker = useBroker(skip)

let made = 0

/** Names of topics that no other test has. */
function topics() {
  const n = ++made
  return {
    raw: `raw-${n}`,
    processed: `processed-${n}`,
    dead: `dead-letter-${n}`,
    quarantine: `quarantine-${n}`,
    group: `filter-${n}`,
  }
}

type Names = ReturnType<typeof topics>

const rules = `version: 1
default: keep
rules:
  - { id: sevens, when: { field: n, search: "7" }, then: drop }
`

function connection(partitions = 2): string {
  const brokers = broker()
    .addresses.map((address) => `"${address}"`)
    .join(', ')
  return `kafka: { brokers: [${brokers}], topics: create, partitions: ${partitions}, replicas: 1, sessionMs: 3000 }\nadmin: { listen: '127.0.0.1:0' }\n`
}

const ingest = ({ raw, quarantine }: Names) => `  ingest:
    source: { ${anyPort} }
    routes: { keep: { kafka: { topic: ${raw} } } }
    deadLetter: { kafka: { topic: ${quarantine} } }
    validation: read
    threads: 1
`

const filter = ({ raw, processed, dead, group }: Names, more = '') => `  filter:
    source: { kafka: { topic: ${raw}, group: ${group} } }
    rules: rules.yaml
    routes: { keep: { kafka: { topic: ${processed} } } }
    deadLetter: { kafka: { topic: ${dead} } }
    threads: 1
${more}`

const options = { files: { 'rules.yaml': rules } }

function linesOf(partitions: readonly (readonly ReadRecord[])[]): string[] {
  return partitions.flatMap((records) =>
    records.flatMap(({ value }) =>
      String(value)
        .split('\n')
        .filter((line) => line !== ''),
    ),
  )
}

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

/** Resolves when the filter has delivered so many records. */
function delivered(serving: Serving, records: number): Promise<void> {
  const verdicts = ['kept', 'dropped', 'malformed'].map(
    (verdict) => `weir_records_total{pipeline="filter",verdict="${verdict}"}`,
  )
  const look = async (): Promise<void> => {
    const counts = await Promise.all(verdicts.map((name) => serving.metric(name)))
    if (counts.reduce((sum, count) => sum + Number(count), 0) >= records) return
    await new Promise((resolve) => setTimeout(resolve, 20))
    return look()
  }
  return look()
}

test('what is posted goes through two topics, and each record is where it belongs once', { skip }, async (t) => {
  const names = topics()
  const serving = await serve(t, settingsText([ingest(names), filter(names)], connection()), options)
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
  const first = await serve(t, settingsText([ingest(names)], connection()), options)
  const address = await first.source('ingest')
  const only = settingsText([filter(names)], connection())
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

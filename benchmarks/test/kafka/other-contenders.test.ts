// The contenders between two topics that are not Weir, each on one real broker: drawn records and some that are hard to read,
// told apart as the plain reading does. One that is not installed is skipped by name.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { OriginalFilterSettings } from '@weir/engine'
import { startBroker } from '#src/kafka/broker.js'
import type { BenchmarkBroker } from '#src/kafka/broker.js'
import { Client } from '#src/kafka/client.js'
import type { Form, KafkaContender } from '#src/kafka/contender.js'
import { javaContenders } from '#src/kafka/java-contenders.js'
import { rsyslogKafka } from '#src/kafka/rsyslog.js'
import { rulesOf } from '#src/kafka/selections.js'
import { openStand } from '#src/kafka/stand.js'
import { decidingRule } from '#src/plain-reading.js'
import { createRandom } from '#src/schedule.js'
import { texts } from '../peer-trials.ts'
import { skipWithout } from '../required.ts'

const partitions = 2
const seed = 20
const drawnRecords = 200
const linesOfChunk = 13
/** On a loaded machine Java takes half a minute. */
const startWithinMs = 90_000

/** For each form, so that paths of one step and of two are tried. */
const filtersFor: Readonly<Record<Form, readonly OriginalFilterSettings[]>> = {
  lines: [
    { fieldName: 'a', regex: "(?:[A-Za-z]+|it's|[0-9]+(\\.[0-9]+)?|.*[x\\\\].*)", include: true },
    { fieldName: 'b', regex: '.*[\\\\$].*|1\\d*', include: false },
    { fieldName: 'c', regex: 'keep.*', include: true },
  ],
  chunks: [
    { fieldName: 'deep.c', regex: 'keep.*', include: true },
    { fieldName: 'a', regex: '[A-Za-z]+', include: true },
  ],
}

/** Lines that nobody keeps, and two of which one is kept: which one depends on whether the first or the last of equal keys counts. */
const oddLines = [
  ...['', 'keep', '[{"a":"abc","c":"keep"}]', '{"a":"abc","c":"keep"', '{"a":"abc",,"c":"keep"}', 'null'],
  '{"a":"abc","c":"keep the first","c":"drop","deep":{"c":"keep the first"},"a":"12,"}',
  '{"a":"12,","c":"drop","c":"keep the last","deep":{"c":"keep the last"},"a":"abc"}',
]

function drawLines(): string[] {
  const random = createRandom(seed)
  // To rsyslog an empty text is an absent one.
  const known = texts.filter((each) => each !== '' && !each.includes('\n'))
  const others = [undefined, null, true, 500, 12, -5, 12.5, ['abc'], { y: 'abc' }]
  const values: readonly unknown[] = [...known, ...others]
  const lines = Array.from({ length: drawnRecords }, (_, number) => {
    const [a, b] = [values[random(values.length)], values[random(values.length)]]
    const c = random(4) === 0 ? 'drop' : `keep ${number}`
    return JSON.stringify({ a, long: 'é"\\'.repeat(random(200)), b, deep: { a: b, c }, c })
  })
  oddLines.forEach((line, i) => lines.splice(i * 20, 0, line))
  // Chunks of which nothing stays.
  const dropped = Array.from({ length: 2 * linesOfChunk }, () => '{"a":"abc","c":"drop"}')
  return [...lines, ...dropped]
}

/** The lines of each partition, those of a chunk together. */
function drawChunks(): string[][][] {
  const lines = drawLines()
  const parts: string[][][] = Array.from({ length: partitions }, () => [])
  for (let i = 0; i < lines.length; i += linesOfChunk) {
    parts[(i / linesOfChunk) % partitions]!.push(lines.slice(i, i + linesOfChunk))
  }
  return parts
}

/** Chunks as values, every second one without its last line end; or each line as one. */
function valuesOf(chunks: readonly (readonly string[])[], form: Form): string[] {
  if (form === 'lines') return chunks.flat()
  return chunks.map((lines, i) => lines.join('\n') + (i % 2 === 0 ? '\n' : ''))
}

function isKept(line: string, form: Form, isFirst: boolean): boolean {
  const rules = rulesOf(filtersFor[form])
  const read = (text: string): boolean => decidingRule(rules, Buffer.from(text)) === rules.rules.length
  if (isFirst) return read(line)
  try {
    return read(JSON.stringify(JSON.parse(line)))
  } catch {
    return false
  }
}

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-kafka-'))
const found = await startBroker(folder)
after(() => rmSync(folder, { recursive: true }))
const skipAll = skipWithout('kafka', !('skipped' in found), 'skipped' in found ? found.skipped : '')

describe('on a broker', { skip: skipAll }, () => {
  const { bootstrap } = found as BenchmarkBroker
  let client: Client
  before(async () => {
    client = await Client.connect(bootstrap)
  })
  after(async () => {
    await client.close()
    await (found as BenchmarkBroker).close()
  })

  for (const contender of [...javaContenders, rsyslogKafka]) {
    const skip = skipWithout(contender.tool!.name, contender.tool!.find() !== undefined, 'npm run bench:peers')
    for (const form of contender.forms) {
      test(`${contender.id} writes what the plain reading keeps, in ${form}`, { skip }, async () => {
        const chunks = drawChunks()
        // It reads on only while a record may be kept, and so goes by the first of equal keys; not where paths have several steps.
        const isFirst = contender.delivery === 'exactly-once' && form === 'lines'
        const wanted = chunks.map((part) => {
          const kept = part.map((lines) => lines.filter((line) => isKept(line, form, isFirst)))
          if (form === 'lines') return kept.flat()
          return kept.filter(({ length }) => length > 0).map((lines) => lines.map((line) => `${line}\n`).join(''))
        })
        assert.ok(wanted.flat().length > 10)
        const values = chunks.map((part) => valuesOf(part, form))
        const outputs = await passThrough(contender, form, values, wanted.flat().length)
        if (contender.delivery === 'at-most-once') assert.deepEqual(outputs.flat().sort(), wanted.flat().sort())
        else assert.deepEqual(outputs, wanted)
      })
    }
  }

  /** Has a contender filter values, one half after the other, and returns what it has written to each partition. */
  async function passThrough(
    contender: KafkaContender,
    form: Form,
    values: readonly (readonly string[])[],
    outputs: number,
  ): Promise<string[][]> {
    const input = `${contender.id}-${form}`
    await client.createTopic(input, partitions)
    const task = { client, bootstrap, input, partitions, form, filters: filtersFor[form], cache: folder }
    const stand = await openStand(contender, task)
    const writer = await client.openWriter(input)
    const send = (from: number, to: number): Promise<void> => {
      const part = (all: readonly string[]) => all.slice(from * all.length, to * all.length)
      return writer.send(values.map((all, partition) => ({ partition, values: part(all) })))
    }
    const isThrough = async (): Promise<boolean> => {
      const isRead = (await stand.committed()).join() === (await client.endsOf(input)).join()
      if (contender.delivery !== 'at-most-once') return isRead
      const ends = await client.endsOf(stand.output)
      return isRead && ends.reduce((sum, end) => sum + end, 0) >= outputs
    }
    try {
      if (contender.delivery === 'at-least-once') {
        // What it has begun when it is told to end is neither lost nor repeated.
        await send(0, 0.5)
        const first = stand.start()
        await first.ready(async () => (await stand.committed()).some((offset) => offset > 0), startWithinMs)
        await first.stop()
        await send(0.5, 1)
      } else await send(0, 1)
      const process = stand.start()
      await process.ready(isThrough, startWithinMs)
      await process.stop()
      const read: string[][] = values.map(() => [])
      await client.readAll(stand.output, ({ partition, value }) => read[partition]!.push(String(value)))
      return read
    } finally {
      await writer.close()
      await stand.close()
    }
  }
})

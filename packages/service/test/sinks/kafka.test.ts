// Records of routes and dead letters as records of topics: what is sent, and when. No broker is asked.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { OutgoingRecord } from '#src/kafka/port.js'
import type { MessageOrigin } from '#src/ports/message.js'
import { deadLettersToKafka } from '#src/sinks/kafka-dead-letter.js'
import { chunkBytes, fillingKafkaSink, kafkaSink } from '#src/sinks/kafka.js'
import { ProducerWriter } from '#src/sinks/kafka-writer.js'
import { recordTime } from '#src/sinks/record-time.js'
import type { RecordWriter } from '#src/sinks/kafka-writer.js'
import { mostSendBytes } from '#src/kafka/sends.js'

interface Sent {
  readonly records: OutgoingRecord[]
  readonly acknowledge: () => void
  readonly fail: (error: Error) => void
}

/** A writer whose sends wait to be answered. */
function heldWriter(sent: Sent[]): RecordWriter {
  return {
    name: 'topic t',
    mostBytes: mostSendBytes,
    send: (records) =>
      new Promise((resolve, reject) => {
        const copies = records.map((record) => ({ ...record, value: Buffer.from(record.value) }))
        sent.push({ records: copies, acknowledge: resolve, fail: reject })
      }),
    discard: () => undefined,
  }
}

/** A writer that notes what it sends. */
function notingWriter(records: OutgoingRecord[], mostBytes = mostSendBytes): RecordWriter {
  return { name: 'topic t', mostBytes, send: async (more) => void records.push(...more), discard: () => undefined }
}

const textOf = ({ value }: OutgoingRecord) => Buffer.from(value).toString()
const headersOf = ({ headers = [] }: OutgoingRecord) =>
  headers.map(([name, value]) => `${name}=${String(value)}`).join(' ')
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('lines leave alone, without their line ends, with key and headers of their message', async () => {
  const records: OutgoingRecord[] = []
  const sink = kafkaSink({ writer: notingWriter(records), format: 'lines' })
  const place = { topic: 'raw', partition: 0, offset: 1n }
  const origins: MessageOrigin[] = [
    { ...place, key: Buffer.from('a'), timestampMs: 0, headers: [['x', null]] },
    { ...place, key: null, headers: [], timestampMs: 0 },
  ]
  await sink.write([Buffer.from('1\n2\r\n'), Buffer.from('3')], 'v', origins)
  const told = records.map((record) => `${record.key === null ? '-' : Buffer.from(record.key).toString()} ${JSON.stringify(textOf(record))} ${headersOf(record)}`) // prettier-ignore
  assert.deepEqual(told, ['a "1" x=null weir-rules=v', 'a "2" x=null weir-rules=v', '- "3" weir-rules=v'])
})

test('a line carries its own time, where it is asked for', async () => {
  const records: OutgoingRecord[] = []
  const sink = kafkaSink({ writer: notingWriter(records), format: 'lines', timeOf: recordTime('t') })
  await sink.write([Buffer.from('{"t":"1.5"}\n{}\n')], 'v')
  assert.deepEqual(records.map(headersOf), ['weir-rules=v weir-time=1.5', 'weir-rules=v'])
})

test('chunks are cut behind line ends, and a record that is longer stands alone', async () => {
  const records: OutgoingRecord[] = []
  const sink = kafkaSink({ writer: notingWriter(records), format: 'chunks' })
  const long = `${'x'.repeat(chunkBytes + 5)}\n`
  const text = `${'a'.repeat(chunkBytes - 10)}\n${'b'.repeat(20)}\n${long}c\n`
  await sink.write([Buffer.from(text.slice(0, 100)), Buffer.from(text.slice(100))])
  assert.equal(records.map(textOf).join(''), text)
  assert.deepEqual(records.map(({ value }) => value.length), [chunkBytes - 9, 21, long.length, 2]) // prettier-ignore
  assert.ok(records.every(({ key }) => key === null))
})

test('a chunk is filled by several writes, and sent when it is full or old enough', async () => {
  const sent: Sent[] = []
  const timers: (() => void)[] = []
  const sink = fillingKafkaSink({
    writer: heldWriter(sent),
    chunkAgeMs: 20,
    startTimer: (ms, run) => {
      assert.equal(ms, 20)
      timers.push(run)
      return () => undefined
    },
  })
  await sink.write([Buffer.from('1\n')], 'v')
  await sink.write([Buffer.from('2\n')], 'v')
  let isSafe = false
  const flushed = sink.flush().then(() => (isSafe = true))
  await turn()
  assert.deepEqual([sent.length, timers.length], [0, 1])
  timers[0]!()
  assert.deepEqual(sent.map(({ records }) => records.map(textOf)), [['1\n2\n']]) // prettier-ignore
  await turn()
  assert.equal(isSafe, false)
  sent[0]!.acknowledge()
  await flushed
  const line = `${'y'.repeat(1023)}\n`
  await sink.write([Buffer.from(line.repeat(chunkBytes / 1024 + 1))], 'v')
  assert.equal(sent[1]!.records[0]!.value.length, chunkBytes)
  const finished = sink.finish()
  assert.equal(textOf(sent[2]!.records[0]!), line)
  for (const each of sent) each.acknowledge()
  await finished
})

test('rules that change begin another chunk', async () => {
  const sent: Sent[] = []
  const sink = fillingKafkaSink({ writer: heldWriter(sent), chunkAgeMs: 20, startTimer: () => () => undefined })
  await sink.write([Buffer.from('1\n')], 'old')
  await sink.write([Buffer.from('2\n')], 'new')
  assert.deepEqual(sent.map(({ records }) => headersOf(records[0]!)), ['weir-rules=old']) // prettier-ignore
})

test('what fails is told to whoever waits, and to whoever comes later', async () => {
  const sent: Sent[] = []
  const sink = fillingKafkaSink({ writer: heldWriter(sent), chunkAgeMs: 0, startTimer: (_ms, run) => (setImmediate(run), () => undefined) }) // prettier-ignore
  await sink.write([Buffer.from('1\n')])
  const flushed = assert.rejects(sink.flush(), /away/)
  await turn()
  await turn()
  sent[0]!.fail(new Error('The broker is away.'))
  await flushed
  await assert.rejects(sink.flush(), /away/)
})

test('writes wait while too much is under way', async () => {
  const sent: Sent[] = []
  const sink = fillingKafkaSink({ writer: heldWriter(sent), chunkAgeMs: 20, startTimer: () => () => undefined })
  const mib = Buffer.from(`${'z'.repeat(1023)}\n`.repeat(1024))
  const progress = { written: 0, isOver: false }
  const writing = (async () => {
    for (; progress.written < 20; progress.written++) await sink.write([mib])
  })()
  await turn()
  await turn()
  assert.ok(progress.written >= 8 && progress.written < 10, String(progress.written))
  void writing.then(() => (progress.isOver = true))
  for (let at = 0; !progress.isOver; await turn()) for (; at < sent.length; at++) sent[at]!.acknowledge()
  assert.equal(progress.written, 20)
})

test('memory of chunks is filled again when they are acknowledged, and never where they are not', async () => {
  const under: { value: Uint8Array; copy: Buffer; acknowledge: () => void; fail: (error: Error) => void }[] = []
  const writer: RecordWriter = {
    ...heldWriter([]),
    send: ([record]) =>
      new Promise((resolve, reject) => {
        under.push({ value: record!.value, copy: Buffer.from(record!.value), acknowledge: resolve, fail: reject })
      }),
  }
  const sink = fillingKafkaSink({ writer, chunkAgeMs: 20, startTimer: () => () => undefined })
  const memories = new Set<ArrayBufferLike>()
  const line = (letter: number) => Buffer.from(`${String.fromCharCode(97 + (letter % 26)).repeat(1023)}\n`)
  for (let round = 0; round < 40; round++) {
    // Pieces that end within a chunk, and now and then a record that is longer than one.
    const long = Buffer.from(`${'x'.repeat(chunkBytes + round)}\n`)
    await sink.write([round % 7 === 3 ? long : Buffer.concat(Array<Buffer>(100 + round).fill(line(round)))])
    // Answers do not come in order.
    while (under.length > 3) {
      const [each] = under.splice((round * 5) % under.length, 1)
      assert.ok(each!.copy.equals(each!.value), 'it was written over before it was acknowledged')
      memories.add(each!.value.buffer)
      each!.acknowledge()
      await turn()
    }
  }
  assert.ok(memories.size < 12, String(memories.size))
  const failed = under.splice(0, 1)[0]!
  failed.fail(new Error('The broker is away.'))
  await turn()
  const another = fillingKafkaSink({ writer, chunkAgeMs: 20, startTimer: () => () => undefined })
  for (let round = 0; round < 20; round++) await another.write([Buffer.concat(Array<Buffer>(200).fill(line(round)))])
  assert.ok(failed.copy.equals(failed.value), 'it was written over after it had failed')
})

test('a producer sends to the partitions in turn, to each one thing at a time, and nothing after a failure', async () => {
  const calls: string[] = []
  const answers: { readonly resolve: (offset: bigint) => void; readonly reject: (error: Error) => void }[] = []
  const producer = {
    send: ({ partition }: { readonly partition: number }, [record]: readonly OutgoingRecord[]) => {
      calls.push(`${partition} ${textOf(record!)}`)
      return new Promise<bigint>((resolve, reject) => answers.push({ resolve, reject }))
    },
    discard: () => undefined,
  }
  const writer = new ProducerWriter(producer, 't', [0, 1])
  const record = (text: string) => ({ key: null, value: Buffer.from(text) })
  const sends = ['a', 'b', 'c', 'd'].map((text) => writer.send([record(text)]))
  await turn()
  assert.deepEqual(calls, ['0 a', '1 b'])
  answers[0]!.resolve(0n)
  await sends[0]
  await turn()
  assert.deepEqual(calls, ['0 a', '1 b', '0 c'])
  answers[1]!.reject(new Error('No answer.'))
  await assert.rejects(sends[1]!, /No answer/)
  await assert.rejects(sends[3]!, /No answer/)
  answers[2]!.resolve(1n)
  await sends[2]
  await assert.rejects(writer.send([record('e')]), /No answer/)
  assert.equal(calls.length, 3)
})

test('a dead letter is its bytes, and what is known of it is in headers', async () => {
  const records: OutgoingRecord[] = []
  const letters = deadLettersToKafka(notingWriter(records), { clock: () => 0, maxRecordBytes: 100 })
  const place = { topic: 'raw', partition: 3, offset: 2n ** 60n, record: 7 }
  await letters.write([
    { reason: 'malformed', malformedByReason: { syntax: 2, utf8: 0 }, records: 2, bytes: [Buffer.from('x\n'), Buffer.from('y\n')], source: 'raw', version: 'v', place }, // prettier-ignore
    { reason: 'malformed', malformedByReason: { 'too-long': 1 }, records: 1, bytes: [Buffer.from(`${'z'.repeat(9000)}\n`)], source: 'raw' }, // prettier-ignore
  ])
  assert.equal(textOf(records[0]!), 'x\ny\n')
  assert.equal(
    headersOf(records[0]!),
    'weir-reason=malformed weir-topic=raw weir-partition=3 weir-offset=1152921504606846976 weir-record=7 weir-records=2 weir-bytes=4 weir-source=raw weir-malformed=syntax=2 weir-rules=v',
  )
  assert.equal(records[1]!.value.length, 4096)
  assert.match(headersOf(records[1]!), /weir-bytes=9001 .*weir-sha256=[0-9a-f]{64}/)
})

test('dead letters beyond the rate are counted in a later one, or in one of their own', async () => {
  const records: OutgoingRecord[] = []
  let now = 0
  const letters = deadLettersToKafka(notingWriter(records), { clock: () => now, maxRecordBytes: 1000, maxBytesPerSecond: 200 }) // prettier-ignore
  const letter = { reason: 'malformed', records: 1, bytes: [Buffer.alloc(600, 'x')], source: 'raw' } as const
  await letters.write([letter, letter, letter])
  assert.equal(records.length, 1)
  await letters.flush()
  assert.equal(headersOf(records[1]!), 'weir-reason=suppressed weir-records=0 weir-suppressed=entries=2 records=2 bytes=1200') // prettier-ignore
  await letters.write([letter])
  now = 100_000
  await letters.write([letter])
  assert.match(headersOf(records[2]!), /weir-suppressed=entries=1 records=1 bytes=600/)
  await letters.flush()
  assert.equal(records.length, 3)
})

test('chunks leave room in a send that is small, and are still cut at lines only', async () => {
  const records: OutgoingRecord[] = []
  const line = `${'x'.repeat(99)}\n`
  const long = `${'y'.repeat(2000)}\n`
  const write = kafkaSink({ writer: notingWriter(records, 1280), format: 'chunks' })
  await write.write([Buffer.from(line.repeat(25) + long + line)], 'v')
  const whole = [1000, 1000, 500, 2001, 100]
  assert.deepEqual(
    records.map(({ value }) => value.length),
    whole,
  )
  const sent: Sent[] = []
  const filling = fillingKafkaSink({ writer: { ...heldWriter(sent), mostBytes: 1280 }, chunkAgeMs: 0, startTimer: () => () => undefined }) // prettier-ignore
  await filling.write([Buffer.from(line.repeat(15))])
  assert.deepEqual(
    sent.map((each) => each.records[0]!.value.length),
    [1000],
  )
})

// Dead letters as lines: what they say, how they are cut, and what happens when there are too many.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import type { DeadLetter } from '#src/ports/dead-letters.js'
import type { Sink } from '#src/ports/sink.js'
import { headBytes } from '#src/ports/dead-letters.js'
import { deadLettersInto, partBytes } from '#src/sinks/dead-letter.js'
import type { DeadLetterEntry, DeadLetterOptions, Suppressed } from '#src/sinks/dead-letter.js'

class Memory implements Sink {
  readonly name = 'memory'
  readonly lines: string[] = []
  readonly calls: string[] = []
  private isBusy = false

  async write(chunks: readonly Uint8Array[], version?: string): Promise<void> {
    assert.equal(this.isBusy, false, 'a sink takes one write at a time')
    this.isBusy = true
    await Promise.resolve()
    this.lines.push(...chunks.map((chunk) => Buffer.from(chunk).toString()))
    this.calls.push(`write ${version ?? '-'}`)
    this.isBusy = false
  }

  flush(): Promise<void> {
    return this.call('flush')
  }

  finish(): Promise<void> {
    return this.call('finish')
  }

  discard(): Promise<void> {
    return this.call('discard')
  }

  private call(name: string): Promise<void> {
    this.calls.push(name)
    return Promise.resolve()
  }

  get entries(): DeadLetterEntry[] {
    return this.lines.map((line) => {
      assert.match(line, /^[^\n]+\n$/)
      return JSON.parse(line) as DeadLetterEntry
    })
  }
}

const now = Date.parse('2026-03-04T05:06:07.890Z')

function made(options: Partial<DeadLetterOptions> = {}): {
  memory: Memory
  letters: ReturnType<typeof deadLettersInto>
} {
  const memory = new Memory()
  return { memory, letters: deadLettersInto(memory, { clock: () => now, maxRecordBytes: 1 << 20, ...options }) }
}

function letter(bytes: string | Uint8Array, more: Partial<DeadLetter> = {}): DeadLetter {
  return { reason: 'malformed', records: 1, bytes: [Buffer.from(bytes)], source: 'http', ...more }
}

const decoded = (entry: DeadLetterEntry | undefined) => Buffer.from(entry?.data ?? '', 'base64')

test('a line holds the bytes as they came, and why they are there', async () => {
  const { memory, letters } = made()
  const chunk = new Uint8Array(new SharedArrayBuffer(4))
  chunk.set([0xff, 0x00, 0x0a, 0x7b])
  await letters.write([
    letter('', {
      bytes: [chunk, Buffer.from('x\n')],
      records: 2,
      malformedByReason: { utf8: 1, syntax: 1, depth: 0 },
      version: 'abc',
    }),
    letter('\x1f\x8b?', { reason: 'quarantine', records: 0, detail: 'incorrect header check' }),
  ])
  assert.deepEqual(memory.entries, [
    {
      time: '2026-03-04T05:06:07.890Z',
      reason: 'malformed',
      malformedByReason: { utf8: 1, syntax: 1 },
      records: 2,
      bytes: 6,
      source: 'http',
      version: 'abc',
      data: '/wAKe3gK',
    },
    {
      time: '2026-03-04T05:06:07.890Z',
      reason: 'quarantine',
      records: 0,
      bytes: 4,
      source: 'http',
      detail: 'incorrect header check',
      data: Buffer.from('\x1f\x8b?').toString('base64'),
    },
  ])
  await letters.flush()
  await letters.finish()
  await letters.discard()
  assert.deepEqual(memory.calls, ['write abc', 'write -', 'flush', 'finish', 'discard'])
})

test('a letter without bytes is a line without data', async () => {
  const { memory, letters } = made()
  await letters.write([letter('', { reason: 'quarantine', records: 0, bytes: [] })])
  assert.equal(memory.entries[0]?.data, '')
  assert.equal(memory.entries[0]?.bytes, 0)
})

test('a long letter takes several lines, cut at line ends, which together are all of it', async () => {
  const { memory, letters } = made()
  const text = Array.from({ length: 300_000 }, (_, n) => `x${n}\n`).join('')
  await letters.write([letter(text, { records: 300_000, malformedByReason: { syntax: 300_000 } })])
  const { entries } = memory
  assert.ok(entries.length > 1)
  assert.equal(Buffer.concat(entries.map(decoded)).toString(), text)
  assert.equal(entries.reduce((sum, { bytes }) => sum + bytes, 0), text.length) // prettier-ignore
  assert.equal(entries.reduce((sum, { records }) => sum + records, 0), 300_000) // prettier-ignore
  assert.deepEqual(entries.map(({ part, parts }) => [part, parts]), entries.map((_, n) => [n + 1, entries.length])) // prettier-ignore
  assert.deepEqual(entries.map((entry) => entry.malformedByReason !== undefined), entries.map((_, n) => n === 0)) // prettier-ignore
  for (const entry of entries) {
    const data = decoded(entry)
    assert.ok(data.length <= partBytes)
    assert.equal(data.at(-1), 0x0a)
  }
})

test('bytes without line ends are cut where they have to be', async () => {
  const { memory, letters } = made()
  const body = Buffer.alloc(2.5 * partBytes, 'z')
  await letters.write([letter(body, { reason: 'quarantine', records: 0 })])
  assert.deepEqual(memory.entries.map(({ bytes }) => bytes), [partBytes, partBytes, partBytes / 2]) // prettier-ignore
  assert.ok(Buffer.concat(memory.entries.map(decoded)).equals(body))
})

test('of a record that is too long the start is kept, with its length and checksum, and its neighbours whole', async () => {
  const { memory, letters } = made({ maxRecordBytes: 10_000 })
  const long = 'y'.repeat(30_000) + '\n'
  const limit = 'z'.repeat(10_000) + '\r\n'
  await letters.write([
    letter(`a\n${long}b\n${limit}`, { records: 4, malformedByReason: { 'too-long': 1, syntax: 3 } }),
  ])
  const [before, oversize, after] = memory.entries
  assert.equal(memory.entries.length, 3)
  assert.equal(decoded(before).toString(), 'a\n')
  assert.equal(decoded(after).toString(), `b\n${limit}`)
  assert.equal(decoded(oversize).toString(), 'y'.repeat(headBytes))
  assert.equal(oversize?.truncated, true)
  assert.equal(oversize?.bytes, long.length)
  assert.equal(oversize?.sha256, createHash('sha256').update(long).digest('hex'))
})

test('whole bodies are never left out: there is room for one or there is not, and the next waits for what it took', async () => {
  let time = now
  const { memory, letters } = made({ clock: () => time, maxBytesPerSecond: 1000 })
  const body = letter(Buffer.alloc(3 * partBytes, 'x'), { reason: 'quarantine', records: 0 })
  assert.equal(letters.hasRoom, true)
  await letters.write([body])
  assert.equal(memory.entries.length, 3)
  time += 60_000
  assert.equal(letters.hasRoom, false, 'a minute earns 60,000 bytes')
  time += 5_000_000
  assert.equal(letters.hasRoom, true)
})

test('a record of which only the start came has the length and checksum that it was given', async () => {
  const { memory, letters } = made({ maxRecordBytes: 10_000 })
  const cut = { bytes: 5_000_000, sha256: 'f'.repeat(64) }
  await letters.write([letter('y'.repeat(headBytes), { malformedByReason: { 'too-long': 1 }, cut })])
  const [{ truncated, bytes, records, sha256, part } = {}] = memory.entries
  assert.deepEqual(
    { truncated, bytes, records, sha256, part },
    { truncated: true, ...cut, records: 1, part: undefined },
  )
  assert.equal(decoded(memory.entries[0]).toString(), 'y'.repeat(headBytes))
})

test('what is more than may be written is counted in the next line', async () => {
  let time = now
  const told: Suppressed[] = []
  const { memory, letters } = made({
    clock: () => time,
    maxBytesPerSecond: 1000,
    onSuppressed: (each) => told.push(each),
  })
  const flood = Array.from({ length: 100 }, () => letter('x'.repeat(300) + '\n', { records: 3 }))
  await letters.write(flood)
  // Four seconds' worth: 4000 bytes in lines of 704.
  const written = memory.entries.length
  assert.equal(written, 6)
  assert.equal(told.length, 94)
  time += 1000
  await letters.write([letter('y\n')])
  assert.deepEqual(memory.entries.at(-1)?.suppressed, { entries: 94, records: 94 * 3, bytes: 94 * 301 })
  await letters.flush()
  assert.equal(memory.entries.length, written + 1)
  assert.equal(memory.entries.slice(0, written).some((entry) => entry.suppressed !== undefined), false) // prettier-ignore
})

test('what was left out is told before a flush says that everything is safe, and at the end', async () => {
  for (const end of ['flush', 'finish'] as const) {
    const { memory, letters } = made({ maxBytesPerSecond: 1 })
    await letters.write([letter('a\n'), letter('b\n')])
    await letters[end]()
    assert.deepEqual(memory.calls, ['write -', 'write -', end])
    assert.deepEqual(memory.entries[1], {
      time: '2026-03-04T05:06:07.890Z',
      reason: 'suppressed',
      records: 0,
      bytes: 0,
      suppressed: { entries: 1, records: 1, bytes: 2 },
    })
  }
})

test('by default 128 MiB at once are not too much, and a clock that is put back takes nothing away', async () => {
  let time = now
  const { memory, letters } = made({ clock: () => time })
  const megabyte = Buffer.alloc(1 << 20, 'x\n')
  for (let n = 0; n < 128; n++) {
    await letters.write([letter(megabyte)])
    memory.lines.length = 1
    time -= 1000
  }
  await letters.flush()
  assert.equal(memory.lines.length, 1)
  assert.equal(memory.calls.length, 129)
})

test('a flush may come while letters are written', async () => {
  const { memory, letters } = made({ maxBytesPerSecond: 1 })
  const write = letters.write([letter('a\n'), letter('b\n'), letter('c\n')])
  await Promise.all([write, letters.flush(), letters.flush()])
  assert.deepEqual(memory.entries.map(({ reason }) => reason), ['malformed', 'suppressed']) // prettier-ignore
})

// Samples: which bytes are read, where they are cut, and what is made of them for workers and for consumers.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { kafkaCalls, readSample, sliceOf, workFile, workOf } from '#src/tuning/sample.js'
import { folder, names } from '../running.js'

const line = (i: number) => `{"n":${i}}\n`
const lines = (count: number) => Array.from({ length: count }, (_, i) => line(i)).join('')
const textOf = ({ chunks }: { readonly chunks: readonly Uint8Array[] }) => Buffer.concat(chunks).toString()

test('a sample is read as `weir filter` reads inputs: plain, gzip, an array; a missing last line feed is added', async (t) => {
  const directory = await folder(t)
  const file = path.join(directory, 'in')
  for (const [content, expected] of [
    [lines(50), lines(50)],
    [gzipSync(lines(50)), lines(50)],
    [lines(50).trimEnd(), lines(50)],
    ['[{"n":0}, {"n":1}]', lines(2)],
  ] as const) {
    await writeFile(file, content)
    const sample = await readSample(file)
    assert.equal(textOf(sample), expected)
    assert.equal(sample.bytes, expected.length)
    assert.equal(sample.isCut, false)
  }
})

test('of a longer input whole lines are taken, as many as fit', async (t) => {
  const directory = await folder(t)
  const file = path.join(directory, 'in')
  await writeFile(file, lines(100_000))
  for (const most of [9, 100, 300_000, 300_001]) {
    const sample = await readSample(file, most)
    const text = textOf(sample)
    assert.equal(sample.bytes, text.length)
    assert.ok(text.length <= most && text.length > most - 13, `${text.length} of ${most}`)
    assert.equal(text, lines(100_000).slice(0, text.length))
    assert.equal(text.at(-1), '\n')
    assert.equal(sample.isCut, true)
  }
})

test('an empty input, and a line without end, are no sample', async (t) => {
  const directory = await folder(t)
  const file = path.join(directory, 'in')
  await writeFile(file, '')
  await assert.rejects(readSample(file), { code: 'ERR_CONFIG_SAMPLE', message: /is empty/ })
  await writeFile(file, '{"a":"'.padEnd(5000, 'x'))
  await assert.rejects(readSample(file, 4096), { code: 'ERR_CONFIG_SAMPLE', message: /longer than 4096 bytes/ })
  await assert.rejects(readSample(path.join(directory, 'none')), { code: 'ERR_CONNECTOR_OPEN' })
})

test('work is the start of a long sample, and a short one several times', async (t) => {
  const file = path.join(await folder(t), 'in')
  await writeFile(file, lines(1000))
  const sample = await readSample(file)
  const part = workOf(sample, 500)
  assert.equal(part.repeats, 1)
  assert.ok(part.bytes <= 500 && part.bytes > 480)
  assert.equal(textOf(part), lines(1000).slice(0, part.bytes))
  const more = workOf(sample, 3 * sample.bytes + 1)
  assert.equal(more.repeats, 3)
  assert.equal(textOf(more), lines(1000).repeat(3))
  assert.equal(more.bytes, 3 * sample.bytes)
})

test('a first line that is longer than the work is the work', async (t) => {
  const file = path.join(await folder(t), 'in')
  const long = `{"a":"${'x'.repeat(1000)}"}\n`
  await writeFile(file, long + lines(5))
  const sample = await readSample(file)
  assert.equal(textOf(workOf(sample, 100)), long)
  assert.equal(Buffer.from(sliceOf(sample, 100)).toString(), long)
})

test('the file for workers holds the work and has no name', async (t) => {
  const directory = await folder(t)
  const file = path.join(directory, 'in')
  await writeFile(file, lines(1000))
  const work = workOf(await readSample(file), 100_000)
  const handle = await workFile(work, directory)
  t.after(() => handle.close())
  assert.deepEqual(await names(directory), ['in'])
  assert.equal((await handle.stat()).size, work.bytes)
  const read = Buffer.alloc(work.bytes)
  await handle.read(read, 0, work.bytes, 0)
  assert.equal(read.toString(), textOf(work))
})

test('where the work cannot be kept, the message names the folder and the cure', async (t) => {
  const directory = path.join(await folder(t), 'missing')
  const work = { chunks: [Buffer.from('{}\n')], bytes: 3, repeats: 1 }
  await assert.rejects(workFile(work, directory), {
    code: 'ERR_CONNECTOR_WRITE',
    message: /Cannot keep 3 bytes of the sample in .*missing: no such file or directory \(ENOENT\)\. TMPDIR/,
  })
})

test('calls of a consumer hold every byte once, in values of whole lines, and no more than a batch', () => {
  const bytes = Buffer.from(lines(300_000))
  for (const batchBytes of [4096, 100_000, 2 << 20]) {
    const calls = kafkaCalls(bytes, batchBytes)
    assert.ok(Buffer.concat(calls.flat()).equals(bytes))
    for (const call of calls) {
      assert.ok(call.reduce((sum, value) => sum + value.length, 0) <= batchBytes)
      for (const value of call) {
        assert.equal(value.at(-1), 0x0a)
        assert.ok(value.length <= 1_000_000)
      }
    }
  }
})

test('a line that is longer than a value is one value', () => {
  const long = `{"a":"${'x'.repeat(5000)}"}\n`
  const calls = kafkaCalls(Buffer.from(line(1) + long + line(2)), 4096)
  assert.deepEqual(
    calls.flat().map((value) => Buffer.from(value).toString()),
    [line(1), long, line(2)],
  )
})

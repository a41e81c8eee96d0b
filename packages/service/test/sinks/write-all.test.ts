// Every byte gets there: chunks that are too many for one call, writes that end early or are interrupted, and pipes
// that are full.

import assert from 'node:assert/strict'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { systemCode } from '#src/errors.js'
import { mostChunks, pauseMs, writeAll } from '#src/sinks/write-all.js'
import type { WriteCalls } from '#src/sinks/write-all.js'
import { folder, shell } from '../running.js'

const refused = (code: string) => Object.assign(new Error(code), { code })

/** Answers of the system in a row: how many bytes it takes, or the code of an error. When they are used up, it takes all. */
function scripted(answers: (number | string)[]): {
  calls: WriteCalls
  taken: Buffer[]
  pauses: number[]
  most: number
} {
  const seen = { taken: [] as Buffer[], pauses: [] as number[], most: 0 }
  const take = (chunks: readonly Uint8Array[]): Promise<number> => {
    seen.most = Math.max(seen.most, chunks.length)
    const all = Buffer.concat(chunks)
    const answer = answers.shift() ?? all.length
    if (typeof answer === 'string') return Promise.reject(refused(answer))
    seen.taken.push(Buffer.from(all.subarray(0, answer)))
    return Promise.resolve(Math.min(answer, all.length))
  }
  const pause = (ms: number) => Promise.resolve(seen.pauses.push(ms))
  return Object.assign(seen, { calls: { write: (_: number, chunk: Uint8Array) => take([chunk]), writev: (_: number, chunks: readonly Uint8Array[]) => take(chunks), pause } }) // prettier-ignore
}

const text = (chunks: readonly Uint8Array[]) => Buffer.concat(chunks).toString()
const letters = ['abc', '', 'defg', 'h', 'ijklm'].map((part) => Buffer.from(part))

test('more chunks than one system call takes are written in order, empty and shared ones included', async (t) => {
  const file = path.join(await folder(t), 'out')
  const fd = openSync(file, 'w')
  const chunks = Array.from({ length: 2500 }, (_, index) => {
    const chunk = new Uint8Array(new SharedArrayBuffer(index % 3))
    return chunk.fill(65 + (index % 26))
  })
  await writeAll(fd, chunks)
  closeSync(fd)
  assert.ok((await readFile(file)).equals(Buffer.concat(chunks.map((chunk) => chunk.slice()))))
  const system = scripted([])
  await writeAll(1, chunks, system.calls)
  assert.equal(system.most, mostChunks)
})

test('a write that ends early goes on behind its last byte, wherever in a chunk that is', async () => {
  for (let first = 1; first < 13; first++) {
    for (const second of [1, 2, 5]) {
      const system = scripted([first, second])
      await writeAll(1, letters, system.calls)
      assert.equal(text(system.taken), text(letters), `${first} and ${second} bytes first`)
      assert.deepEqual(system.pauses, [])
    }
  }
})

test('an interrupted write and a full pipe are tried again, after longer and longer pauses', async () => {
  const full = Array.from({ length: 8 }, () => 'EAGAIN')
  const system = scripted(['EINTR', 4, ...full, 0, 2, 'EAGAIN'])
  await writeAll(1, letters, system.calls)
  assert.equal(text(system.taken), text(letters))
  const { first, most } = pauseMs
  assert.deepEqual(system.pauses, [first, 1, 2, 4, 8, 16, 32, most, most, most, first])
})

test('any other error is thrown as it is, and nothing is written after it', async () => {
  const system = scripted([4, 'ENOSPC'])
  await assert.rejects(writeAll(1, letters, system.calls), { code: 'ENOSPC' })
  assert.equal(text(system.taken), 'abcd')
})

/** Opens both ends of a named pipe, neither of which waits. */
async function nonBlockingPipe(t: TestContext): Promise<{ reader: number; writer: number }> {
  const directory = await folder(t)
  await shell('mkfifo pipe', directory)
  const end = (flags: number) => openSync(path.join(directory, 'pipe'), flags | constants.O_NONBLOCK)
  const [reader, writer] = [end(constants.O_RDONLY), end(constants.O_WRONLY)]
  t.after(() => [reader, writer].forEach((fd) => closeSync(fd)))
  return { reader, writer }
}

test('a pipe that takes less than there is gets all of it, as fast as it is read', async (t) => {
  const { reader, writer } = await nonBlockingPipe(t)
  for (const count of [1, 7]) {
    const chunks = Array.from({ length: count }, (_, n) => Buffer.alloc(Math.floor((1 << 20) / count), 65 + n))
    let isWritten = false
    const writing = writeAll(writer, chunks).then(() => (isWritten = true))
    const read: Buffer[] = []
    const part = Buffer.alloc(30_000)
    const expected = text(chunks)
    for (let left = expected.length; left > 0;) {
      try {
        const bytes = readSync(reader, part)
        read.push(Buffer.from(part.subarray(0, bytes)))
        left -= bytes
        assert.ok(left <= 65_536 || !isWritten, 'told too early')
      } catch (error) {
        if (systemCode(error) !== 'EAGAIN') throw error
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await writing
    assert.ok(text(read) === expected)
  }
})

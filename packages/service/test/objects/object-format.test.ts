// What formats make of lines: bytes that everybody can read, and that are the same wherever they are made.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'

import { objectFormat } from '#src/objects/object-format.js'
import type { ObjectFormat } from '#src/objects/object-format.js'
import { skipWithoutCommand } from '../required.js'

const lines = Buffer.from(Array.from({ length: 20_000 }, (_, n) => `{"n":${n},"path":"/a/${n % 7}"}\n`).join(''))

/** Returns what the format makes of the lines, handed over in pieces that are used again. */
async function stored(format: ObjectFormat, bytes: Buffer, pieceBytes: number): Promise<Buffer> {
  const out: Uint8Array[] = []
  const writer = format.open((piece) => out.push(piece))
  const piece = Buffer.alloc(pieceBytes)
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const length = bytes.copy(piece, 0, at, at + pieceBytes)
    await writer.write(piece.subarray(0, length))
    piece.fill('x')
  }
  await writer.end()
  writer.discard()
  return Buffer.concat(out)
}

for (let level = 1; level <= 9; level++) {
  test(`gzip, level ${level}: the head says nothing of name, time and system, and the same lines make the same bytes`, async () => {
    const format = objectFormat('gzip', level)
    const made = await stored(format, lines, 100_000)
    assert.deepEqual([format.extension, format.contentType], ['.ndjson.gz', 'application/gzip'])
    assert.equal(made.subarray(0, 8).toString('hex'), '1f8b080000000000')
    assert.equal(made[9], 255)
    assert.ok(gunzipSync(made).equals(lines))
    assert.ok(made.length < lines.length / 5)
    assert.ok((await stored(format, lines, 100_000)).equals(made))
  })
}

test('no lines are a member of gzip, and no bytes without it', async () => {
  assert.equal(gunzipSync(await stored(objectFormat('gzip', 4), Buffer.alloc(0), 1)).length, 0)
  assert.equal((await stored(objectFormat('none', 4), Buffer.alloc(0), 1)).length, 0)
})

test('without compression the bytes are those of the lines', async () => {
  const format = objectFormat('none', 4)
  assert.deepEqual([format.extension, format.contentType], ['.ndjson', 'application/x-ndjson'])
  assert.ok((await stored(format, lines, 77_777)).equals(lines))
})

const skip = skipWithoutCommand('python3', 'install Python')
test('the gzip of Python reads it, and finds nothing behind it', { skip }, async () => {
  const made = await stored(objectFormat('gzip', 4), lines, 256 << 10)
  const script = 'import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))'
  const python = spawnSync('python3', ['-c', script], { input: made, maxBuffer: 1 << 30 })
  assert.equal(python.stderr.toString(), '')
  assert.ok(python.stdout.equals(lines))
})

test('a writer that is given up settles what is under way, and takes nothing more', async () => {
  const writer = objectFormat('gzip', 9).open(() => undefined)
  const writing = writer.write(lines)
  const [written, ended] = [writing.then(Object, Object), writer.end().then(() => 'ended', () => 'given up')] // prettier-ignore
  writer.discard()
  await written
  assert.equal(await ended, 'given up')
  await assert.rejects(writer.write(lines))
})

// What holds of objects that grow at once, whatever comes in whatever order: each holds its lines, together they take what
// they may, nobody waits for ever, and nothing is left.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'

import fc from 'fast-check'

import { buildObject } from '#src/objects/object-builder.js'
import { objectFormat } from '#src/objects/object-format.js'
import type { ObjectFormat } from '#src/objects/object-format.js'
import { openSpool } from '#src/objects/spool.js'
import type { Spool } from '#src/objects/spool.js'

const kibi = 1 << 10

/** What somebody does who writes objects one after another: calls of add() with the lengths of their values. */
interface Writer {
  readonly adds: readonly (readonly number[])[]
  /** Raw bytes at which it ends an object. */
  readonly objectBytes: number
  /** How long it takes until a finished object is released, in turns of the event loop. */
  readonly storingTurns: number
  /** Whether the bytes can be compressed. */
  readonly isText: boolean
}

interface World {
  readonly writers: readonly Writer[]
  readonly memoryKib: number
  readonly diskKib: number | undefined
  readonly compression: 'gzip' | 'none'
}

const lengths = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 3000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 700 * kibi }) },
)
const writer = fc.record<Writer>({
  adds: fc.array(fc.array(lengths, { maxLength: 20 }), { maxLength: 12 }),
  objectBytes: fc.integer({ min: 1, max: 6000 * kibi }),
  storingTurns: fc.integer({ min: 0, max: 20 }),
  isText: fc.boolean(),
})
const world = fc.record<World>({
  writers: fc.array(writer, { minLength: 1, maxLength: 6 }),
  memoryKib: fc.integer({ min: 200, max: 6000 }),
  diskKib: fc.option(fc.integer({ min: 0, max: 4000 }), { nil: undefined }),
  compression: fc.constantFrom('gzip', 'none'),
})

/** Returns bytes without line feeds, which zlib can make little of unless they are text. */
function valueOf(length: number, seed: number, isText: boolean): Buffer {
  const value = Buffer.alloc(length)
  let state = seed * 2654435761
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    value[i] = isText ? 97 + ((state >>> 28) & 3) : 128 + (state >>> 25)
  }
  return value
}

/** Builds the writer's objects one after another, and holds each against the plain row of its lines. */
async function write({ adds, objectBytes, storingTurns, isText }: Writer, spool: Spool, format: ObjectFormat) {
  let builder = buildObject({ format, spool })
  let lines: Buffer[] = []
  const end = async () => {
    const expected = Buffer.concat(lines)
    const object = await builder.finish()
    const stored = await buffer(object.body.read())
    for (let turns = 0; turns < storingTurns; turns++) await turn()
    assert.equal(stored.length, object.body.bytes)
    assert.ok((format.extension.endsWith('.gz') ? gunzipSync(stored) : stored).equals(expected))
    assert.equal(object.sha256, createHash('sha256').update(expected).digest('hex'))
    assert.deepEqual([object.count, object.rawBytes], [lines.length / 2, expected.length])
    await builder.release()
  }
  for (const [n, values] of adds.entries()) {
    const made = values.map((length, i) => valueOf(length, n * 100 + i, isText))
    lines.push(...made.filter(({ length }) => length > 0).flatMap((value) => [value, Buffer.from('\n')]))
    await builder.add(made)
    if (!builder.mustEnd && builder.rawBytes < objectBytes) continue
    await end()
    builder = buildObject({ format, spool })
    lines = []
  }
  await end()
}

async function run({ writers, memoryKib, diskKib, compression }: World): Promise<void> {
  const folder = diskKib === undefined ? undefined : await mkdtemp(path.join(os.tmpdir(), 'weir-spool-'))
  const memoryBytes = memoryKib * kibi
  const spool = await openSpool({ memoryBytes, folder, maxBytes: (diskKib ?? 0) * kibi })
  // What one add() of each may bring, and two chunks.
  const added = writers.map(({ adds }) => Math.max(0, ...adds.map((values) => values.reduce((a, b) => a + b + 1, 0))))
  const most = memoryBytes + added.reduce((sum, bytes) => sum + bytes + 512 * kibi, 0)
  let isOver = false
  let memory = 0
  const charge = spool.chargeMemory.bind(spool)
  spool.chargeMemory = (bytes) => {
    charge(bytes)
    isOver ||= spool.memoryBytes > most || spool.diskBytes > (diskKib ?? 0) * kibi
    memory = Math.max(memory, spool.memoryBytes)
  }
  await Promise.all(writers.map((each) => write(each, spool, objectFormat(compression, 1))))
  assert.equal(isOver, false, `${memory} of ${most} bytes of memory, or too many on disk`)
  assert.deepEqual([spool.memoryBytes, spool.diskBytes, spool.whyFull], [0, 0, undefined])
  await spool.close()
  if (folder === undefined) return
  assert.deepEqual(await readdir(folder), [])
  await rm(folder, { recursive: true })
}

test('objects that grow at once hold their lines, within the memory and the disk that there is', async () => {
  await fc.assert(fc.asyncProperty(world, run), { numRuns: 60, timeout: 30_000, endOnFailure: true })
})

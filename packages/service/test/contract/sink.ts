// What every sink does, whatever is behind it: a connector's test file is a call of this and a set-up.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import type { Sink } from '#src/ports/sink.js'

/** A sink under test, and what arrived at its destination. */
export interface SinkUnderTest {
  readonly sink: Sink
  /** Returns what is there once the sink is finished or discarded; undefined where not even an empty output is. */
  arrived(): Promise<Buffer | undefined>
  /** Whether `discard()` takes back what was written. */
  readonly canTakeBack: boolean
}

/** Defines the suite; `open` makes a new sink with an empty destination. */
export function testSink(name: string, open: (t: TestContext) => Promise<SinkUnderTest>): void {
  test(`${name}: chunks arrive in order, whole, and not before they are acknowledged`, async (t) => {
    const { sink, arrived } = await open(t)
    const expected: Buffer[] = []
    for (let round = 0; round < 20; round++) {
      const chunks = Array.from({ length: round % 4 }, (_, index) =>
        new Uint8Array(new SharedArrayBuffer(index * 30_000 + round)).fill(65 + round),
      )
      expected.push(...chunks.map((chunk) => Buffer.from(chunk)))
      await sink.write(chunks)
      // Once acknowledged, the memory is the caller's again.
      for (const chunk of chunks) chunk.fill(0)
    }
    await sink.finish()
    assert.ok((await arrived())?.equals(Buffer.concat(expected)))
  })

  test(`${name}: flush() resolves before the first write, between writes and while one is under way`, async (t) => {
    const { sink, arrived } = await open(t)
    await sink.flush()
    const text = '{"a":1}\n'.repeat(10_000)
    for (let round = 0; round < 5; round++) {
      const write = sink.write([Buffer.from(text)])
      await Promise.all([sink.flush(), write])
      await sink.flush()
    }
    await sink.finish()
    assert.ok((await arrived())?.equals(Buffer.from(text.repeat(5))))
  })

  test(`${name}: nothing written is a complete, empty output`, async (t) => {
    const { sink, arrived } = await open(t)
    await sink.finish()
    assert.equal((await arrived())?.length, 0)
  })

  test(`${name}: discard() never throws, and takes back what can be taken back`, async (t) => {
    const { sink, arrived, canTakeBack } = await open(t)
    await sink.write([Buffer.from('a\n')])
    await sink.discard()
    const left = await arrived()
    if (canTakeBack) assert.equal(left?.length ?? 0, 0)
    else assert.equal(left?.toString(), 'a\n')
  })

  test(`${name}: nothing counts that comes while it is discarded`, async (t) => {
    const { sink, arrived, canTakeBack } = await open(t)
    await sink.write([Buffer.from('a\n'.repeat(100_000))])
    const discarded = sink.discard()
    await Promise.allSettled([sink.flush(), sink.write([Buffer.from('b\n')]), sink.flush()])
    await discarded
    if (canTakeBack) assert.equal((await arrived())?.length ?? 0, 0)
  })

  test(`${name}: it has a name for messages`, async (t) => {
    const { sink } = await open(t)
    assert.notEqual(sink.name, '')
    await sink.discard()
  })
}

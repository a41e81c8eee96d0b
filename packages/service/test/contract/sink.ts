// What every sink does, whatever is behind it: a connector's test file is a call of this and a set-up.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { ConnectorError, S3Error } from '#src/errors.js'
import type { Sink } from '#src/ports/sink.js'

/** A sink under test, and what arrived at its destination. */
export interface SinkUnderTest {
  readonly sink: Sink
  /** Returns what is there once the sink is finished or discarded; undefined where not even an empty output is. */
  arrived(): Promise<Buffer | undefined>
  /** Whether `discard()` takes back what was written. */
  readonly canTakeBack: boolean
  /** The rule sets that its manifest names, in their order. Absent where it keeps none. */
  versions?(): Promise<readonly string[]>
}

/** A sink that can be made to fail. */
export interface FailingSinkUnderTest extends SinkUnderTest {
  /** Has the next write or flush fail, and all that follow. */
  harm(): Promise<void> | void
  /** Opens it anew, when it was discarded and nothing harms it any more. Absent where its errors do not pass. */
  readonly reopen?: () => Promise<Sink>
  /** Whether what a failed flush was for may count nevertheless: where it fails when that is on its way. */
  readonly mayCount?: boolean
}

/** Defines the suite; `open` makes a new sink with an empty destination. */
export function testSink(name: string, open: (t: TestContext) => Promise<SinkUnderTest>): void {
  test(`${name}: chunks arrive in order, whole, and not before they are acknowledged`, async (t) => {
    const { sink, arrived } = await open(t)
    const expected: Buffer[] = []
    for (let round = 0; round < 20; round++) {
      // Whole records, of which each has its line end.
      const chunks = Array.from({ length: round % 4 }, (_, index) => {
        const bytes = index * 30_000 + round
        return new Uint8Array(new SharedArrayBuffer(bytes)).fill(65 + round).fill(10, bytes - 1)
      })
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

  test(`${name}: versions of rule sets change nothing of what arrives, and a manifest names them`, async (t) => {
    const { sink, arrived, versions } = await open(t)
    const given = ['one', 'one', 'two', undefined, 'three']
    for (const [n, version] of given.entries()) {
      await sink.write([Buffer.from(`${n}\n`)], version)
      if (n === 1) await sink.flush()
    }
    await sink.finish()
    assert.equal((await arrived())?.toString(), '0\n1\n2\n3\n4\n')
    if (versions !== undefined) assert.deepEqual(await versions(), ['one', 'two', 'three'])
  })

  test(`${name}: it has a name for messages`, async (t) => {
    const { sink } = await open(t)
    assert.notEqual(sink.name, '')
    await sink.discard()
  })
}

/** Defines the suite of what follows an error; `open` makes a new sink with an empty destination. */
export function testFailingSink(name: string, open: (t: TestContext) => Promise<FailingSinkUnderTest>): void {
  const failed = async ({ sink, harm }: FailingSinkUnderTest): Promise<unknown> => {
    await sink.write([Buffer.from('a\n')])
    await sink.flush()
    await harm()
    return sink.write([Buffer.from('b\n')]).then(
      () => sink.flush().then(() => undefined, Object),
      (error: unknown) => error,
    )
  }

  test(`${name}: an error has a code and says whether it may pass, and after it only discard() does not throw`, async (t) => {
    const under = await open(t)
    const error = await failed(under)
    assert.ok(error instanceof ConnectorError || error instanceof S3Error, `it did not fail, or with ${String(error)}`)
    assert.equal(error.retryable, under.reopen !== undefined)
    await assert.rejects(under.sink.write([Buffer.from('c\n')]))
    await under.sink.discard()
  })

  test(`${name}: opened anew after an error, it goes on where the last flush ended`, async (t) => {
    const under = await open(t)
    const { sink, reopen, mayCount = false, arrived } = under
    await failed(under)
    await sink.discard()
    if (reopen === undefined) {
      assert.equal((await arrived())?.toString(), 'a\n')
      return
    }
    const again = await reopen()
    await again.write([Buffer.from('c\n')])
    await again.finish()
    const there = (await arrived())?.toString() ?? ''
    assert.ok(there === 'a\nc\n' || (mayCount && there === 'a\nb\nc\n'), JSON.stringify(there))
  })
}

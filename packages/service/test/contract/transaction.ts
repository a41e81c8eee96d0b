// What every cluster with transactions does, whatever is behind it: a connector's test file is a call of this and a
// set-up.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import type { Sink } from '#src/ports/sink.js'
import type { Source } from '#src/ports/source.js'
import { readAll } from './source.js'

/** A source and sinks of one cluster. */
export interface ClusterUnderTest {
  /** Opens the source anew, as the next process would: it goes on behind what counts. */
  openSource(): Promise<Source<number>>
  openSink(): Promise<Sink>
  /** What others read of what the sinks wrote. */
  read(): Promise<string>
}

/** Defines the suite; `open` makes a cluster whose source yields these texts, with the positions 1, 2 … */
export function testTransactions(
  name: string,
  open: (t: TestContext, texts: readonly string[]) => Promise<ClusterUnderTest>,
): void {
  const texts = ['{"n":1}\n', '{"n":2}\n', '{"n":3}\n']

  /** A transaction in which a sink has written. */
  async function written(source: Source<number>, sink: Sink, text: string) {
    const transaction = await source.begin!()
    sink.join!(transaction)
    await sink.write([Buffer.from(text)])
    await sink.flush()
    return transaction
  }

  test(`${name}: what is written counts with its position, and not before`, async (t) => {
    const cluster = await open(t, texts)
    const source = await cluster.openSource()
    const sink = await cluster.openSink()
    assert.equal((await readAll(source)).text, texts.join(''))
    const transaction = await written(source, sink, 'a\nb\n')
    assert.equal(await cluster.read(), '')
    await transaction.commit(2)
    assert.equal(await cluster.read(), 'a\nb\n')
    await sink.finish()
    await source.close()
    assert.equal((await readAll(await cluster.openSource())).text, texts[2])
  })

  test(`${name}: what is abandoned never counts, nor its position, and the next transaction is none the worse`, async (t) => {
    const cluster = await open(t, texts)
    const source = await cluster.openSource()
    const sink = await cluster.openSink()
    await (await written(source, sink, 'a\n')).abandon()
    assert.equal(await cluster.read(), '')
    await (await written(source, sink, 'b\n')).commit(1)
    assert.equal(await cluster.read(), 'b\n')
    await source.close()
    assert.equal((await readAll(await cluster.openSource())).text, texts.slice(1).join(''))
  })

  test(`${name}: a position counts also where nothing was written`, async (t) => {
    const cluster = await open(t, texts)
    const source = await cluster.openSource()
    await (await source.begin!()).commit(3)
    await source.close()
    assert.equal((await readAll(await cluster.openSource())).text, '')
  })

  test(`${name}: a process that ends in the middle of a transaction leaves nothing of it`, async (t) => {
    const cluster = await open(t, texts)
    const source = await cluster.openSource()
    await written(source, await cluster.openSink(), 'a\n')
    const next = await cluster.openSource()
    assert.equal(await cluster.read(), '')
    assert.equal((await readAll(next)).text, texts.join(''))
    await (await written(next, await cluster.openSink(), 'b\n')).commit(3)
    assert.equal(await cluster.read(), 'b\n')
  })
}

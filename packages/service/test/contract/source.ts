// What every source does, whatever is behind it: a connector's test file is a call of this and a set-up.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { oneAfterAnother } from '#src/pipeline/iterations.js'
import type { Source } from '#src/ports/source.js'

/** Everything that a source yields, as one text. */
export async function readAll<P>(source: Source<P>): Promise<{ text: string; positions: P[] }> {
  const parts: Buffer[] = []
  const positions: P[] = []
  for await (const value of source.values()) {
    if (value.kind === 'bytes') {
      parts.push(Buffer.from(value.bytes))
      positions.push(value.position)
    } else if (value.kind === 'messages') {
      for (const each of value.values) parts.push(Buffer.from(each ?? ''))
      positions.push(value.position)
    } else {
      const bytes = await value.handle.readFile()
      parts.push(bytes)
      positions.push(value.positionAt(bytes.length))
    }
  }
  return { text: Buffer.concat(parts).toString(), positions }
}

/** Defines the suite; `open` makes a source that yields `content`, `placeOf` says how far a position is. */
export function testSource<P>(
  name: string,
  open: (t: TestContext, content: string) => Promise<Source<P>>,
  placeOf: (position: P) => number = Number,
): void {
  const long = Array.from({ length: 40_000 }, (_, index) => `{"n":${index}}\n`).join('')

  for (const [what, content] of [
    ['nothing', ''],
    ['a byte', 'x'],
    ['one line', '{}\n'],
    ['many lines', long],
  ] as const) {
    // prettier-ignore
    test(`${name}: ${what} is yielded as it is, and the source closes`, async (t) => {
      const source = await open(t, content)
      const { text, positions } = await readAll(source)
      assert.ok(text === content)
      const places = positions.map(placeOf)
      assert.deepEqual(places, [...places].sort((a, b) => a - b)) // prettier-ignore
      for (const position of positions) await source.commit(position)
      await source.close()
    })
  }

  test(`${name}: it may be closed before its end, and again`, async (t) => {
    const source = await open(t, long)
    for await (const value of source.values()) {
      assert.ok(value.kind !== 'bytes' || value.bytes.length > 0)
      break
    }
    await source.close()
    await source.close()
  })
}

/** A source that can be read again, and the same input as the next process opens it. */
export interface ResumedSource<P> {
  readonly source: Source<P>
  reopen(): Promise<Source<P>>
}

/** Reads from a new iteration until so many bytes have come, ends it, and returns them and the last position. */
async function readBytes<P>(source: Pick<Source<P>, 'values'>, wanted: number): Promise<{ text: string; position: P }> {
  const values = source.values()[Symbol.asyncIterator]()
  let text = ''
  for (;;) {
    const next = await values.next()
    assert.ok(next.done !== true, `it ended after ${text.length} of ${wanted} bytes`)
    assert.ok(next.value.kind === 'bytes')
    text += Buffer.from(next.value.bytes).toString()
    if (text.length < wanted) continue
    await values.return?.()
    return { text, position: next.value.position }
  }
}

/** Defines the suite of sources that are read again when delivery failed; `open` makes one of this content. */
export function testResumedSource<P>(
  name: string,
  open: (t: TestContext, content: string) => Promise<ResumedSource<P>>,
): void {
  const long = Array.from({ length: 60_000 }, (_, index) => `{"n":${index}}\n`).join('')

  test(`${name}: an iteration begins behind the last position that was committed, also in the next process`, async (t) => {
    const { source, reopen } = await open(t, long)
    const first = await readBytes(source, 1)
    assert.ok(first.text.length > 0 && first.text.length < long.length)
    await source.commit(first.position)
    const rest = long.slice(first.text.length)
    // Twice, for what was not committed comes again.
    for (let time = 0; time < 2; time++) assert.ok((await readBytes(source, rest.length)).text === rest)
    await source.close()
    const next = await reopen()
    assert.ok((await readBytes(next, rest.length)).text === rest)
    await next.close()
  })

  test(`${name}: an iteration that is ended while a value is asked for ends, and the next one has that value`, async (t) => {
    const { source } = await open(t, long)
    const values = source.values()[Symbol.asyncIterator]()
    const asked = values.next()
    await Promise.all([asked, values.return?.()])
    assert.equal((await values.next()).done, true)
    assert.ok((await readBytes(source, long.length)).text === long)
    // As sessions do, which begin while the one before is still ending.
    const sessions = { values: oneAfterAnother(source) }
    const left = sessions.values()[Symbol.asyncIterator]()
    const last = left.next()
    const ended = left.return?.()
    assert.ok((await readBytes(sessions, long.length)).text === long)
    await Promise.all([last, ended])
    await source.close()
  })

  test(`${name}: what is committed is not read again`, async (t) => {
    const { source, reopen } = await open(t, long)
    const { position } = await readBytes(source, long.length)
    await source.commit(position)
    for (const open of [() => source, reopen]) {
      const again = await open()
      const values = again.values()[Symbol.asyncIterator]()
      // Where more may come this waits for it, until it is told to end.
      const [asked] = await Promise.all([values.next(), values.return?.()])
      assert.equal(asked.done, true)
      await again.close()
    }
  })
}

/** A source that is sent its records, and somebody who sends them. */
export interface PushedSource {
  readonly source: Source<number>
  /** Sends lines in one piece. Resolves with whether they were said to be safe. */
  send(lines: string): Promise<boolean>
}

/** Gathers what one iteration yields, and commits where `commits` says so. */
function iterate(source: Source<number>, commits: boolean) {
  const iterator = source.values()[Symbol.asyncIterator]()
  const seen = { text: '', positions: [] as number[] }
  let onValue: (() => void) | undefined
  const ended = (async () => {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      assert.ok(next.value.kind === 'bytes')
      seen.text += Buffer.from(next.value.bytes).toString()
      seen.positions.push(next.value.position)
      if (commits) await source.commit(next.value.position)
      onValue?.()
    }
  })()
  const until = async (text: string) => {
    while (seen.text !== text) await new Promise<void>((resolve) => (onValue = resolve))
  }
  return { seen, ended, until, stop: () => iterator.return?.() }
}

/** Defines the suite of sources that end by `drain()`; `open` makes one that nobody iterates over. */
export function testPushedSource(name: string, open: (t: TestContext) => Promise<PushedSource>): void {
  const lines = Array.from({ length: 30_000 }, (_, index) => `{"n":${index}}\n`).join('')

  test(`${name}: what is sent is yielded as it is, and said to be safe once it is committed`, async (t) => {
    const { source, send } = await open(t)
    const reading = iterate(source, false)
    const sent = send(lines)
    await reading.until(lines)
    let isTold = false
    void sent.then(() => (isTold = true))
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(isTold, false)
    const { positions } = reading.seen
    assert.deepEqual(positions, [...positions].sort((a, b) => a - b)) // prettier-ignore
    await source.commit(positions.at(-1) ?? 0)
    assert.equal(await sent, true)
    await source.close()
  })

  test(`${name}: drain() ends the iteration when what was taken is handed out`, async (t) => {
    const { source, send } = await open(t)
    const reading = iterate(source, false)
    const sent = send(lines)
    await reading.until(lines)
    source.drain?.()
    await reading.ended
    await source.commit(reading.seen.positions.at(-1) ?? 0)
    assert.equal(await sent, true)
    assert.equal(await send(lines), false)
    await source.close()
    await source.close()
  })

  test(`${name}: an iteration that is ended gives back what was not committed, and another one begins`, async (t) => {
    const { source, send } = await open(t)
    const first = iterate(source, false)
    const sent = send(lines)
    await first.until(lines)
    await first.stop()
    await first.ended
    assert.equal(await sent, false)
    assert.equal(await send('{}\n'), false)
    const second = iterate(source, true)
    assert.equal(await send('{}\n'), true)
    assert.equal(second.seen.text, '{}\n')
    // While it waits for more.
    await second.stop()
    await second.ended
    await source.close()
  })

  test(`${name}: an iteration that is ended while it waits takes nothing from the next one`, async (t) => {
    const { source, send } = await open(t)
    const first = iterate(source, true)
    assert.equal(await send('{"n":1}\n'), true)
    await first.stop()
    await first.ended
    const second = iterate(source, true)
    assert.equal(await send('{"n":2}\n'), true)
    assert.deepEqual([first.seen.text, second.seen.text], ['{"n":1}\n', '{"n":2}\n'])
    await second.stop()
    await second.ended
    await source.close()
  })

  test(`${name}: closing ends the iteration, and may be done twice`, async (t) => {
    const { source, send } = await open(t)
    const reading = iterate(source, false)
    const sent = send(lines)
    await reading.until(lines)
    await source.close()
    await source.close()
    await reading.ended
    assert.equal(await sent, false)
    assert.notEqual(source.name, '')
  })
}

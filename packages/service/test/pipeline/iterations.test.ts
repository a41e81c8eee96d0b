// Iterations of one source: none begins while another one still reads.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import { oneAfterAnother } from '#src/pipeline/iterations.js'
import type { Source, SourceValue } from '#src/ports/source.js'

/** A source each of whose reads ends when the test says so. */
function slowSource() {
  const happened: string[] = []
  const reads: (() => void)[] = []
  let count = 0
  const source: Source<number> = {
    name: 'slow',
    async *values(): AsyncGenerator<SourceValue<number>> {
      const iteration = ++count
      happened.push(`${iteration} begins`)
      try {
        for (let position = 1; ; position++) {
          await new Promise<void>((resolve) => reads.push(resolve))
          yield { kind: 'bytes', bytes: Buffer.from('{}\n'), position }
        }
      } finally {
        happened.push(`${iteration} ends`)
      }
    },
    commit: () => undefined,
    close: () => Promise.resolve(),
  }
  return { source, happened, endRead: () => reads.shift()!() }
}

test('an iteration begins when the last read of the one before has ended', async () => {
  const { source, happened, endRead } = slowSource()
  const values = oneAfterAnother(source)
  const first = values()[Symbol.asyncIterator]()
  const read = first.next()
  await setImmediate()
  const ended = first.return?.()
  const second = values()[Symbol.asyncIterator]()
  const next = second.next()
  await setImmediate()
  assert.deepEqual(happened, ['1 begins'])
  endRead()
  assert.equal((await read).done, false)
  await ended
  await setImmediate()
  assert.deepEqual(happened, ['1 begins', '1 ends', '2 begins'])
  endRead()
  assert.equal((await next).value?.kind, 'bytes')
})

test('an iteration whose reader went away without ending it is waited for as well', async () => {
  const { source, happened, endRead } = slowSource()
  const values = oneAfterAnother(source)
  void values()[Symbol.asyncIterator]().next()
  const next = values()[Symbol.asyncIterator]().next()
  await setImmediate()
  assert.deepEqual(happened, ['1 begins'])
  endRead()
  await setImmediate()
  endRead()
  await next
  assert.deepEqual(happened, ['1 begins', '2 begins'])
})

test('a read that fails is its reader’s to hear, and the next iteration begins', async () => {
  const { source } = slowSource()
  const broken = { ...source, values: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('no'))}) }) } // prettier-ignore
  const values = oneAfterAnother(broken)
  await assert.rejects(values()[Symbol.asyncIterator]().next(), /no/)
  await assert.rejects(values()[Symbol.asyncIterator]().next(), /no/)
})

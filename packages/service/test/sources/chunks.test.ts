// The look at an input's first bytes: all of them come again, though their memory has been used for others since.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { peek } from '#src/sources/chunks.js'
import type { Chunk } from '#src/sources/chunks.js'

async function* singleBytes(text: string): AsyncGenerator<Chunk, void, undefined> {
  const buffer = Buffer.alloc(1)
  for (const [i, character] of [...text].entries()) {
    buffer.write(character)
    yield { bytes: buffer, storedBytes: i + 1 }
    await Promise.resolve()
  }
}

test('what was looked at comes again as it was, from a reader that has one buffer', async () => {
  const text = '{"a":1}\n'
  const { seen, all } = await peek(singleBytes(text), (head) => (head.length < 5 ? undefined : head.length))
  assert.equal(seen, 5)
  let read = ''
  for await (const { bytes } of all) read += Buffer.from(bytes).toString()
  assert.equal(read, text)
})

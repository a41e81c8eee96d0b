// What every source does, whatever is behind it: a connector's test file is a call of this and a set-up.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import type { Source } from '#src/ports/source.js'

/** Everything that a source yields, as one text. */
export async function readAll<P>(source: Source<P>): Promise<{ text: string; positions: P[] }> {
  const parts: Buffer[] = []
  const positions: P[] = []
  for await (const value of source.values()) {
    if (value.kind === 'bytes') {
      parts.push(Buffer.from(value.bytes))
      positions.push(value.position)
    } else {
      const bytes = await value.handle.readFile()
      parts.push(bytes)
      positions.push(value.positionAt(bytes.length))
    }
  }
  return { text: Buffer.concat(parts).toString(), positions }
}

/** Defines the suite; `open` makes a source that yields `content`. */
export function testSource(name: string, open: (t: TestContext, content: string) => Promise<Source<number>>): void {
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
      assert.deepEqual(positions, [...positions].sort((a, b) => a - b)) // prettier-ignore
      for (const position of positions) await source.commit(position)
      await source.close()
    })
  }

  test(`${name}: it may be closed before its end, and again`, async (t) => {
    const source = await open(t, long)
    for await (const value of source.values()) {
      assert.ok(value.kind === 'file' || value.bytes.length > 0)
      break
    }
    await source.close()
    await source.close()
  })
}

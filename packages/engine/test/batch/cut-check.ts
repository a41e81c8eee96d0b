// What every way of cutting an input must keep to, checked on plain text. Used by the tests of framing, batcher and
// file ranges.

import assert from 'node:assert/strict'

/** A piece of a text, cut by the code under test. */
export interface CutText {
  readonly bytes: string
  readonly continues: boolean
  readonly open: boolean
}

/**
 * Asserts that the pieces are the text in order without gaps; that each begins at the start of a line, or continues
 * the line that the piece before left open; and that only lines longer than the limit are left open.
 */
export function checkCuts(text: string, pieces: readonly CutText[], maxRecordBytes: number): void {
  const where = (): string => JSON.stringify({ text, pieces, maxRecordBytes })
  assert.equal(pieces.map((piece) => piece.bytes).join(''), text, where())
  let at = 0
  let wasOpen = false
  for (const piece of pieces) {
    assert.notEqual(piece.bytes, '', where())
    assert.equal(piece.continues, wasOpen, where())
    assert.equal(piece.continues, at > 0 && text[at - 1] !== '\n', where())
    at += piece.bytes.length
    const endsInsideLine = at < text.length && text[at - 1] !== '\n'
    assert.equal(piece.open, endsInsideLine, where())
    if (piece.open) assert.ok(lengthOfLineAt(text, at) > maxRecordBytes, where())
    wasOpen = piece.open
  }
  assert.equal(wasOpen, false, where())
}

/** Returns the length of the line that holds position `at`, without its line end. */
function lengthOfLineAt(text: string, at: number): number {
  const start = text.lastIndexOf('\n', at - 1) + 1
  const feed = text.indexOf('\n', at)
  return text.slice(start, feed < 0 ? text.length : feed).replace(/\r$/, '').length
}

/** Yields every text of up to `most` characters over an alphabet. */
export function* textsOver(alphabet: string, most: number): Generator<string> {
  for (let length = 0; length <= most; length++) {
    for (let n = 0; n < alphabet.length ** length; n++) {
      let text = ''
      for (let i = 0, rest = n; i < length; i++, rest = Math.floor(rest / alphabet.length)) {
        text += alphabet[rest % alphabet.length]
      }
      yield text
    }
  }
}

// Records that are too long come in pieces, batch by batch, and are one dead letter each: of the pieces only the start is
// kept, with the length and the checksum of all. Pieces are told by their line ends. Called by pipeline.ts.

import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'

import { headBytes } from '../ports/dead-letters.ts'
import type { CutRecord } from '../ports/dead-letters.ts'

const lineFeed = 0x0a

/** A record that ended, and what is left of it. */
export interface LongRecord extends CutRecord {
  readonly head: Uint8Array
}

/** Malformed bytes of one batch, taken apart. */
export interface MalformedBytes {
  /** The record whose pieces came in batches before, if it ends in this one. */
  readonly ended?: LongRecord
  /** Whole records. *Ownership*: views of what was taken. */
  readonly whole: readonly Uint8Array[]
  /** Whether a record begins here that ends in a later batch: it is counted in this one. */
  readonly begins: boolean
}

/** The record of one stream that is too long and has not ended yet, if there is one. */
export class OpenRecord {
  private hash: Hash | undefined
  private head = Buffer.alloc(0)
  private bytes = 0

  /** Takes the malformed bytes of the next batch. What has no line feed at its end goes on in those of a later one. */
  take(chunks: readonly Uint8Array[]): MalformedBytes {
    if (this.hash === undefined && chunks.at(-1)?.at(-1) === lineFeed) return { whole: chunks, begins: false }
    // Rare, and then most of it is one record.
    const all = Buffer.concat(chunks)
    let at = 0
    let ended: LongRecord | undefined
    if (this.hash !== undefined) {
      const lineEnd = all.indexOf(lineFeed) + 1
      at = lineEnd === 0 ? all.length : lineEnd
      this.add(all.subarray(0, at))
      if (lineEnd > 0) ended = this.end()
    }
    const wholeEnd = Math.max(at, all.lastIndexOf(lineFeed) + 1)
    const begins = wholeEnd < all.length
    if (begins) this.add(all.subarray(wholeEnd))
    const whole = at < wholeEnd ? [all.subarray(at, wholeEnd)] : []
    return { ...(ended === undefined ? {} : { ended }), whole, begins }
  }

  private add(piece: Buffer): void {
    this.hash ??= createHash('sha256')
    this.hash.update(piece)
    this.bytes += piece.length
    if (this.head.length < headBytes) {
      this.head = Buffer.concat([this.head, piece.subarray(0, headBytes - this.head.length)])
    }
  }

  private end(): LongRecord {
    const { head, bytes } = this
    const sha256 = this.hash!.digest('hex')
    this.hash = undefined
    this.head = Buffer.alloc(0)
    this.bytes = 0
    return { head, bytes, sha256 }
  }
}

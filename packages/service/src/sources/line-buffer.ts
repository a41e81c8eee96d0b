// Whole lines out of bytes that come in any pieces, in one buffer: what has no line end yet waits for it. A line that is
// longer than the buffer leaves in pieces. Also, where in a file a line begins. Called by follow.ts.

import type { FileHandle } from 'node:fs/promises'

const bufferBytes = 256 << 10
const lineFeed = 0x0a

/** Bytes that may leave, and where the line begins that follows them, or is not ended by them: where to go on. */
export interface Lines {
  /** *Ownership*: the reader's until the buffer is asked again. */
  readonly bytes: Uint8Array
  readonly nextLine: number
}

/** Lines of one text. */
export class LineBuffer {
  private readonly buffer = Buffer.allocUnsafeSlow(bufferBytes)
  /** Bytes that came, and of them those that have left. */
  private filled = 0
  private taken = 0
  /** Where `buffer[0]` stands in the text. */
  private start: number
  private lineStart: number

  /** `byte`: where the text goes on, at the start of a line. */
  constructor(byte: number) {
    this.start = this.lineStart = byte
  }

  /** Where the next bytes are to come from. */
  get nextByte(): number {
    return this.start + this.filled
  }

  /** Whether something has come of a line whose end has not. */
  get isWithinLine(): boolean {
    return this.nextByte > this.lineStart
  }

  /** Returns room for more bytes. What left before may be overwritten from now on. */
  room(): Buffer {
    this.buffer.copyWithin(0, this.taken, this.filled)
    this.start += this.taken
    this.filled -= this.taken
    this.taken = 0
    return this.buffer.subarray(this.filled)
  }

  /** Takes note that so many bytes were put there, and returns what may leave. */
  add(bytes: number): Lines | undefined {
    this.filled += bytes
    const end = this.buffer.subarray(0, this.filled).lastIndexOf(lineFeed) + 1
    if (end > 0) this.lineStart = this.start + end
    else if (this.filled < this.buffer.length) return undefined
    this.taken = end > 0 ? end : this.filled
    return { bytes: this.buffer.subarray(0, this.taken), nextLine: this.lineStart }
  }

  /** Returns what waits for its end. `isEnded`: adds the line end, for others will follow that are none of it. */
  rest(isEnded: boolean): Lines | undefined {
    if (!this.isWithinLine) return undefined
    const bytes = Buffer.from(this.buffer.subarray(this.taken, this.filled))
    this.lineStart = this.nextByte
    this.taken = this.filled
    return { bytes: isEnded ? Buffer.concat([bytes, Buffer.of(lineFeed)]) : bytes, nextLine: this.lineStart }
  }
}

/** Returns where the line begins that `end` stands in: a line that is half written belongs to what comes. */
export async function lineStartBefore(handle: FileHandle, end: number): Promise<number> {
  const block = Buffer.alloc(64 << 10)
  for (let at = end; at > 0;) {
    const from = Math.max(0, at - block.length)
    const { bytesRead } = await handle.read(block, 0, at - from, from)
    const lineFeed = block.subarray(0, bytesRead).lastIndexOf(0x0a)
    if (lineFeed >= 0) return from + lineFeed + 1
    at = from
  }
  return 0
}

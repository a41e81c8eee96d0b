// Reads a pipe or socket through the event loop, into a few buffers that are used again and again: a buffer for every
// read, as streams make them, is garbage at the rate of the input. Called by file.ts.

import { Socket } from 'node:net'

const slotBytes = 64 << 10
/** Reads that may wait for their reader; more would only be memory. */
const slotCount = 8

/** What a pipe yields: chunks, whose memory is used again when the next one is asked for. */
export class PipeReader implements AsyncIterable<Uint8Array> {
  private readonly socket: Socket
  private readonly slots = Array.from({ length: slotCount }, () => Buffer.allocUnsafeSlow(slotBytes))
  /** Chunks that were read and not yet asked for, the oldest first. */
  private readonly ready: Uint8Array[] = []
  private reads = 0
  /** A chunk is with the reader. */
  private isLent = false
  private end: { readonly error: Error | undefined } | undefined
  private onChange: (() => void) | undefined

  /** Takes over the descriptor; `destroy()` closes it. */
  constructor(fd: number) {
    const options = {
      fd,
      readable: true,
      writable: false,
      onread: { buffer: () => this.freeSlot(), callback: (bytes: number, slot: Buffer) => this.take(bytes, slot) },
    }
    this.socket = new Socket(options)
    this.socket.once('end', () => this.finish(undefined))
    this.socket.once('error', (error) => this.finish(error))
    this.socket.once('close', () => this.finish(undefined))
    this.socket.resume()
  }

  /** Stops reading; whoever waits for a chunk gets the end. */
  destroy(): void {
    this.socket.destroy()
  }

  /** *Errors*: the system's, untranslated, after what was read before. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const chunk = this.ready.shift()
        if (chunk !== undefined) {
          this.isLent = true
          yield chunk
          this.isLent = false
        } else if (this.end === undefined) {
          await new Promise<void>((resolve) => (this.onChange = resolve))
        } else if (this.end.error === undefined) return
        else throw this.end.error
        if (this.hasRoom) this.socket.resume()
      }
    } finally {
      this.destroy()
    }
  }

  /** Slots are filled in turn: with at most `slotCount - 2` waiting and one lent, the next one is always free. */
  private freeSlot(): Buffer {
    return this.slots[this.reads % slotCount] as Buffer
  }

  private take(bytes: number, slot: Buffer): boolean {
    this.ready.push(slot.subarray(0, bytes))
    this.reads++
    this.wake()
    // Node stops reading on false; the slot that it asks for next is the first to be filled after `resume()`.
    return this.hasRoom
  }

  private get hasRoom(): boolean {
    return this.ready.length + (this.isLent ? 1 : 0) < slotCount - 1
  }

  private finish(error: Error | undefined): void {
    this.end ??= { error }
    this.wake()
  }

  private wake(): void {
    this.onChange?.()
    this.onChange = undefined
  }
}

// What a broker answers, cut into frames while it is read, so that the bytes of a large answer go from the system to where
// they are decoded, and are copied nowhere between. Knows nothing of what frames hold. Called by client.ts, which opens
// the connections.

import { KafkaError } from '../errors.ts'

/** Bytes in which small frames are read, several at a time. */
const stagingBytes = 64 << 10
/** Bytes of a frame's length, which do not count for it. */
const lengthBytes = 4
/** Most bytes of a frame. A fetch asks for a fraction, and brokers take no larger batch. */
const mostFrameBytes = 128 << 20

/** What a reader of frames needs. */
export interface FrameReaderOptions {
  /** Takes a frame, its length in front of it. *Ownership*: the receiver's. */
  readonly onFrame: (frame: Buffer) => void
  /** Returns memory for a large frame. */
  readonly take: (bytes: number) => Buffer
}

/** *Order of calls*: `next()`, then `took()` with how many bytes were read there, and so on. */
export class FrameReader {
  readonly #options: FrameReaderOptions
  readonly #staging = Buffer.allocUnsafeSlow(stagingBytes)
  /** How much of a frame is in the staging bytes. */
  #held = 0
  /** A frame that does not fit there, and how much of it was read. */
  #large: Buffer | undefined
  #filled = 0

  constructor(options: FrameReaderOptions) {
    this.#options = options
  }

  /** Returns where the next bytes go; at least one. */
  next(): Buffer {
    return this.#large === undefined ? this.#staging.subarray(this.#held) : this.#large.subarray(this.#filled)
  }

  /** So many bytes were read where `next()` said. *Errors*: `ERR_KAFKA_ANSWER`: what comes is no frame. */
  took(bytes: number): void {
    if (this.#large === undefined) this.#cut(this.#held + bytes)
    else if ((this.#filled += bytes) === this.#large.length) {
      const frame = this.#large
      this.#large = undefined
      this.#options.onFrame(frame)
    }
  }

  /** Cuts what is staged, and keeps the beginning of a frame. */
  #cut(end: number): void {
    let at = 0
    while (end - at >= lengthBytes) {
      const whole = lengthBytes + this.#frameBytesAt(at)
      if (whole > stagingBytes) {
        this.#large = this.#options.take(whole)
        this.#filled = this.#staging.copy(this.#large, 0, at, end)
        at = end
      }
      if (at + whole > end) break
      this.#options.onFrame(Buffer.from(this.#staging.subarray(at, at + whole)))
      at += whole
    }
    this.#held = at === 0 ? end : this.#staging.copy(this.#staging, 0, at, end)
  }

  #frameBytesAt(at: number): number {
    const bytes = this.#staging.readInt32BE(at)
    if (bytes >= 0 && bytes <= mostFrameBytes) return bytes
    const message = `An answer of ${bytes} bytes was announced: what answers is no Kafka broker, or speaks TLS.`
    throw new KafkaError('ERR_KAFKA_ANSWER', message, { details: { bytes, mostFrameBytes } })
  }
}

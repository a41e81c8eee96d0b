// Receives the body of one request: counts it against the limits and the budget, recognises gzip, inflates it while it
// arrives, and has an answer once it is whole. Knows nothing of records and answers nobody. Called by http.ts.

import type { IncomingMessage } from 'node:http'

import type { HttpLimits } from '../http-limits.ts'
import type { ContentEncoding } from '../request-head.ts'
import type { Clock } from '../time.ts'
import type { ByteCharge } from './byte-budget.ts'
import { ChunkStore } from './http-chunks.ts'
import { BodyInflater } from './http-inflater.ts'
import type { InflateOutcome } from './http-inflater.ts'
import type { HttpCode } from './http-responses.ts'
import { compressionOf } from './inflate.ts'

/** Compressed bytes from which inflating begins before the body is whole: slow senders then cost no inflater. */
const startBytes = 64 << 10

/** Bytes that are charged before any of a body has come, where it announces as many. */
export const firstChargeBytes = 4 << 10
/** Most bytes that are charged ahead of what has come: as many as have come, and not more than these. */
const mostAheadBytes = 1 << 20

/**
 * What became of a body. `whole`: its inflated bytes; `corrupt`: it arrived, and its compressed bytes are damaged;
 * `refused`: it broke a limit, and more of it may come; `gone`: the sender went away.
 */
export type ReceivedBody =
  | { readonly kind: 'whole'; readonly chunks: Uint8Array[]; readonly bytes: number }
  | { readonly kind: 'corrupt'; readonly chunks: Uint8Array[]; readonly problem: string }
  | { readonly kind: 'refused'; readonly code: HttpCode }
  | { readonly kind: 'gone' }

/** What `receiveBody` is told. */
export interface ReceiveOptions {
  readonly encoding: ContentEncoding
  /** Bytes that will come. Absent: the body comes in chunks of HTTP. */
  readonly announcedBytes?: number
  /** Holds `firstChargeBytes`, or as many as are announced. It is grown ahead of what comes. */
  readonly charge: ByteCharge
  readonly clock: Clock
  readonly limits: HttpLimits
  /** Called when the last byte is there, which may be before it is inflated. */
  readonly onEnd: () => void
}

/** A body that is being received. */
export interface Receiving {
  readonly result: Promise<ReceivedBody>
  /** Bytes that came, as they travelled. */
  readonly receivedBytes: number
  /**
   * Returns the bytes that are still to come: as many as the limit allows where none are announced, and infinitely many
   * where nothing has come for long.
   */
  toCome(): number
  /** Gives the body up: `result` is `gone`, and what more comes of it is thrown away. */
  stop(): void
}

/** Begins to read the body of a request that nobody has read from. Never rejects. */
export function receiveBody(request: IncomingMessage, options: ReceiveOptions): Receiving {
  return new BodyReceiver(request, options)
}

class BodyReceiver implements Receiving {
  readonly result: Promise<ReceivedBody>
  private readonly options: ReceiveOptions
  private readonly store: ChunkStore
  /** Bytes of `charge` that are for the body as it travels. */
  private chargedBytes: number
  private cameMs: number
  private settle: (body: ReceivedBody) => void = () => undefined
  private isSettled = false
  private isEnded = false
  /** Undefined until the first bytes have told. */
  private isGzip: boolean | undefined
  private inflater: BodyInflater | undefined
  private problem: string | undefined

  constructor(request: IncomingMessage, options: ReceiveOptions) {
    this.options = options
    const { announcedBytes, clock } = options
    this.chargedBytes = Math.min(firstChargeBytes, announcedBytes ?? Infinity)
    this.cameMs = clock()
    // What is charged ahead is not given back bit by bit: more is about to come.
    const charge = { grow: (bytes: number) => this.chargeAhead(bytes), shrink: () => undefined }
    this.store = new ChunkStore({ charge, ...(announcedBytes === undefined ? {} : { expectedBytes: announcedBytes }) })
    if (options.encoding === 'gzip') this.isGzip = true
    this.result = new Promise((resolve) => (this.settle = resolve))
    request.on('data', (bytes: Buffer) => this.take(bytes))
    request.on('end', () => this.end())
    request.on('error', () => this.stop())
    request.on('close', () => this.isEnded || this.stop())
    if (request.destroyed) this.stop()
  }

  get receivedBytes(): number {
    return this.store.length
  }

  toCome(): number {
    const { announcedBytes, limits, clock } = this.options
    if (clock() - this.cameMs > limits.stallMs) return Infinity
    return (announcedBytes ?? limits.bodyBytes) - this.store.length
  }

  stop(): void {
    this.finish({ kind: 'gone' })
  }

  /**
   * Sees to it that the charge holds `bytes` more than the store has. In doubling steps: a sender holds little more than
   * it has sent, whatever it announces, and a long body asks twenty times and not a thousand.
   */
  private chargeAhead(bytes: number): boolean {
    const missing = this.store.grown + bytes - this.chargedBytes
    if (missing <= 0) return true
    const { announcedBytes = Infinity, charge } = this.options
    const ahead = Math.min(this.chargedBytes, mostAheadBytes, announcedBytes - this.chargedBytes)
    const step = Math.max(missing, ahead)
    if (!charge.grow(step)) return false
    this.chargedBytes += step
    return true
  }

  private take(bytes: Uint8Array): void {
    if (this.isSettled) return
    const { store, options } = this
    this.cameMs = options.clock()
    if (store.length + bytes.length > options.limits.bodyBytes) return this.refuse('body-too-large')
    if (!store.append(bytes)) return this.refuse('budget-spent')
    if (this.isGzip === undefined && store.length >= 3) this.isGzip = compressionOf(store.head(3)) === 'gzip'
    if (this.isGzip === true && store.length >= startBytes && this.problem === undefined) this.inflate(false)
  }

  private end(): void {
    if (this.isSettled) return
    this.isEnded = true
    const { store, options } = this
    options.onEnd()
    store.seal()
    options.charge.shrink(this.chargedBytes - store.grown)
    this.chargedBytes = store.grown
    if (this.isGzip !== true || store.length === 0) {
      return this.finish({ kind: 'whole', chunks: store.chunks, bytes: store.length })
    }
    if (this.problem !== undefined) return this.corrupt(this.problem)
    this.inflate(true)
  }

  private inflate(isAll: boolean): void {
    if (this.inflater === undefined) {
      const { charge, limits } = this.options
      const options = { source: this.store, charge, limits, onEnd: (outcome: InflateOutcome) => this.inflated(outcome) }
      this.inflater = BodyInflater.open(options, isAll)
      if (this.inflater === undefined) return this.refuse('budget-spent')
    }
    if (isAll) this.inflater.finish()
    else this.inflater.pump()
  }

  private inflated(outcome: InflateOutcome): void {
    const { output } = this.inflater as BodyInflater
    if (outcome.kind === 'inflated') {
      // The compressed bytes have done their service.
      this.options.charge.shrink(this.chargedBytes)
      return this.finish({ kind: 'whole', chunks: output.chunks, bytes: output.length })
    }
    if (outcome.kind === 'refused') return this.refuse(outcome.code)
    this.options.charge.shrink(output.grown)
    this.problem = outcome.problem
    this.inflater = undefined
    // Only a body that is all there can be set aside.
    if (this.isEnded) this.corrupt(outcome.problem)
  }

  private corrupt(problem: string): void {
    this.finish({ kind: 'corrupt', chunks: this.store.chunks, problem })
  }

  private refuse(code: HttpCode): void {
    this.finish({ kind: 'refused', code })
  }

  private finish(body: ReceivedBody): void {
    if (this.isSettled) return
    this.isSettled = true
    this.inflater?.destroy()
    this.inflater = undefined
    // The request, and with it this object, lives until it is answered; what was read need not.
    if (body.kind !== 'corrupt' && !(body.kind === 'whole' && body.chunks === this.store.chunks)) {
      this.store.chunks.length = 0
    }
    this.settle(body)
  }
}

// Whole bodies on their way to the pipeline: hands them out in the order in which they became whole, remembers which
// are not safe yet, and answers them by the position that is committed, or all of them when the iteration is ended.
// Called by http.ts.

import type { BytesValue } from '../ports/source.ts'
import { createStructureIndex } from '../shapes/structure-vectors.ts'
import type { StructureIndex } from '../shapes/structure.ts'
import type { Clock } from '../time.ts'
import type { HttpExchange } from './http-exchange.ts'
import { Pace } from './http-pace.ts'
import type { HttpCode } from './http-responses.ts'
import { shapeBody } from './http-shapes.ts'

/** How many bodies are done, counted since the source was opened. */
export type HttpPosition = number

/** What `BodyQueue` is made with. */
export interface QueueOptions {
  readonly unwrapEnvelopes: boolean
  readonly envelopeBytes: number
  /** Time from the end of a body to its answer. */
  readonly deadlineMs: number
  readonly clock: Clock
}

interface Body {
  readonly chunks: Uint8Array[]
  readonly exchange: HttpExchange
  readonly bytes: number
  /** When it was whole, by the clock. */
  readonly wholeAtMs: number
  /** Its number among those handed out; 0 before. */
  number: number
  isBeingHandedOut: boolean
}

/** One iteration. */
interface Session {
  isEnded: boolean
}

/** Ends the looking through of a body whose session is over. */
const sessionEnded = new Error('The session has ended.')

/** The bodies of one source. */
export class BodyQueue {
  private readonly options: QueueOptions
  private readonly pace: Pace
  private waiting: Body[] = []
  private handedOut: Body[] = []
  private count = 0
  private session: Session | undefined
  private isDraining = false
  private onChange: (() => void) | undefined
  private structure: StructureIndex | undefined

  constructor(options: QueueOptions) {
    this.options = options
    this.pace = new Pace(options.deadlineMs)
  }

  /** Whether somebody takes what is added. */
  get isIterated(): boolean {
    return this.session !== undefined && !this.isDraining
  }

  /** Whether so much waits to become safe that another body would be answered too late. */
  get isBehind(): boolean {
    const oldest = this.handedOut[0] ?? this.waiting[0]
    if (oldest === undefined) return false
    const heldBytes = () => bytesOf(this.handedOut) + bytesOf(this.waiting)
    return this.pace.isBehind(heldBytes, oldest.wholeAtMs, this.options.clock())
  }

  /** Adds a whole body, or answers it where nobody would take it. The queue frees its charge. */
  add(chunks: Uint8Array[], exchange: HttpExchange): void {
    if (!this.isIterated) return exchange.answer(this.isDraining ? 'draining' : 'unavailable')
    const wholeAtMs = this.options.clock()
    const { inflatedBytes: bytes } = exchange
    const body: Body = { chunks, exchange, bytes, wholeAtMs, number: 0, isBeingHandedOut: false }
    exchange.onAnswered = () => {
      release(body)
      if (body.number === 0) this.waiting = this.waiting.filter((other) => other !== body)
    }
    this.waiting.push(body)
    this.wake()
  }

  /**
   * Iterates over the bodies. `return()` ends the iteration at once, also while a body is waited for, and gives all
   * bodies back to their senders; so does another iteration that is begun.
   */
  values(): AsyncIterable<BytesValue<HttpPosition>> {
    return { [Symbol.asyncIterator]: () => this.iterate() }
  }

  /** Answers every body up to this one. */
  commit(position: HttpPosition): void {
    let done = 0
    while (done < this.handedOut.length && (this.handedOut[done] as Body).number <= position) done++
    const bodies = this.handedOut.splice(0, done)
    const [oldest] = bodies
    if (oldest === undefined) return
    this.pace.safe(bytesOf(bodies), oldest.wholeAtMs, this.options.clock())
    for (const { exchange } of bodies) exchange.answer('ok')
  }

  /** Takes no more; the iteration ends when what waits is handed out. */
  drain(): void {
    this.isDraining = true
    this.wake()
  }

  /** Gives every body back to its sender. */
  giveBack(code: HttpCode): void {
    const bodies = [...this.handedOut, ...this.waiting]
    this.handedOut = []
    this.waiting = []
    for (const { exchange } of bodies) exchange.answer(code)
  }

  /** Ends an iteration that is under way, and gives everything back. */
  close(): void {
    this.isDraining = true
    if (this.session !== undefined) this.session.isEnded = true
    this.giveBack('draining')
    this.wake()
  }

  private iterate(): AsyncIterator<BytesValue<HttpPosition>, void, undefined> {
    if (this.session !== undefined) this.session.isEnded = true
    this.wake()
    const session: Session = { isEnded: false }
    this.session = session
    // What an iteration left that ended by itself or by a fault: its positions must not be committed by this one.
    this.giveBack('not-delivered')
    const inner = this.generate(session)
    return {
      next: () => inner.next(),
      return: async () => {
        session.isEnded = true
        if (this.session === session) {
          this.session = undefined
          this.giveBack('not-delivered')
        }
        // A generator that waits cannot be ended by its own `return()`.
        this.wake()
        return inner.return()
      },
    }
  }

  private async *generate(session: Session): AsyncGenerator<BytesValue<HttpPosition>, void, undefined> {
    try {
      for (;;) {
        const body = await this.nextBody(session)
        if (body === undefined) return
        yield* this.handOut(body, session)
      }
    } finally {
      if (this.session === session) this.session = undefined
    }
  }

  private async *handOut(body: Body, session: Session): AsyncGenerator<BytesValue<HttpPosition>, void, undefined> {
    body.isBeingHandedOut = true
    const { unwrapEnvelopes, envelopeBytes } = this.options
    const structure = (this.structure ??= createStructureIndex())
    const pause = async () => {
      await new Promise<void>((resolve) => setImmediate(resolve))
      if (session.isEnded) throw sessionEnded
    }
    try {
      for await (const { bytes, isLast } of shapeBody(body.chunks, {
        unwrapEnvelopes,
        envelopeBytes,
        structure,
        pause,
      })) {
        if (session.isEnded) return
        if (body.number === 0) {
          // Its sender may have gone while it was looked through: who was not told of success sends it again.
          if (body.exchange.isAnswered) return
          body.number = ++this.count
          this.handedOut.push(body)
        }
        // Who reads the last piece may commit it before asking for more.
        if (isLast) body.isBeingHandedOut = false
        const { cameMs } = body.exchange
        yield { kind: 'bytes', bytes, position: isLast ? body.number : body.number - 1, cameMs }
      }
      // It holds no records.
      if (body.number === 0) body.exchange.answer('ok')
    } catch (error) {
      if (error !== sessionEnded) throw error
    } finally {
      body.isBeingHandedOut = false
      // The iteration was ended, or failed, while it was looked through; the queue does not know it any more.
      if (body.number === 0) body.exchange.answer('not-delivered')
      if (body.exchange.isAnswered) release(body)
    }
  }

  private async nextBody(session: Session): Promise<Body | undefined> {
    for (;;) {
      if (session.isEnded) return undefined
      const body = this.waiting.shift()
      if (body === undefined && this.isDraining) return undefined
      if (body !== undefined && !body.exchange.isAnswered) return body
      if (body === undefined) await new Promise<void>((resolve) => (this.onChange = resolve))
    }
  }

  private wake(): void {
    this.onChange?.()
    this.onChange = undefined
  }
}

function bytesOf(bodies: readonly Body[]): number {
  return bodies.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Gives back what a body holds, once it is answered and nobody reads it. */
function release(body: Body): void {
  if (body.isBeingHandedOut) return
  body.chunks.length = 0
  body.exchange.charge.free()
}

// One request and its answer: answers once, whoever comes first, in the form that the table of codes has; gives back
// what the request took from the budget; tells the observer. Called by http.ts and http-queue.ts.

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { HttpLimits } from '../http-limits.ts'
import { hasBody } from '../request-head.ts'
import type { Clock, StartTimer } from '../time.ts'
import type { ByteCharge } from './byte-budget.ts'
import { answerBody, httpResponses, retryAfter } from './http-responses.ts'
import type { HttpCode } from './http-responses.ts'

/** What came of one request, or of a connection that sent none. */
export interface HttpOutcome {
  /** Status of the answer; 499 where the sender went away before there was one. */
  readonly status: number
  readonly code: HttpCode | 'client-gone'
  /** Bytes of the body, as they travelled; as many as were read. */
  readonly compressedBytes: number
  /** 0 where the body was not taken. */
  readonly inflatedBytes: number
  /** From the head of the request to its answer. */
  readonly seconds: number
}

/** Told of every answer: once for each request, never for each record. */
export interface HttpObserver {
  answered(outcome: HttpOutcome): void
}

/** What all exchanges of a server share. */
export interface ExchangeContext {
  readonly limits: HttpLimits
  readonly clock: Clock
  readonly startTimer: StartTimer
  readonly random: () => number
  readonly observe: HttpObserver | undefined
  /** Whether connections end with their next answer. */
  isClosing(): boolean
}

/** How an answer is given. */
export interface AnswerOptions {
  readonly detail?: string
  /** Instead of a drawn one. */
  readonly retryAfterSeconds?: number
  /** The rest of the request cannot be read. */
  readonly isBroken?: boolean
}

/** A request that waits for its answer. */
export class HttpExchange {
  readonly request: IncomingMessage
  readonly charge: ByteCharge
  /** Bytes of the body so far; set by whoever receives it. */
  compressedBytes: () => number = () => 0
  inflatedBytes = 0
  /** When the last byte of the body came, by the clock; before that, when the head did. */
  cameMs: number
  /** Called once, when the request is answered or its sender gone. Whoever holds memory of it frees it, and the charge. */
  onAnswered: () => void
  /** Called when the connection ends with this answer: what stands behind the request is none. */
  onLast: () => void = () => undefined
  private readonly response: ServerResponse
  private readonly context: ExchangeContext
  private readonly startedAt: number
  private isOver = false
  private cancelDeadline: (() => void) | undefined

  constructor(request: IncomingMessage, response: ServerResponse, charge: ByteCharge, context: ExchangeContext) {
    this.request = request
    this.response = response
    this.charge = charge
    this.context = context
    this.startedAt = context.clock()
    this.cameMs = this.startedAt
    this.onAnswered = () => charge.free()
    response.on('error', () => undefined)
    response.on('close', () => this.end(499, 'client-gone'))
  }

  /** Whether there is an answer, or nobody to answer. */
  get isAnswered(): boolean {
    return this.isOver
  }

  /** Whether the whole request has been read. */
  get isRead(): boolean {
    return this.request.complete
  }

  /** Takes note that the body is there: the time begins within which there must be an answer. */
  startDeadline(): void {
    const { startTimer, limits, clock } = this.context
    this.cameMs = clock()
    this.cancelDeadline = startTimer(limits.deadlineMs, () => this.answer('deadline'))
  }

  /** Answers; does nothing where that was done. */
  answer(code: HttpCode, options: AnswerOptions = {}): void {
    if (this.isOver) return
    const { status } = httpResponses[code]
    const body = answerBody(code, options.detail)
    const isRest = !this.isRead && hasBody(this.request)
    const { response } = this
    // Node reads nothing behind a request that asks for another protocol, though that is ignored.
    const asksForUpgrade = this.request.headers.upgrade !== undefined
    const isLast = isRest || options.isBroken === true || asksForUpgrade || this.context.isClosing()
    if (isLast) this.onLast()
    response.writeHead(status, this.headers(code, body, isLast, options.retryAfterSeconds))
    if (isRest && options.isBroken !== true) this.linger(body)
    else response.end(body)
    this.end(status, code)
  }

  private headers(code: HttpCode, body: string, isLast: boolean, seconds?: number): Record<string, string | number> {
    const { status } = httpResponses[code]
    const headers: Record<string, string | number> = { 'Content-Length': Buffer.byteLength(body) }
    if (body !== '') headers['Content-Type'] = 'application/json'
    if (status === 503 || status === 429) {
      headers['Retry-After'] = seconds ?? retryAfter(this.context.limits, this.context.random)
    }
    if (status === 401) headers['WWW-Authenticate'] = 'Basic realm="weir", charset="UTF-8"'
    if (status === 405) headers['Allow'] = 'POST'
    if (isLast) headers['Connection'] = 'close'
    return headers
  }

  /**
   * Sends the answer whole, and closes only when the sender has seen it or had time to: a connection that is closed on
   * bytes nobody has read is reset, and the answer lost.
   */
  private linger(body: string): void {
    const { request, response, context } = this
    let discarded = 0
    const close = () => {
      cancel()
      response.end()
    }
    const cancel = context.startTimer(context.limits.lingerMs, close)
    request.on('data', (bytes: Uint8Array) => {
      discarded += bytes.length
      if (discarded > context.limits.bodyBytes) close()
    })
    request.on('end', close)
    request.on('error', close)
    response.write(body)
    request.resume()
  }

  private end(status: number, code: HttpOutcome['code']): void {
    if (this.isOver) return
    this.isOver = true
    this.cancelDeadline?.()
    const seconds = Math.max(0, this.context.clock() - this.startedAt) / 1000
    const { inflatedBytes } = this
    this.context.observe?.answered({ status, code, compressedBytes: this.compressedBytes(), inflatedBytes, seconds })
    this.onAnswered()
  }
}

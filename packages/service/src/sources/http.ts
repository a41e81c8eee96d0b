// The source `http`: takes bodies by POST, hands their records on, and answers 200 once they are safe. What is here: the
// life of the source, and the way of one request through the files named http-*.ts. What it promises: docs/ingest.md.
// Knows nothing of records. Called by commands.

import type { IncomingMessage, ServerResponse } from 'node:http'

import { addressText } from '../address.ts'
import type { ListenAddress } from '../address.ts'
import { httpLimits } from '../http-limits.ts'
import type { HttpLimits } from '../http-limits.ts'
import type { DeadLetter } from '../ports/dead-letters.ts'
import type { BytesValue, Source } from '../ports/source.ts'
import { announcedBytes, contentEncodingOf, hostPolicy, pathOf, refuseForeign, refuseFraming } from '../request-head.ts'
import type { HostPolicy } from '../request-head.ts'
import { startSystemTimer, steadyClock } from '../time.ts'
import type { Clock, StartTimer } from '../time.ts'
import type { WatchedNews } from '../watched-value.ts'
import { ByteBudget, ByteCharge } from './byte-budget.ts'
import { ByteRate } from './byte-rate.ts'
import { openCredentials } from './credentials.ts'
import type { Credentials, Verification } from './credentials.ts'
import { firstChargeBytes, receiveBody } from './http-body.ts'
import type { ReceivedBody } from './http-body.ts'
import { HttpExchange } from './http-exchange.ts'
import type { ExchangeContext, HttpObserver } from './http-exchange.ts'
import { BodyQueue } from './http-queue.ts'
import type { HttpPosition } from './http-queue.ts'
import type { HttpCode } from './http-responses.ts'
import { HttpServer } from './http-server.ts'
import type { TlsFiles } from './http-tls.ts'

export type { HttpObserver, HttpOutcome } from './http-exchange.ts'
export type { HttpPosition } from './http-queue.ts'

/** Memory that a request takes besides its body. */
const requestBytes = 8 << 10

/** The part of the budget from which on it counts as spent: what is left is too little for most bodies. */
const fullShare = 0.95

/** Options of `openHttpSource`. */
export interface HttpSourceOptions {
  /** The pipeline's name, for messages. */
  readonly name: string
  /** Port 0: one that the system chooses. */
  readonly listen: ListenAddress
  /** Default: `/ingest`. */
  readonly path?: string
  /** File of credentials; absent: whoever reaches the port may send. */
  readonly users?: string
  /** Absent: plain HTTP. */
  readonly tls?: TlsFiles
  /** Names by which the service may be called where it listens on a loopback address, besides `localhost`. */
  readonly hosts?: readonly string[]
  /** Default: yes. */
  readonly unwrapEnvelopes?: boolean
  readonly limits?: Partial<HttpLimits>
  /** What all sources of the process may hold together. */
  readonly budget: ByteBudget
  /** Resolves when the letter is safe, with whether it is kept. */
  readonly quarantine: (letter: DeadLetter) => Promise<boolean>
  readonly observe?: HttpObserver
  /** Takes faults that concern no single request, or that its sender is not told of; the source goes on. */
  readonly report?: (error: unknown) => void
  /** Takes what became of a file of credentials or certificates that has changed; the one before stays while it is bad. */
  readonly reportFile?: (file: 'users' | 'tls', news: WatchedNews) => void
  /** For tests. */
  readonly clock?: Clock
  readonly startTimer?: StartTimer
  /** For tests: a number in [0, 1). */
  readonly random?: () => number
}

/**
 * A source that is sent its records. While nobody iterates over it, it answers 503; ending an iteration gives what was
 * handed out and not committed back to its senders, who send it again.
 */
export interface HttpSource extends Source<HttpPosition> {
  /** Where it listens. */
  readonly address: ListenAddress
  /** Bytes that requests hold at the moment. */
  readonly inFlightBytes: number
  drain(): void
  /** Looks now whether files of credentials and certificates have changed: a change is taken after one or two looks. */
  poll(): Promise<void>
}

/** Listens. *Errors*: `ERR_CONNECTOR_LISTEN`, `ERR_CONFIG_USERS`, `ERR_CONFIG_TLS`. */
export async function openHttpSource(options: HttpSourceOptions): Promise<HttpSource> {
  const source = new ListeningSource(options)
  await source.open()
  return source
}

class ListeningSource implements HttpSource {
  private readonly options: HttpSourceOptions
  private readonly limits: HttpLimits
  private readonly path: string
  private readonly hosts: HostPolicy
  private readonly inFlight: ByteBudget
  private readonly queue: BodyQueue
  private readonly rate: ByteRate
  /** Exchanges whose body is still coming. */
  private readonly receiving = new Set<HttpExchange>()
  private readonly context: ExchangeContext
  private credentials: Credentials | undefined
  private server: HttpServer | undefined
  private isDraining = false
  private closed: Promise<void> | undefined

  constructor(options: HttpSourceOptions) {
    const { listen, hosts, observe, random = Math.random } = options
    const { clock = steadyClock, startTimer = startSystemTimer } = options
    this.options = options
    this.limits = httpLimits(options.limits)
    this.path = options.path ?? '/ingest'
    this.hosts = hostPolicy(listen, hosts)
    this.inFlight = new ByteBudget(Infinity, options.budget)
    this.rate = new ByteRate(this.limits.credentialBytesPerSecond, clock)
    const { envelopeBytes, deadlineMs } = this.limits
    this.queue = new BodyQueue({ unwrapEnvelopes: options.unwrapEnvelopes ?? true, envelopeBytes, deadlineMs, clock })
    const isClosing = () => this.isDraining
    this.context = { limits: this.limits, clock, startTimer, random, observe, isClosing }
  }

  async open(): Promise<void> {
    const { users: path, listen, tls, reportFile } = this.options
    const { context } = this
    const { limits, startTimer } = context
    const { pollMs, concurrentHashes } = limits
    const reported = {
      report: (error: unknown) => this.report(error),
      reportTls: (news: WatchedNews) => reportFile?.('tls', news),
    }
    try {
      if (path !== undefined) {
        const report = (news: WatchedNews) => reportFile?.('users', news)
        this.credentials = await openCredentials({ path, startTimer, pollMs, concurrentHashes, report })
      }
      const onRequest = this.take.bind(this)
      const ways = tls === undefined ? {} : { tls }
      this.server = await HttpServer.open({ listen, ...ways, context, onRequest, ...reported })
    } catch (error) {
      await this.close()
      throw error
    }
  }

  get name(): string {
    const scheme = this.options.tls === undefined ? 'http' : 'https'
    return `${scheme}://${addressText(this.address)}${this.path}`
  }

  get address(): ListenAddress {
    return this.server?.address ?? this.options.listen
  }

  get inFlightBytes(): number {
    return this.inFlight.used
  }

  get whyFull(): string | undefined {
    const { used, total } = this.options.budget
    return used < fullShare * total ? undefined : `${used} of ${total} bytes are in flight`
  }

  values(): AsyncIterable<BytesValue<HttpPosition>> {
    return this.queue.values()
  }

  commit(position: HttpPosition): void {
    this.queue.commit(position)
  }

  drain(): void {
    this.isDraining = true
    this.queue.drain()
    for (const exchange of this.receiving) exchange.answer('draining')
  }

  async poll(): Promise<void> {
    await Promise.all([this.credentials?.poll(), this.server?.poll()])
  }

  close(): Promise<void> {
    this.drain()
    this.queue.close()
    this.closed ??= (async () => {
      await Promise.all([this.credentials?.close(), this.server?.close()])
    })()
    return this.closed
  }

  private take(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const exchange = new HttpExchange(request, response, new ByteCharge(this.inFlight), this.context)
    this.server?.track(exchange, response)
    this.admit(exchange, expectsContinue ? () => response.writeContinue() : () => undefined).catch((error: unknown) => {
      this.report(error)
      exchange.answer('internal')
    })
  }

  /** Everything before the body. `proceed`: tells the sender that the body may come. */
  private async admit(exchange: HttpExchange, proceed: () => void): Promise<void> {
    const { request } = exchange
    const foreign = refuseFraming(request) ?? refuseForeign(request, this.hosts)
    if (foreign !== undefined) return exchange.answer(foreign, { isBroken: foreign === 'bad-framing' })
    const verdict = this.credentials?.verify(request.headers.authorization) ?? anonymous
    // Without a promise where there is none: a turn for each request would be felt.
    const { name, ...rest } = verdict instanceof Promise ? await verdict : verdict
    if ('refusal' in rest) {
      return exchange.answer(rest.refusal === 'busy' ? 'credentials-busy' : 'unauthorized')
    }
    const encoding = this.judge(request)
    if (encoding !== 'identity' && encoding !== 'gzip') return exchange.answer(encoding)
    const announced = announcedBytes(request)
    if (announced === 0) return exchange.answer('ok')
    const user = name ?? ''
    const refusal = this.refuseForNow(user)
    if (refusal !== undefined) return exchange.answer(refusal.code, refusal)
    const first = requestBytes + Math.min(firstChargeBytes, announced ?? Infinity)
    if (!exchange.charge.begin(first, requestBytes + (announced ?? 0))) return exchange.answer('budget-spent')
    proceed()
    const body = await this.receive(exchange, encoding, announced)
    this.rate.spend(user, exchange.compressedBytes())
    await this.settle(exchange, body)
  }

  /** Judges what the sender has to mend. Returns the encoding of the body, or the answer. */
  private judge(request: IncomingMessage): ReturnType<typeof contentEncodingOf> | HttpCode {
    if (pathOf(request) !== this.path) return 'unknown-path'
    if (request.method !== 'POST') return 'wrong-method'
    const encoding = contentEncodingOf(request)
    if (encoding !== 'identity' && encoding !== 'gzip') return encoding
    return (announcedBytes(request) ?? 0) > this.limits.bodyBytes ? 'body-too-large' : encoding
  }

  /** Judges what passes: rates, shutdown, a pipeline that does not run or does not keep up. */
  private refuseForNow(user: string): { code: HttpCode; retryAfterSeconds?: number } | undefined {
    const seconds = this.rate.secondsToWait(user)
    if (seconds > 0) return { code: 'rate-exceeded', retryAfterSeconds: seconds }
    if (this.isDraining) return { code: 'draining' }
    if (!this.queue.isIterated) return { code: 'unavailable' }
    return this.queue.isBehind ? { code: 'behind' } : undefined
  }

  private async receive(
    exchange: HttpExchange,
    encoding: 'identity' | 'gzip',
    announced: number | undefined,
  ): Promise<ReceivedBody> {
    const { charge, request } = exchange
    const receiving = receiveBody(request, {
      encoding,
      ...(announced === undefined ? {} : { announcedBytes: announced }),
      charge,
      clock: this.context.clock,
      limits: this.limits,
      onEnd: () => {
        charge.keep()
        exchange.startDeadline()
      },
    })
    charge.yieldBy({ toCome: () => receiving.toCome(), giveUp: () => exchange.answer('budget-spent') })
    exchange.compressedBytes = () => receiving.receivedBytes
    exchange.onAnswered = () => {
      receiving.stop()
      charge.free()
    }
    if (exchange.isAnswered) exchange.onAnswered()
    this.receiving.add(exchange)
    try {
      return await receiving.result
    } finally {
      this.receiving.delete(exchange)
    }
  }

  private async settle(exchange: HttpExchange, body: ReceivedBody): Promise<void> {
    if (body.kind === 'gone' || exchange.isAnswered) return
    if (body.kind === 'refused') return exchange.answer(body.code)
    if (body.kind === 'corrupt') return this.quarantine(exchange, body.chunks, body.problem)
    exchange.inflatedBytes = body.bytes
    if (body.bytes === 0) exchange.answer('ok')
    else this.queue.add(body.chunks, exchange)
  }

  /** Sets a damaged body aside. Its memory is the writer's until then, whatever its sender is told. */
  private async quarantine(exchange: HttpExchange, bytes: readonly Uint8Array[], problem: string): Promise<void> {
    exchange.onAnswered = () => undefined
    const detail = `The gzip body cannot be inflated: ${problem}.`
    try {
      const isKept = await this.options.quarantine({
        reason: 'quarantine',
        records: 0,
        bytes,
        source: this.name,
        detail,
      })
      exchange.answer(
        'corrupt-gzip',
        isKept ? {} : { detail: `${detail} It is not kept: there are no dead letters here.` },
      )
    } catch (error) {
      this.report(error)
      exchange.answer('quarantine-failed')
    } finally {
      exchange.charge.free()
    }
  }

  private report(error: unknown): void {
    this.options.report?.(error)
  }
}

const anonymous: Verification = { name: '' }

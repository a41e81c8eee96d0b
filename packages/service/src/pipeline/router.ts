// Brings the records of each route to its sink, and malformed ones to the dead letters where there are any. Knows routes
// by name and sinks by their port, nothing of what is behind either. Called by pipeline.ts.

import type { DeadLetter, DeadLetters } from '../ports/dead-letters.ts'
import type { MessageOrigin } from '../ports/message.ts'
import type { Sink } from '../ports/sink.ts'
import type { Transaction } from '../ports/transaction.ts'

/** Bytes of one route. */
export interface RoutedBytes {
  readonly route: string
  readonly bytes: Uint8Array
  /** The message that they came in; given where the route wants origins and the source has messages. */
  readonly origin?: MessageOrigin
}

/** Where the records of each route go. A route without a sink is not wanted. */
export class Router {
  /** The routes whose records are wanted. With dead letters, `malformed` is one, whose segments are not delivered but buried. */
  readonly routes: readonly string[]
  private readonly sinks: ReadonlyMap<string, Sink>
  private readonly deadLetters: DeadLetters | undefined
  /** The burial before the next one: batches and whole inputs are buried at the same time, and letters one at a time. */
  private lastBurial: Promise<void> = Promise.resolve()
  private written = 0

  constructor(sinks: ReadonlyMap<string, Sink>, deadLetters?: DeadLetters) {
    this.sinks = sinks
    this.deadLetters = deadLetters
    const buried = deadLetters === undefined || sinks.has('malformed') ? [] : ['malformed']
    this.routes = [...sinks.keys(), ...buried]
  }

  /** Whether malformed records are dead letters here. */
  get hasDeadLetters(): boolean {
    return this.deadLetters !== undefined
  }

  /** Whether a dead letter would be written now. */
  get hasRoomForDeadLetters(): boolean {
    return this.deadLetters?.hasRoom ?? this.hasDeadLetters
  }

  /** Bytes that sinks have acknowledged. */
  get bytesOut(): number {
    return this.written
  }

  /**
   * Writes the segments, those of one route in their order, different routes at once. Resolves when every sink has
   * taken them. `version`: of the rule set that judged them.
   * *Ownership*: the bytes are the sinks' until the promise settles.
   * *Errors*: the first sink's that failed, after all have settled.
   */
  async deliver(segments: readonly RoutedBytes[], version?: string): Promise<void> {
    const byRoute = new Map<string, RoutedBytes[]>()
    for (const segment of segments) {
      const others = byRoute.get(segment.route)
      if (others === undefined) byRoute.set(segment.route, [segment])
      else others.push(segment)
    }
    const writes = [...byRoute].map(([route, ofRoute]) => this.write(route, ofRoute, version))
    const failed = (await Promise.allSettled(writes)).find((write) => write.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** Writes dead letters, behind those of earlier calls. *Errors*: the sink's. */
  async bury(letters: readonly DeadLetter[]): Promise<void> {
    const { deadLetters } = this
    if (letters.length === 0) return
    if (deadLetters === undefined) throw new Error('There are no dead letters here.')
    const burial = this.lastBurial.then(() => deadLetters.write(letters))
    // A sink that failed takes nothing more: what is behind fails as well, and says so itself.
    this.lastBurial = burial
    burial.catch(() => undefined)
    await burial
  }

  /** Resolves when the dead letters that were written before are safe. *Errors*: the sink's. */
  async flushDeadLetters(): Promise<void> {
    await this.deadLetters?.flush()
  }

  /** Returns whether the sink of this route makes use of where its records come from. */
  wantsOrigins(route: string): boolean {
    return this.sinks.get(route)?.wantsOrigins ?? false
  }

  private async write(route: string, segments: readonly RoutedBytes[], version?: string): Promise<void> {
    const sink = this.sinks.get(route)
    if (sink === undefined) throw new Error(`The route ${route} has no sink.`)
    const chunks = segments.map(({ bytes }) => bytes)
    const origins = this.wantsOrigins(route) ? segments.flatMap(({ origin }) => origin ?? []) : []
    await (origins.length === chunks.length ? sink.write(chunks, version, origins) : sink.write(chunks, version))
    for (const chunk of chunks) this.written += chunk.length
  }

  /** Has everything that is delivered from now on count with the transaction, where the sink can. */
  join(transaction: Transaction): void {
    for (const sink of this.ends) sink.join?.(transaction)
  }

  /** Resolves when everything that was written before is safe. *Errors*: the first sink's that failed, after all settled. */
  async flush(): Promise<void> {
    const flushes = this.ends.map((sink) => sink.flush())
    const failed = (await Promise.allSettled(flushes)).find((flush) => flush.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** Makes final what every sink was given, one sink after another. *Errors*: the sink's. */
  async finish(): Promise<void> {
    for (const sink of this.ends) await sink.finish()
  }

  /** Takes back what can be taken back. Never throws. */
  async discard(): Promise<void> {
    for (const sink of this.ends) await sink.discard()
  }

  private get ends(): readonly (Sink | DeadLetters)[] {
    return [...this.sinks.values(), ...(this.deadLetters === undefined ? [] : [this.deadLetters])]
  }
}

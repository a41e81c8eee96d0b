// Brings the records of each route to its sink. Knows routes by name and sinks by their port, nothing of what is
// behind either. Called by pipeline.ts.

import type { Sink } from '../ports/sink.ts'

/** Bytes of one route. */
export interface RoutedBytes {
  readonly route: string
  readonly bytes: Uint8Array
}

/** Where the records of each route go. A route without a sink is not wanted. */
export class Router {
  private readonly sinks: ReadonlyMap<string, Sink>
  private written = 0

  constructor(sinks: ReadonlyMap<string, Sink>) {
    this.sinks = sinks
  }

  /** The routes whose records are wanted. */
  get routes(): readonly string[] {
    return [...this.sinks.keys()]
  }

  /** Bytes that sinks have acknowledged. */
  get bytesOut(): number {
    return this.written
  }

  /**
   * Writes the segments, those of one route in their order, different routes at once. Resolves when every sink has
   * acknowledged.
   * *Ownership*: the bytes are the sinks' until the promise settles.
   * *Errors*: the first sink's that failed, after all have settled.
   */
  async deliver(segments: readonly RoutedBytes[]): Promise<void> {
    const byRoute = new Map<string, Uint8Array[]>()
    for (const { route, bytes } of segments) {
      const chunks = byRoute.get(route)
      if (chunks === undefined) byRoute.set(route, [bytes])
      else chunks.push(bytes)
    }
    const writes = [...byRoute].map(([route, chunks]) => this.write(route, chunks))
    const failed = (await Promise.allSettled(writes)).find((write) => write.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  private async write(route: string, chunks: readonly Uint8Array[]): Promise<void> {
    const sink = this.sinks.get(route)
    if (sink === undefined) throw new Error(`The route ${route} has no sink.`)
    await sink.write(chunks)
    for (const chunk of chunks) this.written += chunk.length
  }

  /** Makes final what every sink was given, one sink after another. *Errors*: the sink's. */
  async finish(): Promise<void> {
    for (const sink of this.sinks.values()) await sink.finish()
  }

  /** Takes back what can be taken back. Never throws. */
  async discard(): Promise<void> {
    for (const sink of this.sinks.values()) await sink.discard()
  }
}

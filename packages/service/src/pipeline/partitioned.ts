// A pipeline whose source comes in partitions: a loop for each, with its own session and outputs, and one answer for all
// of them to whoever asks. The engine is shared. Called by commands.

import type { PartitionedSource, SourcePartition } from '../ports/partitioned.ts'
import type { PipelineState, PipelineStatus, ServedPipeline } from './served.ts'

/** What a partitioned pipeline is made of. */
export interface PartitionedParts<P> {
  readonly name: string
  readonly source: PartitionedSource<P>
  /** Makes the loop of a partition. */
  readonly makePipeline: (partition: SourcePartition<P>, onState: () => void) => ServedPipeline<P>
  /** Called whenever the state of all changes. */
  readonly onState?: (state: PipelineState) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What the worst of several states is: the first of these. */
const worstFirst: readonly PipelineStatus[] = ['failed', 'waiting', 'draining', 'starting', 'running', 'ended']

/** The same as `ServedPipeline`, for all partitions. *Order of calls*: `run()`, once; `drain()` and `abort()` at any time. */
export class PartitionedPipeline<P> {
  readonly name: string
  private readonly parts: PartitionedParts<P>
  private readonly loops = new Map<number, { readonly pipeline: ServedPipeline<P>; readonly done: Promise<void> }>()
  private current: PipelineState
  private isStopping = false
  private abortReason: Error | undefined
  /** Called when a loop ends, and when a stop is asked for. */
  private wake: () => void = () => undefined

  constructor(parts: PartitionedParts<P>) {
    this.name = parts.name
    this.parts = parts
    this.current = { status: 'starting', sinceMs: parts.now(), restarts: 0 }
  }

  get state(): PipelineState {
    return this.current
  }

  /** The last positions that were committed, by partition. */
  get position(): Readonly<Record<string, string>> {
    const known = [...this.loops].filter(([, { pipeline }]) => pipeline.position !== undefined)
    return Object.fromEntries(known.map(([partition, { pipeline }]) => [partition, String(pipeline.position)]))
  }

  /** What each partition is doing. */
  get partitions(): readonly object[] {
    const { partitions } = this.parts.source
    return [...this.loops]
      .sort(([a], [b]) => a - b)
      .map(([partition, { pipeline }]) => {
        const { status, restarts, reason } = pipeline.state
        const source = partitions.get(partition)
        const why = reason ?? source?.whyFull
        const about = { partition, condition: source?.condition, status, restarts }
        return why === undefined ? about : { ...about, reason: why }
      })
  }

  /** Partitions open their outputs when they come. */
  open(): Promise<void> {
    return Promise.resolve()
  }

  /** Runs until a shutdown is complete. Never rejects: what went wrong is in the state. */
  async run(): Promise<void> {
    const { source } = this.parts
    if (!this.isStopping) source.join((partition) => this.add(partition))
    while (!this.isStopping) await new Promise<void>((resolve) => (this.wake = resolve))
    await Promise.all([...this.loops.values()].map(({ done }) => done))
    await source.leave()
    this.update(true)
  }

  /** Takes nothing new, and ends when everything that was taken is delivered. */
  drain(): void {
    this.isStopping = true
    for (const { pipeline } of this.loops.values()) pipeline.drain()
    this.update(false)
    this.wake()
  }

  /** Ends at once; what is not committed stays in the topic. */
  abort(reason: Error): void {
    this.abortReason = reason
    this.isStopping = true
    for (const { pipeline } of this.loops.values()) pipeline.abort(reason)
    this.wake()
  }

  private add(partition: SourcePartition<P>): void {
    const pipeline = this.parts.makePipeline(partition, () => this.update(false))
    const done = pipeline.open().then(
      () => pipeline.run(),
      // What cannot be opened now is tried again by the loop, which says why.
      () => pipeline.run(),
    )
    this.loops.set(partition.partition, { pipeline, done })
    if (this.abortReason !== undefined) pipeline.abort(this.abortReason)
    else if (this.isStopping) pipeline.drain()
    this.update(false)
  }

  private update(isOver: boolean): void {
    const states = [...this.loops.values()].map(({ pipeline }) => pipeline.state)
    const all = new Set(states.map(({ status }) => status))
    const status = this.statusOf(all, isOver)
    const worst = states.filter((each) => each.status === status && each.reason !== undefined)
    const lastErrors = states.flatMap(({ lastError }) => lastError ?? []).sort((a, b) => b.atMs - a.atMs)
    // What all of them wait for is told once.
    const reason = [...new Set(worst.map((each) => each.reason!))].join('; ')
    const restarts = states.reduce((sum, each) => sum + each.restarts, 0)
    const before = this.current
    this.current = {
      status,
      sinceMs: status === before.status ? before.sinceMs : this.parts.now(),
      restarts,
      ...(reason === '' ? {} : { reason }),
      ...(lastErrors[0] === undefined ? {} : { lastError: lastErrors[0] }),
    }
    if (status !== before.status || reason !== (before.reason ?? '')) this.parts.onState?.(this.current)
  }

  private statusOf(all: ReadonlySet<PipelineStatus>, isOver: boolean): PipelineStatus {
    if (isOver) return all.has('failed') || this.abortReason !== undefined ? 'failed' : 'ended'
    if (this.isStopping) return 'draining'
    return worstFirst.find((status) => all.has(status)) ?? 'running'
  }
}

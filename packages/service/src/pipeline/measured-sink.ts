// Sinks and dead letters that count what they take: the same ports around another sink, with metrics. Changes nothing of
// what passes. Called by ../commands.

import type { PipelineMetrics } from '../metrics.ts'
import type { DeadLetters } from '../ports/dead-letters.ts'
import type { Sink } from '../ports/sink.ts'

/** What a sink is measured with. */
export interface Measuring {
  readonly metrics: PipelineMetrics
  /** What metrics call the sink: its route, or `dead-letter`. */
  readonly label: string
  /** A clock in milliseconds that never goes back. */
  readonly now: () => number
}

/** Returns the sink with its writes, flushes and failures counted. */
export function measuredSink(sink: Sink, measuring: Measuring): Sink {
  const { metrics, label } = measuring
  return {
    name: sink.name,
    ...(sink.wantsOrigins === undefined ? {} : { wantsOrigins: sink.wantsOrigins }),
    async write(chunks, ...about) {
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      await counted(measuring, () => sink.write(chunks, ...about))
      metrics.wrote(label, bytes)
    },
    join: (transaction) => sink.join?.(transaction),
    flush: () => timed(measuring, () => sink.flush()),
    finish: () => counted(measuring, () => sink.finish()),
    discard: () => sink.discard(),
  }
}

/** As `measuredSink`. The letters themselves are counted by whoever knows when they are safe. */
export function measuredDeadLetters(letters: DeadLetters, measuring: Measuring): DeadLetters {
  return {
    name: letters.name,
    write: (written) => counted(measuring, () => letters.write(written)),
    get hasRoom() {
      return letters.hasRoom ?? true
    },
    join: (transaction) => letters.join?.(transaction),
    flush: () => timed(measuring, () => letters.flush()),
    finish: () => counted(measuring, () => letters.finish()),
    discard: () => letters.discard(),
  }
}

async function counted({ metrics, label }: Measuring, call: () => Promise<void>): Promise<void> {
  try {
    await call()
  } catch (error) {
    metrics.sinkFailed(label, error)
    throw error
  }
}

async function timed(measuring: Measuring, call: () => Promise<void>): Promise<void> {
  const begunAt = measuring.now()
  await counted(measuring, call)
  measuring.metrics.flushed(measuring.label, (measuring.now() - begunAt) / 1000)
}

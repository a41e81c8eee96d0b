// The outputs of one pipeline, from its settings: a sink for each route, and the dead letters. Opened all or none, and
// anew for each session. Called by served-pipelines.ts.

import { chosen } from '../config/schema.ts'
import type { PipelineSettings, SinkSettings } from '../config/schema.ts'
import type { PipelineMetrics } from '../metrics.ts'
import { measuredDeadLetters, measuredSink } from '../pipeline/measured-sink.ts'
import { Router } from '../pipeline/router.ts'
import type { DeadLetters } from '../ports/dead-letters.ts'
import type { Sink } from '../ports/sink.ts'
import { deadLettersInto } from '../sinks/dead-letter.ts'
import { openDirectorySink } from '../sinks/directory.ts'
import { openStdoutSink } from '../sinks/stdout.ts'
import type { StructuredLog } from '../structured-log.ts'
import { startSystemTimer, steadyClock } from '../time.ts'

const now = steadyClock

/** Opens every output. *Errors*: those of the sinks; then none is left open. */
export async function openOutputs(
  { routes, deadLetter, maxRecordBytes }: PipelineSettings,
  metrics: PipelineMetrics,
  log: StructuredLog,
): Promise<Router> {
  const sinks = new Map<string, Sink>()
  let letters: DeadLetters | undefined
  try {
    for (const [route, settings] of Object.entries(routes)) {
      if (settings === undefined) continue
      const sink = await openSink(settings)
      // Without a sink, a route's records are counted and gathered nowhere.
      if (sink !== undefined) sinks.set(route, measuredSink(sink, { metrics, label: route, now }))
    }
    if (deadLetter !== undefined) {
      const sink = await openSink(deadLetter)
      if (sink !== undefined) letters = bury(sink, maxRecordBytes, log)
    }
  } catch (error) {
    for (const sink of [...sinks.values(), ...(letters === undefined ? [] : [letters])]) await sink.discard()
    throw error
  }
  return new Router(
    sinks,
    letters === undefined ? undefined : measuredDeadLetters(letters, { metrics, label: 'dead-letter', now }),
  )
}

function bury(sink: Sink, maxRecordBytes: number, log: StructuredLog): DeadLetters {
  return deadLettersInto(sink, {
    clock: Date.now,
    maxRecordBytes,
    onSuppressed: (suppressed) => log.warn('Dead letters are left out, for there are too many.', { ...suppressed }),
  })
}

async function openSink(settings: SinkSettings): Promise<Sink | undefined> {
  const { kind, options } = chosen(settings)
  if (kind === 'directory') {
    return openDirectorySink({ ...options, clock: Date.now, steadyClock, startTimer: startSystemTimer })
  }
  return kind === 'stdout' ? openStdoutSink() : undefined
}

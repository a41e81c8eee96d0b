// What the process uses and how late its event loop runs, as metrics at a scrape. Called by metrics.ts.

import type { Labels } from './binned-histogram.ts'
import type { MetricName } from './metric-table.ts'
import { delayQuantiles, readProcessFigures } from './process-figures.ts'
import type { EventLoopDelay } from './process-figures.ts'

/** What is fed; metrics.ts has it. */
interface ProcessMetrics {
  add(name: MetricName, labels: Labels, value: number): void
  set(name: MetricName, labels: Labels, value: number): void
  remove(name: MetricName, labels: Labels): void
}

/** Sets all that is known; a system that does not tell has no such series, rather than one of 0. */
export function setProcess(metrics: ProcessMetrics, loop: EventLoopDelay): void {
  const figures = readProcessFigures()
  const setIfKnown = (name: MetricName, value: number | undefined) => {
    if (value === undefined) metrics.remove(name, {})
    else metrics.set(name, {}, value)
  }
  metrics.add('process_cpu_seconds_total', {}, figures.cpuSeconds)
  metrics.set('process_resident_memory_bytes', {}, figures.residentBytes)
  metrics.set('nodejs_heap_size_used_bytes', {}, figures.heapUsedBytes)
  metrics.set('nodejs_external_memory_bytes', {}, figures.externalBytes)
  setIfKnown('process_open_fds', figures.openDescriptors)
  setIfKnown('process_max_fds', figures.mostDescriptors)
  for (const [i, seconds] of loop.read().entries()) {
    metrics.set('weir_event_loop_delay_seconds', { quantile: String(delayQuantiles[i]) }, seconds)
  }
}

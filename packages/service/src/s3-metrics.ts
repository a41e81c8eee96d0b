// What is told of an object store, as metrics: objects when they are safe, and at a scrape what waits to become one.
// Called by metrics.ts.

import type { Labels } from './binned-histogram.ts'
import type { SetGauge } from './kafka-metrics.ts'
import type { MeasuredS3, MeasuredS3Object } from './measured.ts'
import type { MetricName } from './metric-table.ts'

/** Adds to a counter of a pipeline. */
export type AddToCounter = (name: MetricName, labels: Labels, value: number) => void

/** Counts an object that is there. */
export function countS3Object(add: AddToCounter, { result, rawBytes, storedBytes, records }: MeasuredS3Object): void {
  add('weir_s3_objects_total', { result }, 1)
  add('weir_s3_object_bytes_total', {}, rawBytes)
  add('weir_s3_stored_bytes_total', {}, storedBytes)
  add('weir_s3_object_records_total', {}, records)
}

/** Sets all gauges. `nowMs`: by the clock of `sinceMs`. */
export function setS3(set: SetGauge, { paused, spool, open }: MeasuredS3, nowMs: number): void {
  for (const { partition, reason } of paused) set('weir_s3_paused', { partition: labelOf(partition), reason }, 1)
  if (spool !== undefined) {
    set('weir_s3_spool_bytes', { where: 'memory' }, spool.memoryBytes)
    set('weir_s3_spool_bytes', { where: 'disk' }, spool.diskBytes)
  }
  for (const { partition, sinceMs } of open) {
    // Somebody may have set the clock back meanwhile.
    const seconds = Math.max(0, nowMs - sinceMs) / 1000
    set('weir_s3_oldest_record_seconds', { partition: labelOf(partition) }, seconds)
  }
}

/** Without partitions, as in direct mode, the label is empty. */
function labelOf(partition: number | undefined): string {
  return partition === undefined ? '' : String(partition)
}

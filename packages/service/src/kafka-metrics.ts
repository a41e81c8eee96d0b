// What the gauges of a Kafka source are at a scrape, from what it tells of itself. Called by metrics.ts.

import type { Labels } from './binned-histogram.ts'
import type { MeasuredKafka, MeasuredPartition } from './measured.ts'
import type { MetricName } from './metric-table.ts'

/** Sets a gauge of a pipeline. */
export type SetGauge = (name: MetricName, labels: Labels, value: number) => void

/** Sets all that is known; what is not known has no series, rather than one of 0. */
export function setKafka(set: SetGauge, { outside, partitions, hanging, rulesDiffer }: MeasuredKafka): void {
  if (outside !== undefined) set('weir_kafka_out_of_group', { reason: outside }, 1)
  set('weir_kafka_rule_versions_differ', {}, rulesDiffer ? 1 : 0)
  for (const { topic, partition } of hanging) {
    set('weir_kafka_transaction_hangs', { topic, partition: String(partition) }, 1)
  }
  for (const partition of partitions) setPartition(set, partition)
}

function setPartition(set: SetGauge, of: MeasuredPartition): void {
  if (of.condition === 'unassigned') return
  const { condition, reason, position, lag, startDistance, isLate } = of
  const labels = { partition: String(of.partition) }
  set('weir_kafka_partition_running', labels, condition === 'running' ? 1 : 0)
  if (reason !== undefined) set('weir_kafka_partition_stopped', { ...labels, reason }, 1)
  if (position >= 0n) set('weir_kafka_partition_position', labels, Number(position))
  if (lag !== undefined) set('weir_kafka_partition_lag_records', labels, Number(lag))
  if (startDistance !== undefined) set('weir_kafka_partition_start_distance_records', labels, Number(startDistance))
  if (isLate !== undefined) set('weir_kafka_partition_late', labels, isLate ? 1 : 0)
}

// Every metric of the service: its name, labels, unit and meaning. metrics.ts registers all of them from here, and
// docs/metrics.md is held equal to this table by a test. Counts nothing.

/** One row of the table of metrics. */
export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  /** What one of it is. */
  readonly unit: string
  readonly meaning: string
  /** Upper bounds of a histogram's bins but for the last, in its unit. */
  readonly bounds?: readonly number[]
  /** Read when somebody asks, not fed. */
  readonly isRead?: true
}

type MakeRow = (labels: readonly string[], unit: string, meaning: string) => MetricRow

const counter: MakeRow = (labels, unit, meaning) => ({ type: 'counter', labels, unit, meaning })
const gauge: MakeRow = (labels, unit, meaning) => ({ type: 'gauge', labels, unit, meaning })
const read = (row: MetricRow): MetricRow => ({ ...row, isRead: true })
const histogram = (labels: readonly string[], meaning: string, bounds: readonly number[]): MetricRow => {
  return { type: 'histogram', labels, unit: 'seconds', meaning, bounds }
}

const pipeline = ['pipeline'] as const
const callSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
/** From the flush of a quiet disk to a sink that is away for an hour. */
const deliverySeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600]

/** Logs of a CDN come seconds to hours late; days after an outage. The engine's own bounds replace these. */
const recordSeconds = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400, 604_800]

/** Every metric, by name. */
export const metricTable = {
  weir_records_total: counter([...pipeline, 'verdict'], 'records', 'Records whose batch is delivered, by verdict.'),
  weir_malformed_records_total: counter([...pipeline, 'reason'], 'records', 'Malformed records, by reason.'),
  weir_rule_records_total: counter([...pipeline, 'rule'], 'records', 'Records by the rule that decided, or `default`.'),
  weir_route_records_total: counter([...pipeline, 'route'], 'records', 'Kept records by the route that they took.'),
  weir_input_bytes_total: counter(pipeline, 'bytes', 'Bytes of input whose batch is delivered, inflated.'),
  weir_output_bytes_total: counter([...pipeline, 'sink'], 'bytes', 'Bytes that sinks have taken, before compression.'),
  weir_batches_total: counter(pipeline, 'batches', 'Batches that are delivered.'),
  weir_dead_letters_total: counter([...pipeline, 'reason'], 'letters', 'Dead letters written, by reason.'),
  weir_dead_letter_records_total: counter([...pipeline, 'reason'], 'records', 'Records in dead letters, by reason.'),
  weir_left_out_records_total: counter([...pipeline, 'reason'], 'records', 'Records nobody could judge or set aside.'),
  weir_sink_writes_total: counter([...pipeline, 'sink'], 'writes', 'Writes that a sink has taken.'),
  weir_sink_flush_seconds: histogram([...pipeline, 'sink'], 'Time until a sink called its records safe.', callSeconds),
  weir_sink_errors_total: counter([...pipeline, 'sink', 'code'], 'errors', 'Failed calls of a sink, by error code.'),
  weir_session_restarts_total: counter([...pipeline, 'code'], 'restarts', 'Sessions that failed and were begun anew.'),
  weir_session_waiting: gauge(pipeline, '0 or 1', '1 while a failed session waits for its next attempt.'),
  weir_careful: gauge(pipeline, '0 or 1', '1 while batches are judged in a process of its own.'),
  weir_process_deaths: gauge(pipeline, 'ends', 'Ends not in order in the ten minutes before this start.'),
  weir_arrival_delay_seconds: histogram(pipeline, 'Time of records from their arrival to safety.', deliverySeconds),
  weir_record_delay_seconds: histogram(pipeline, 'From the time in a kept record to its arrival.', recordSeconds),
  weir_record_times_unusable_total: counter([...pipeline, 'reason'], 'records', 'Kept records without a usable time.'),
  weir_http_requests_total: counter([...pipeline, 'code', 'error'], 'requests', 'Answers, by status and error code.'),
  weir_http_request_seconds: histogram(pipeline, 'Time from the head of a request to its answer.', callSeconds),
  weir_http_received_bytes_total: counter(
    pipeline,
    'bytes',
    'Bytes of request bodies as they came, compressed or not.',
  ),
  weir_http_inflated_bytes_total: counter(pipeline, 'bytes', 'Bytes of request bodies, inflated.'),
  weir_http_in_flight_bytes: read(gauge(pipeline, 'bytes', 'Bytes of bodies that wait for their answer.')),
  weir_kafka_takeover_seconds: histogram(pipeline, 'Time until a partition was taken over.', callSeconds),
  weir_kafka_transaction_seconds: histogram(
    pipeline,
    'Time of a transaction that counts, from its beginning.',
    callSeconds,
  ),
  weir_kafka_discarded_producers_total: counter(
    [...pipeline, 'code'],
    'producers',
    'Producers given up, by error code.',
  ),
  weir_kafka_wrong_batches_total: counter(pipeline, 'batches', 'Batches that were not those that come next.'),
  weir_kafka_out_of_group: read(
    gauge([...pipeline, 'reason'], 'always 1', 'While the process is in no consumer group, by reason.'),
  ),
  weir_kafka_partition_position: read(
    gauge([...pipeline, 'partition'], 'offset', 'The offset behind what is delivered.'),
  ),
  weir_kafka_partition_lag_records: read(gauge([...pipeline, 'partition'], 'records', 'Offsets behind the position.')),
  weir_kafka_partition_start_distance_records: read(
    gauge([...pipeline, 'partition'], 'records', 'Offsets from the start of the log to the position.'),
  ),
  weir_kafka_partition_late: read(
    gauge([...pipeline, 'partition'], '0 or 1', '1 when what comes next has used up half of its retention.'),
  ),
  weir_kafka_transaction_hangs: read(
    gauge([...pipeline, 'topic', 'partition'], 'always 1', 'Partitions whose readers an open transaction holds up.'),
  ),
  weir_kafka_rule_versions_differ: read(
    gauge(pipeline, '0 or 1', '1 when members of the group judge by different rules.'),
  ),
  weir_kafka_partition_running: read(gauge([...pipeline, 'partition'], '0 or 1', '1 while records of it are taken.')),
  weir_kafka_partition_stopped: read(
    gauge([...pipeline, 'partition', 'reason'], 'always 1', 'Partitions that wait for somebody to mend them.'),
  ),
  weir_s3_calls_seconds: histogram([...pipeline, 'operation'], 'Time of a request to an object store.', callSeconds),
  weir_s3_errors_total: counter(
    [...pipeline, 'operation', 'code'],
    'errors',
    'Failed requests to an object store, by error code.',
  ),
  weir_s3_objects_total: counter([...pipeline, 'result'], 'objects', 'Objects that are safe, by how they came there.'),
  weir_s3_object_bytes_total: counter(pipeline, 'bytes', 'Bytes of lines in objects that are safe.'),
  weir_s3_stored_bytes_total: counter(pipeline, 'bytes', 'Bytes of objects that are safe, as they are stored.'),
  weir_s3_object_records_total: counter(pipeline, 'records', 'Records in objects that are safe.'),
  weir_s3_paused: read(
    gauge(
      [...pipeline, 'partition', 'reason'],
      'always 1',
      'Partitions that wait for the store or for room, by reason.',
    ),
  ),
  weir_s3_spool_bytes: read(gauge([...pipeline, 'where'], 'bytes', 'What objects take that are not written yet.')),
  weir_s3_oldest_record_seconds: read(
    gauge([...pipeline, 'partition'], 'seconds', 'How long the oldest record waits whose object is not closed.'),
  ),
  weir_in_flight_bytes: read(gauge([], 'bytes', 'Bytes of all bodies that count against the budget.')),
  weir_in_flight_budget_bytes: read(gauge([], 'bytes', 'The budget; when it is spent, requests are answered 503.')),
  weir_engine_threads: read(gauge(pipeline, 'threads', 'Worker threads of the engine.')),
  weir_engine_slabs: read(gauge(pipeline, 'slabs', 'Slabs in use.')),
  weir_engine_evaluate_seconds_total: read(counter(pipeline, 'seconds', 'Time in kernels, summed over threads.')),
  weir_engine_retries_total: read(counter(pipeline, 'batches', 'Batches that were evaluated a second time.')),
  weir_engine_workers_lost_total: read(counter(pipeline, 'tasks', 'Tasks whose worker thread died.')),
  weir_engine_workers_hung_total: read(counter(pipeline, 'tasks', 'Tasks that exceeded their deadline.')),
  weir_engine_kernel_info: read(gauge([...pipeline, 'kernel'], 'always 1', 'The kernel in use.')),
  weir_engine_fallback: read(gauge(pipeline, '0 or 1', '1 where the slow kernel stands in for the native one.')),
  weir_rule_set_info: gauge([...pipeline, 'version'], 'always 1', 'Version of the rule set in force.'),
  weir_rule_set_rules: gauge(pipeline, 'rules', 'Rules in the rule set in force.'),
  weir_rule_set_stale: gauge(pipeline, '0 or 1', '1 while the newest rules are refused and older ones are in force.'),
  weir_source_file_stale: gauge(
    [...pipeline, 'file'],
    '0 or 1',
    '1 while a changed file is bad and the one before is in force.',
  ),
  weir_rule_set_loaded_timestamp_seconds: gauge(pipeline, 'seconds', 'When the rule set was put in force, since 1970.'),
  weir_rule_loads_total: counter([...pipeline, 'origin', 'outcome'], 'loads', 'Attempts to put rules in force.'),
  weir_admin_token_stale: gauge([], '0 or 1', '1 while the token file is bad and the tokens before are in force.'),
  weir_admin_requests_total: counter(['path', 'code'], 'requests', 'Answers of the admin port, by path and status.'),
  weir_event_loop_delay_seconds: read(
    gauge(['quantile'], 'seconds', 'How late the event loop ran since the reading before.'),
  ),
  weir_build_info: gauge(['version', 'node'], 'always 1', 'Versions of the service and of Node.'),
  process_cpu_seconds_total: read(counter([], 'seconds', 'User and system time of all threads.')),
  process_resident_memory_bytes: read(gauge([], 'bytes', 'Resident memory.')),
  process_open_fds: read(gauge([], 'descriptors', 'Open file descriptors.')),
  process_max_fds: read(gauge([], 'descriptors', 'Most file descriptors that the system allows.')),
  process_start_time_seconds: gauge([], 'seconds', 'When the process started, since 1970.'),
  nodejs_heap_size_used_bytes: read(gauge([], 'bytes', 'JavaScript heap in use.')),
  nodejs_external_memory_bytes: read(gauge([], 'bytes', 'Memory outside the heap that its objects hold.')),
} as const satisfies Record<string, MetricRow>

/** A name of the table. */
export type MetricName = keyof typeof metricTable

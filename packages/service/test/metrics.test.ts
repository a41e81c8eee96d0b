// Metrics: what each call adds, what is read at a scrape, and that labels stay bounded.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import { BinnedHistogram } from '#src/binned-histogram.js'
import { metricTable } from '#src/metric-table.js'
import { createMetrics } from '#src/metrics.js'
import type { Metrics, MetricsOptions } from '#src/metrics.js'

function metricsFor(t: TestContext, options: Partial<MetricsOptions> = {}): Metrics {
  const metrics = createMetrics({ version: '1.2.3', ...options })
  t.after(() => metrics.close())
  return metrics
}

/** Samples of one metric: the value by what stands before it. */
async function samplesOf(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const lines = (await metrics.render()).split('\n').filter((line) => line.startsWith(name))
  return Object.fromEntries(
    lines.map((line) => [line.slice(name.length, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}

const counts = {
  records: 10,
  kept: 5,
  dropped: 3,
  malformed: 2,
  malformedByReason: { 'too-long': 0, utf8: 0, syntax: 2, 'not-object': 0, depth: 0 },
  byRule: [4, 0, 1],
  byDefault: 3,
  byRoute: { keep: 4, slow: 1 },
}

test('every metric of the table is registered with its type, and nothing else', async (t) => {
  const text = await metricsFor(t).render()
  const types = Object.fromEntries([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]))
  const rows = Object.entries(metricTable).map(([name, { type }]) => [name, type])
  assert.deepEqual(types, Object.fromEntries(rows))
})

test('names say what they count: counters end in _total, times and sizes in their unit', () => {
  for (const [name, { type, unit, labels, meaning }] of Object.entries(metricTable)) {
    assert.match(name, /^(weir|process|nodejs)_[a-z0-9_]+$/)
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    if (unit === 'seconds') assert.match(name, /_seconds(_total)?$/)
    if (unit === 'bytes') assert.match(name, /_bytes(_total)?$/)
    for (const label of labels) assert.match(label, /^[a-z]+$/)
    assert.match(meaning, /\.$/)
  }
})

test('a delivered batch is counted by verdict, reason, rule and route', async (t) => {
  const metrics = metricsFor(t)
  const pipeline = metrics.pipeline('web')
  const rules = { version: 'aa', ruleIds: ['one', 'two "quoted"', 'three'] }
  pipeline.announce(rules)
  pipeline.inForce(rules, 5000)
  for (let i = 0; i < 2; i++) pipeline.batch({ counts, bytesIn: 100, version: 'aa' })
  assert.deepEqual(await samplesOf(metrics, 'weir_records_total'), {
    '{pipeline="web",verdict="kept"}': 10,
    '{pipeline="web",verdict="dropped"}': 6,
    '{pipeline="web",verdict="malformed"}': 4,
  })
  assert.deepEqual(await samplesOf(metrics, 'weir_rule_records_total'), {
    '{pipeline="web",rule="one"}': 8,
    '{pipeline="web",rule="two \\"quoted\\""}': 0,
    '{pipeline="web",rule="three"}': 2,
    '{pipeline="web",rule="default"}': 6,
  })
  assert.equal((await samplesOf(metrics, 'weir_malformed_records_total'))['{pipeline="web",reason="syntax"}'], 4)
  assert.equal((await samplesOf(metrics, 'weir_route_records_total'))['{pipeline="web",route="slow"}'], 2)
  assert.deepEqual(await samplesOf(metrics, 'weir_input_bytes_total'), { '{pipeline="web"}': 200 })
  assert.deepEqual(await samplesOf(metrics, 'weir_batches_total'), { '{pipeline="web"}': 2 })
  assert.deepEqual(await samplesOf(metrics, 'weir_rule_set_loaded_timestamp_seconds'), { '{pipeline="web"}': 5 })
})

test('a removed rule stays until the load after next, and a late batch of the old rules is still counted', async (t) => {
  const metrics = metricsFor(t)
  const pipeline = metrics.pipeline('web')
  const load = (version: string, ruleIds: string[]) => {
    pipeline.announce({ version, ruleIds })
    pipeline.inForce({ version, ruleIds }, 0)
  }
  const rules = async () =>
    Object.keys(await samplesOf(metrics, 'weir_rule_records_total')).map((labels) => /rule="(.*)"/.exec(labels)?.[1])
  load('v1', ['a', 'b', 'c'])
  load('v2', ['b'])
  pipeline.batch({ counts, bytesIn: 1, version: 'v1' })
  assert.deepEqual(new Set(await rules()), new Set(['a', 'b', 'c', 'default']))
  load('v3', ['d'])
  assert.deepEqual(new Set(await rules()), new Set(['b', 'd', 'default']))
  assert.deepEqual(Object.keys(await samplesOf(metrics, 'weir_rule_set_info')), ['{pipeline="web",version="v3"}'])
})

test('rules that are announced again and again and never put in force do not pile up', async (t) => {
  const metrics = metricsFor(t)
  const pipeline = metrics.pipeline('web')
  pipeline.announce({ version: 'good', ruleIds: ['good'] })
  pipeline.inForce({ version: 'good', ruleIds: ['good'] }, 0)
  for (let i = 0; i < 100; i++) pipeline.announce({ version: `bad-${i}`, ruleIds: [`rule-${i}`] })
  const rules = Object.keys(await samplesOf(metrics, 'weir_rule_records_total'))
  assert.ok(rules.length < 10, `${rules.length} series`)
  assert.ok(rules.includes('{pipeline="web",rule="good"}'))
})

test('a binned histogram adds counts by bin, and one value many times, as if each was observed', async () => {
  const bins = new BinnedHistogram('x', 'help', [1, 2.5])
  bins.observe({ a: 'b' }, 1, 3)
  bins.observe({ a: 'b' }, 9)
  bins.add({ a: 'b' }, [1, 2, 0], 4.5)
  const { values } = await bins.get()
  assert.deepEqual(
    values.map(({ metricName, labels, value }) => [metricName, labels, value]),
    [
      ['x_bucket', { a: 'b', le: 1 }, 4],
      ['x_bucket', { a: 'b', le: 2.5 }, 6],
      ['x_bucket', { a: 'b', le: '+Inf' }, 7],
      ['x_sum', { a: 'b' }, 16.5],
      ['x_count', { a: 'b' }, 7],
    ],
  )
  assert.throws(() => bins.add({ a: 'b' }, [1, 2], 0), /has 3 bins, and 2 were given/)
})

test('delays of records are told with the bounds that the engine counts by, and unusable times apart', async (t) => {
  const metrics = metricsFor(t, { recordDelayBounds: [1, 60] })
  metrics.pipeline('web').recordDelays({ counts: [1, 2, 3], sumMs: 5000, missing: 4, unreadable: 5, future: 6 })
  assert.deepEqual(await samplesOf(metrics, 'weir_record_delay_seconds'), {
    '_bucket{pipeline="web",le="1"}': 1,
    '_bucket{pipeline="web",le="60"}': 3,
    '_bucket{pipeline="web",le="+Inf"}': 6,
    '_sum{pipeline="web"}': 5,
    '_count{pipeline="web"}': 6,
  })
  assert.deepEqual(await samplesOf(metrics, 'weir_record_times_unusable_total'), {
    '{pipeline="web",reason="missing"}': 4,
    '{pipeline="web",reason="unreadable"}': 5,
    '{pipeline="web",reason="future"}': 6,
  })
})

test('errors are counted by codes of ours alone, so that what systems say adds no series', async (t) => {
  const metrics = metricsFor(t)
  const pipeline = metrics.pipeline('web')
  pipeline.sinkFailed('keep', Object.assign(new Error('Full.'), { code: 'ERR_CONNECTOR_WRITE' }))
  for (const error of [new Error('a'), { code: 'ENOSPC' }, undefined, { code: 'ERR_CONNECTOR_<b>' }]) {
    pipeline.sinkFailed('keep', error)
  }
  assert.deepEqual(await samplesOf(metrics, 'weir_sink_errors_total'), {
    '{pipeline="web",sink="keep",code="ERR_CONNECTOR_WRITE"}': 1,
    '{pipeline="web",sink="keep",code="ERR_UNEXPECTED"}': 4,
  })
})

test('an engine, a budget and open bodies are read at every scrape, until nobody wants them read', async (t) => {
  const metrics = metricsFor(t)
  const pipeline = metrics.pipeline('web')
  let retries = 1
  const figures = { threads: 2, slabsInUse: 3, evaluateNs: 5e8, workersLost: 0, workersHung: 0 }
  const kernel = { name: 'portable' as const, fallback: 'No binary.' }
  const stop = pipeline.watchEngine(() => ({ ...figures, retries: retries++, kernel }))
  metrics.watchBudget(() => ({ usedBytes: 7, budgetBytes: 256 }))
  pipeline.watchHttp(() => 6)
  for (const expected of [1, 2]) {
    assert.deepEqual(await samplesOf(metrics, 'weir_engine_retries_total'), { '{pipeline="web"}': expected })
  }
  assert.deepEqual(await samplesOf(metrics, 'weir_engine_fallback'), { '{pipeline="web"}': 1 })
  assert.deepEqual(await samplesOf(metrics, 'weir_engine_evaluate_seconds_total'), { '{pipeline="web"}': 0.5 })
  assert.deepEqual(await samplesOf(metrics, 'weir_in_flight_budget_bytes'), { '': 256 })
  assert.deepEqual(await samplesOf(metrics, 'weir_http_in_flight_bytes'), { '{pipeline="web"}': 6 })
  stop()
  assert.deepEqual(await samplesOf(metrics, 'weir_engine_retries_total'), {})
})

test('requests, sinks, dead letters and sessions have their series', async (t) => {
  const metrics = metricsFor(t)
  const pipeline = metrics.pipeline('web')
  pipeline.request({ status: 200, seconds: 0.02, receivedBytes: 10, inflatedBytes: 100 })
  pipeline.request({ status: 503, error: 'draining', seconds: 0.001, receivedBytes: 0, inflatedBytes: 0 })
  pipeline.wrote('keep', 90)
  pipeline.flushed('keep', 0.004)
  pipeline.buried('malformed', 1, 4)
  pipeline.arrivalDelay(0.03, 10)
  pipeline.restarted(Object.assign(new Error('Full.'), { code: 'ERR_CONNECTOR_WRITE' }))
  pipeline.waiting(true)
  pipeline.ruleLoad('file', 'refused', true)
  metrics.adminRequest('/metrics', 200)
  const text = await metrics.render()
  for (const line of [
    'weir_http_requests_total{pipeline="web",code="200",error=""} 1',
    'weir_http_requests_total{pipeline="web",code="503",error="draining"} 1',
    'weir_http_request_seconds_count{pipeline="web"} 2',
    'weir_http_inflated_bytes_total{pipeline="web"} 100',
    'weir_output_bytes_total{pipeline="web",sink="keep"} 90',
    'weir_sink_flush_seconds_bucket{pipeline="web",sink="keep",le="0.005"} 1',
    'weir_dead_letter_records_total{pipeline="web",reason="malformed"} 4',
    'weir_arrival_delay_seconds_count{pipeline="web"} 10',
    'weir_session_restarts_total{pipeline="web",code="ERR_CONNECTOR_WRITE"} 1',
    'weir_session_waiting{pipeline="web"} 1',
    'weir_rule_loads_total{pipeline="web",origin="file",outcome="refused"} 1',
    'weir_rule_set_stale{pipeline="web"} 1',
    'weir_admin_requests_total{path="/metrics",code="200"} 1',
    `weir_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
  ]) {
    assert.ok(text.split('\n').includes(line), line)
  }
})

test('what the process uses is there, and the delay of the event loop is told for the same window to two readers', async (t) => {
  let now = 0
  const metrics = metricsFor(t, { now: () => now })
  assert.ok((await samplesOf(metrics, 'process_resident_memory_bytes'))['']! > 1 << 20)
  assert.ok((await samplesOf(metrics, 'process_cpu_seconds_total'))['']! > 0)
  const longest = async () => (await samplesOf(metrics, 'weir_event_loop_delay_seconds'))['{quantile="1"}'] ?? 0
  // The loop is held, until a turn of it was late enough for the measurement, which may begin late itself.
  for (let tries = 0; tries < 100 && (await longest()) < 0.04; tries++) {
    const until = performance.now() + 80
    while (performance.now() < until);
    await setImmediate()
  }
  now = 20_000
  const first = await samplesOf(metrics, 'weir_event_loop_delay_seconds')
  assert.ok((first['{quantile="1"}'] ?? 0) >= 0.04, JSON.stringify(first))
  now = 25_000
  assert.deepEqual(await samplesOf(metrics, 'weir_event_loop_delay_seconds'), first)
})

test('requests to an object store and its objects count as they happen, what waits is read at a scrape', async (t) => {
  const metrics = metricsFor(t)
  const pipeline = metrics.pipeline('a')
  pipeline.s3Call({ operation: 'put', seconds: 0.02 })
  pipeline.s3Call({ operation: 'put', seconds: 40, error: 'ERR_S3_TIMEOUT' })
  pipeline.s3Object({ result: 'written', rawBytes: 1000, storedBytes: 100, records: 7 })
  pipeline.s3Object({ result: 'adopted', rawBytes: 2000, storedBytes: 300, records: 8 })
  const label = 'pipeline="a"'
  assert.deepEqual(await samplesOf(metrics, 'weir_s3_calls_seconds_count'), { [`{${label},operation="put"}`]: 2 })
  const errors = await samplesOf(metrics, 'weir_s3_errors_total')
  assert.deepEqual(errors, { [`{${label},operation="put",code="ERR_S3_TIMEOUT"}`]: 1 })
  assert.deepEqual(await samplesOf(metrics, 'weir_s3_objects_total'), {
    [`{${label},result="written"}`]: 1,
    [`{${label},result="adopted"}`]: 1,
  })
  assert.deepEqual(await samplesOf(metrics, 'weir_s3_object_bytes_total'), { [`{${label}}`]: 3000 })
  assert.deepEqual(await samplesOf(metrics, 'weir_s3_stored_bytes_total'), { [`{${label}}`]: 400 })
  assert.deepEqual(await samplesOf(metrics, 'weir_s3_object_records_total'), { [`{${label}}`]: 15 })
  let isPaused = true
  // The scrape has the same time as what is read for it.
  t.mock.method(Date, 'now', () => 1_000_000)
  const stop = pipeline.watchS3(() => ({
    paused: isPaused ? [{ partition: 3, reason: 'ERR_S3_BUSY' }, { reason: 'spool' }] : [],
    spool: { memoryBytes: 5, diskBytes: 6 },
    open: [{ partition: 3, sinceMs: Date.now() - 60_000 }, { sinceMs: Date.now() + 60_000 }],
  }))
  assert.deepEqual(await samplesOf(metrics, 'weir_s3_paused'), {
    [`{${label},partition="3",reason="ERR_S3_BUSY"}`]: 1,
    [`{${label},partition="",reason="spool"}`]: 1,
  })
  assert.deepEqual(await samplesOf(metrics, 'weir_s3_spool_bytes'), {
    [`{${label},where="memory"}`]: 5,
    [`{${label},where="disk"}`]: 6,
  })
  const waits = await samplesOf(metrics, 'weir_s3_oldest_record_seconds')
  assert.equal(waits[`{${label},partition="3"}`], 60)
  assert.equal(waits[`{${label},partition=""}`], 0)
  isPaused = false
  assert.deepEqual(await samplesOf(metrics, 'weir_s3_paused'), {})
  stop()
  assert.deepEqual(await samplesOf(metrics, 'weir_s3_spool_bytes'), {})
})

// The outbound of the original system: what archive it amounts to, and what is told of it.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { issueLine } from '#src/commands/report.js'
import { settingsObject, settingsYaml } from '#src/config/show.js'
import { load, pipeline, problemsOf } from './loading.js'

const storage = {
  accessKey: 'AKIDEXAMPLE',
  secretKey: 'hunter2',
  endpoint: 'us-ord-1.linodeobjects.com',
  bucket: 'logs',
  region: 'us-ord',
  path: 'web/',
  format: 'gzip',
  aggregationPeriod: '5m',
}
const kafka = { brokers: ['queue-broker:9092'], inboundTopic: 'raw', outboundTopic: 'processed' }
const original = (value: unknown) => ({ original: { name: 'old/settings.json', text: JSON.stringify(value, null, 2) } })
const loaded = (value: unknown) => load(undefined, original(value))
const s3Of = (value: unknown) =>
  loaded(value).settings.pipelines['archive']?.routes.keep.s3 ?? assert.fail('no archive')
const warningsOf = (value: unknown, file?: string) =>
  load(file, original(value)).warnings.map((warning) => issueLine('', warning))

test('beside a converter it becomes an archive of what that writes, in the group of the original', () => {
  const { settings, warnings } = loaded({ kafka, count: 2, workers: 4, filters: [], outbound: { storage } })
  assert.deepEqual(Object.keys(settings.pipelines), ['default', 'archive'])
  const { source, routes, rules, deadLetter } = settings.pipelines['archive'] ?? assert.fail('no archive')
  assert.deepEqual(source, { kafka: { topic: 'processed', group: 'outbound', format: 'ndjson' } })
  const { bucket, prefix, region, endpoint, credentials, compression, periodMs } =
    routes.keep.s3 ?? assert.fail('no S3')
  assert.deepEqual(
    { bucket, prefix, region, endpoint, credentials, compression, periodMs },
    {
      bucket: 'logs',
      prefix: 'web/',
      region: 'us-ord',
      endpoint: 'https://us-ord-1.linodeobjects.com',
      credentials: '/srv/old/settings.json',
      compression: 'gzip',
      periodMs: 300_000,
    },
  )
  assert.deepEqual([rules, deadLetter, warnings], [undefined, undefined, []])
  assert.equal(settings.pipelines['default']?.routes.keep.kafka?.topic, 'processed')
  assert.equal(settings.kafka?.partitions, 2)
})

test('alone it is the only pipeline, also where it stands within the settings of the whole system', () => {
  const places = [
    { outbound: { storage } },
    { dataflow: { outbound: { storage } } },
    { settings: { dataflow: { outbound: { storage } } } },
  ]
  for (const value of places) {
    const { settings, warnings } = loaded(value)
    assert.deepEqual([Object.keys(settings.pipelines), warnings], [['archive'], []])
    assert.equal(settings.pipelines['archive']?.source.kafka?.topic, 'processedlogs')
    assert.deepEqual(settings.kafka?.brokers, ['kafka-broker:9092'])
  }
  const named = loaded({ settings: { dataflow: { outbound: { identifier: 'processed', storage } } } })
  assert.equal(named.settings.pipelines['archive']?.source.kafka?.topic, 'processed')
  assert.deepEqual(Object.keys(loaded({ filters: [], outbound: { storage } }).settings.pipelines), [
    'default',
    'archive',
  ])
})

test('what it leaves out has the values of the original, what it writes another way the same meaning', () => {
  const { accessKey, secretKey, endpoint, bucket } = storage
  const least = { accessKey, secretKey, endpoint: `http://127.0.0.1:7070`, bucket, region: null }
  const { prefix, region, compression, periodMs, ...rest } = s3Of({ outbound: { storage: least } })
  assert.deepEqual([prefix, region, compression, periodMs], ['logs/', 'us-east-1', 'gzip', 60_000])
  assert.equal(rest.endpoint, 'http://127.0.0.1:7070')
  assert.equal(s3Of({ outbound: { storage: { ...storage, format: 'json' } } }).compression, 'none')
  assert.equal(s3Of({ outbound: { storage: { ...storage, endpoint } } }).endpoint, `https://${endpoint}`)
  const periods: readonly (readonly [string | number, number])[] = [['30s', 30_000], ['1m', 60_000], ['1h', 3_600_000], [90, 90_000], ['60', 60_000]] // prettier-ignore
  for (const [aggregationPeriod, ms] of periods) {
    assert.equal(s3Of({ outbound: { storage: { ...storage, aggregationPeriod } } }).periodMs, ms)
  }
})

test('a bucket that is given in part is refused; where none is, nothing is archived, and that is told', () => {
  const { secretKey: _, ...part } = storage
  const without = (value: object) => problemsOf(undefined, original({ outbound: { storage: value } }))
  assert.deepEqual(without(part), [
    'old/settings.json:3:5: outbound.storage: `secretKey` is missing: `accessKey`, `secretKey`, `endpoint`, `bucket` belong together. (give all four, or none)',
  ])
  assert.match(without({ ...storage, endpoint: '', bucket: null }).join(), /`endpoint` and `bucket` are missing/)
  for (const outbound of [
    {},
    { storage: {} },
    { storage: { ...storage, accessKey: '', secretKey: '', endpoint: '', bucket: '' } },
  ]) {
    const { settings } = loaded({ kafka, outbound })
    assert.deepEqual(Object.keys(settings.pipelines), ['default'])
    assert.match(
      warningsOf({ kafka, outbound }).join(),
      /outbound(\.storage)?: No bucket is named, so that nothing is archived/,
    )
  }
})

test('wrong values are refused with their place, and no message tells what might be a secret', () => {
  const wrong = { ...storage, accessKey: 715517, secretKey: ['hunter2'], endpoint: 'https://a:hunter2@b', format: 'lzo', aggregationPeriod: '5min' } // prettier-ignore
  const problems = problemsOf(undefined, original({ workers: 'x', outbound: { storage: wrong } }))
  assert.deepEqual(
    problems.map((each) => /^old\/settings\.json:\d+:\d+: ([\w.]+): /.exec(each)?.[1]),
    ['workers', ...['accessKey', 'secretKey', 'format', 'aggregationPeriod'].map((key) => `outbound.storage.${key}`)],
  )
  const later = problemsOf(undefined, original({ outbound: { storage: { ...storage, endpoint: 'https://a:hunter2@b', aggregationPeriod: '7m', bucket: 'A' } } })) // prettier-ignore
  assert.deepEqual(
    later.map((each) =>
      /^(old\/settings\.json:\d+):\d+: pipelines\.archive\.routes\.keep\.s3\.(\w+): /.exec(each)?.slice(1),
    ),
    [
      ['old/settings.json:6', 'endpoint'],
      ['old/settings.json:7', 'bucket'],
    ],
  )
  assert.match(problemsOf(undefined, original({ outbound: { storage: { ...storage, aggregationPeriod: '7m' } } })).join(), /settings\.json:11:.*periodMs: Objects would hold records of two hours/) // prettier-ignore
  for (const value of [{ outbound: 'hunter' }, { outbound: { storage: [] } }]) {
    assert.match(problemsOf(undefined, original(value)).join(), /give an object\./)
  }
  const twice = { outbound: { storage }, dataflow: { outbound: { storage } } }
  assert.match(problemsOf(undefined, original(twice)).join(), /dataflow\.outbound: `outbound` says it already/)
  assert.doesNotMatch([...problems, ...later].join(), /hunter2|715517/)
})

test('the key is read from the file again, which has to be JSON for that', () => {
  const text = `# a comment\n${JSON.stringify({ outbound: { storage } })}`
  const more = { original: { name: 'old/settings.json', text } }
  assert.match(problemsOf(undefined, more).join(), /outbound\.storage: .* has to be JSON/)
  assert.deepEqual(problemsOf(undefined, { original: { name: 'a', text: text.slice(text.indexOf('\n') + 1) } }), [])
})

test('no secret of it is in what is shown', () => {
  const all = loaded({ kafka, outbound: { storage } })
  assert.doesNotMatch(settingsYaml(all) + JSON.stringify(settingsObject(all)) + JSON.stringify(all.original), /hunter2/)
  assert.match(settingsYaml(all), /credentials: \/srv\/old\/settings\.json # /)
})

test('what has no effect is a warning with its reason', () => {
  const outbound = { count: 3, auth: { user: 'u' }, flushInterval: '10s', storage: { ...storage, timeSliceFormat: '%Y', buckt: 'x' } } // prettier-ignore
  const told = warningsOf({ outbound }).join('\n')
  assert.match(told, /settings\.json:3:5: outbound\.count: It has no effect\. Every process/)
  assert.match(told, /outbound\.auth: It has no effect\. It is about the cluster/)
  assert.match(told, /outbound\.flushInterval: It has no effect\. Objects end by the log/)
  assert.match(told, /outbound\.storage\.timeSliceFormat: It has no effect\. Objects are named by the log.*UTC/)
  assert.match(told, /outbound\.storage\.buckt: The original knows no such setting/)
  const system = { settings: { general: {}, dataflow: { converter: { count: 1 }, outbound: { storage } } } }
  assert.deepEqual(
    warningsOf(system).map((each) => /: ([\w.]+): Of these settings only `outbound` is read/.exec(each)?.[1]),
    ['settings.general', 'settings.dataflow.converter'],
  )
  const file = `pipelines:\n${pipeline('logs')}`
  assert.match(warningsOf({ outbound: { storage } }, file).join(), /outbound: The settings file says where/)
  assert.deepEqual(Object.keys(load(file, original({ outbound: { storage } })).settings.pipelines), ['logs'])
})

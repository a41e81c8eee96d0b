// The settings.json of the original converter: what it amounts to, and what is told of it.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { compileRules } from '@weir/engine'

import { rulesOf } from '#src/config/load.js'
import { load, pipeline, problemsOf } from './loading.js'

const shipped = {
  kafka: { brokers: ['queue-broker:9092'], inboundTopic: 'raw', outboundTopic: 'processed' },
  count: 1,
  workers: 4,
  filters: [{ fieldName: 'statusCode', regex: '5\\d\\d', include: true }],
}
const original = (value: unknown) => ({ original: { name: 'old/settings.json', text: JSON.stringify(value, null, 2) } })

test('its filters become the rules of the built-in pipeline, and its workers the threads', () => {
  const { workers, filters } = shipped
  const loaded = load(undefined, original({ workers, filters }))
  const { rules, threads, routes } = loaded.settings.pipelines['default'] ?? assert.fail('no pipeline')
  assert.deepEqual([rules, threads], ['/srv/old/settings.json', 4])
  assert.deepEqual(Object.keys(routes).sort(), ['drop', 'keep'])
  assert.equal(rulesOf(loaded, 'default'), '/srv/old/settings.json')
  assert.equal(loaded.originOf(['pipelines', 'default', 'threads'])?.kind, 'original')
})

test('what it leaves out has the values of its own code', () => {
  const loaded = load(undefined, original({}))
  const kafka = { brokers: ['kafka-broker:9092'], inboundTopic: 'rawlogs', outboundTopic: 'processedlogs' }
  assert.deepEqual(loaded.original, { kafka, count: 1, workers: 10, filters: [] })
  assert.equal(loaded.settings.pipelines['default']?.threads, 10)
  const compiled = compileRules(rulesOf(loaded, 'default'))
  assert.equal(compiled.test('no JSON at all').route, 'keep')
  compiled.release()
})

test('with its topics it is a converter: envelopes in, lines out, in its own group', () => {
  const { settings, warnings } = load(undefined, original({ ...shipped, count: 3 }))
  const { source, routes, deadLetter, rules } = settings.pipelines['default'] ?? assert.fail('no pipeline')
  assert.deepEqual(source, { kafka: { topic: 'raw', group: 'converter', format: 'fluentd' } })
  assert.deepEqual(routes, { keep: { kafka: { topic: 'processed', format: 'lines', chunkAgeMs: 20 } } })
  assert.equal(deadLetter?.kafka?.topic, 'processed-dead-letter')
  assert.equal(rules, '/srv/old/settings.json')
  const { brokers, topics, partitions, replicas, strict } = settings.kafka ?? assert.fail('no Kafka')
  assert.deepEqual([brokers, topics, partitions, replicas, strict], [['queue-broker:9092'], 'create', 3, 1, false])
  assert.deepEqual(warnings, [])
})

test('everything stands over it: the file, the environment, flags', () => {
  const file = `pipelines:\n${pipeline('logs', 'threads: 2')}`
  const loaded = load(file, original(shipped))
  assert.deepEqual(
    [loaded.settings.pipelines['logs']?.threads, loaded.settings.pipelines['logs']?.rules],
    [2, '/srv/old/settings.json'],
  )
  const environment = { WEIR_PIPELINES__LOGS__RULES: 'mine.yaml' }
  assert.equal(load(file, { ...original(shipped), environment }).settings.pipelines['logs']?.rules, '/srv/mine.yaml')
  const sets = ['pipelines.default.threads=7']
  assert.equal(load(undefined, { ...original(shipped), sets }).settings.pipelines['default']?.threads, 7)
})

test('of several pipelines it is for the one called default, or nobody can tell', () => {
  const named = `pipelines:\n${pipeline('a')}${pipeline('default', '', 'file: { path: x }')}`
  const { pipelines } = load(named, original(shipped)).settings
  assert.deepEqual([pipelines['a']?.rules, pipelines['default']?.rules], [undefined, '/srv/old/settings.json'])
  const unnamed = named.replace('default:', 'b:')
  assert.deepEqual(problemsOf(unnamed, original(shipped)), [
    'old/settings.json: It cannot be told which pipeline the filters are for. (call one of them `default`)',
  ])
})

test('what has no effect beside a settings file, or ever, is a warning with its place', () => {
  const told = (file: string | undefined, value: unknown) =>
    load(file, original(value)).warnings.map(({ path, line, suggestion }) => [path, line, suggestion?.slice(0, 12)])
  assert.deepEqual(told(`pipelines:\n${pipeline('logs')}`, { ...shipped, wrkers: 3 }), [
    ['wrkers', 18, 'did you mean'],
    ['kafka', 2, 'give the set'],
    ['count', 9, 'give the set'],
  ])
  assert.deepEqual(told(undefined, { count: 2 }), [['count', 2, 'give `kafka`']])
})

test('wrong values are refused, all at once, with place and cure', () => {
  const wrong = { kafka: { brokers: 'a:9092', inboundTopic: '' }, count: 0, workers: '10', filters: {} }
  assert.deepEqual(problemsOf(undefined, original(wrong)), [
    'old/settings.json:3:16: kafka.brokers: "a:9092" cannot be used: give a list of HOST:PORT, as ["kafka-broker:9092"].',
    'old/settings.json:4:21: kafka.inboundTopic: "" cannot be used: give the name of a topic.',
    'old/settings.json:6:12: count: 0 cannot be used: give a whole number from 1.',
    'old/settings.json:7:14: workers: "10" cannot be used: give a whole number from 1 to 256.',
    'old/settings.json:8:14: filters: A group of settings cannot be used: give a list.',
  ])
  const broken = problemsOf(undefined, { original: { name: 'old/settings.json', text: '{"filters": [}' } })
  assert.match(broken[0] ?? '', /^old\/settings\.json:1:14: /)
})

test('its problems do not hide those of the settings file, and the other way round', () => {
  const file = `pipelines:\n${pipeline('a', 'threads: 0')}`
  assert.match(
    problemsOf(file, original({ workers: 0 })).join('\n'),
    /settings\.json:2:14: workers: 0 .*\n5:14: .*threads: 0/,
  )
  assert.match(problemsOf('a: [', original({ workers: 0 })).join('\n'), /settings\.json:2:14: workers: 0 .*\n1:5: /)
})

test('given in place of a settings file, it is told how to give it', () => {
  assert.match(problemsOf(JSON.stringify(shipped)).join('\n'), /filters: There is no such setting\. \(settings of the original converter are given with `--original FILE`\)/) // prettier-ignore
})

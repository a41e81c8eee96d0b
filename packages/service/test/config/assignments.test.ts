// Settings in the environment and behind `--set`: which setting each means, and what is told of slips.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { load, pipeline, problemsOf } from './loading.js'

const text = `pipelines:\n${pipeline('my-logs', '', 'http: {}')}`
const withEnvironment = (environment: Record<string, string>) => load(text, { environment }).settings
const withSets = (...sets: string[]) => load(text, { sets }).settings

test('a variable is the path in capitals, steps joined by two underscores, words by one', () => {
  const settings = withEnvironment({
    WEIR_PIPELINES__MY_LOGS__SOURCE__HTTP__MAX_BODY_BYTES: '1MiB',
    WEIR_PIPELINES__MY_LOGS__SOURCE__HTTP__UNWRAP_ENVELOPES: 'false',
    WEIR_PIPELINES__MY_LOGS__SOURCE__HTTP__HOSTS: 'a.example.com, b.example.com',
    WEIR_PIPELINES__MY_LOGS__THREADS: '2',
    WEIR_PIPELINES__MY_LOGS__ROUTES__SLOW: '{ discard: {} }',
    WEIR_PIPELINES__SECOND_ONE: '{ source: { stdin: {} }, routes: { keep: { discard: {} } } }',
    WEIR_PIPELINES__SECOND_ONE__THREADS: '3',
    WEIR_SHUTDOWN_MS: '10s',
  })
  const { source, routes, threads } = settings.pipelines['my-logs'] ?? assert.fail('no pipeline')
  assert.equal(source.http?.maxBodyBytes, 1 << 20)
  assert.equal(source.http.unwrapEnvelopes, false)
  assert.deepEqual(source.http.hosts, ['a.example.com', 'b.example.com'])
  assert.deepEqual([threads, settings.pipelines['second-one']?.threads, settings.shutdownMs], [2, 3, 10_000])
  assert.deepEqual(routes['slow'], { discard: {} })
})

test('a variable finds a name that only the file can spell, and says so when it could mean two', () => {
  const file = text.replace('keep:', '"Slow.One": { discard: {} }, keep:')
  const environment = { WEIR_PIPELINES__MY_LOGS__ROUTES__SLOW_ONE: '{ stdout: {} }' }
  assert.deepEqual(load(file, { environment }).settings.pipelines['my-logs']?.routes['Slow.One'], { stdout: {} })
  const two = file.replace('keep:', 'slow-one: { discard: {} }, keep:')
  assert.match(problemsOf(two, { environment }).join(), /one of Slow\.One, slow-one, and cannot tell which/)
})

test('variables that look like settings and are none are refused, with the one that was meant', () => {
  const problemOf = (name: string) => problemsOf(text, { environment: { [name]: '1' } }).join('\n')
  assert.match(problemOf('WEIR_log__level'), /did you mean WEIR_LOG__LEVEL\?/)
  assert.match(problemOf('WEIR_LOG_LEVEL'), /^WEIR_LOG_LEVEL: There is no setting .*did you mean WEIR_LOG__LEVEL\?/)
  assert.match(
    problemOf('WEIR_PIPELINES_DEFAULT_SOURCE_HTTP_LISTEN'),
    /did you mean WEIR_PIPELINES__DEFAULT__SOURCE__HTTP__LISTEN\?/,
  )
  assert.match(
    problemOf('WEIR_PIPELINES__A__SOURCE__HTTP__LSTEN'),
    /did you mean WEIR_PIPELINES__A__SOURCE__HTTP__LISTEN\?/,
  )
  assert.match(problemOf('WEIR_LOG__LEVEL__X'), /WEIR_LOG__LEVEL is a single setting/)
  assert.match(problemOf('WEIR_'), /known here: WEIR_PIPELINES, /)
})

test('what Kubernetes sets for services of that name is none of ours, nor what tests and builds read', () => {
  const environment = {
    WEIR_SERVICE_HOST: '10.0.0.7',
    WEIR_SERVICE_PORT: '9880',
    WEIR_SERVICE_PORT_HTTP: '9880',
    WEIR_PORT: 'tcp://10.0.0.7:9880',
    WEIR_PORT_9880_TCP: 'tcp://10.0.0.7:9880',
    WEIR_PORT_9880_TCP_PROTO: 'tcp',
    WEIR_ADMIN_PORT_9881_TCP_ADDR: '10.0.0.8',
    WEIR_REQUIRE: 'native',
    WEIR_CONFIG: '/etc/weir/weir.yaml',
  }
  assert.deepEqual(load(text, { environment }).settings, load(text).settings)
  assert.match(problemsOf(text, { environment: { WEIR_ADMIN_PORT: '9881' } }).join(), /^WEIR_ADMIN_PORT: There is no/)
})

test('a wrong value is told with the variable or the flag that holds it', () => {
  const more = { environment: { WEIR_LOG__LEVEL: 'loud', WEIR_LOG: 'debug' }, sets: ['limits.inFlightBytes=lots'] }
  assert.deepEqual(problemsOf(text, more), [
    'WEIR_LOG: log: The value of a group is written in braces. (as {} or { discard: {} })',
    'WEIR_LOG__LEVEL: log.level: "loud" cannot be used: give `debug`, `info`, `warn` or `error`.',
    '--set limits.inFlightBytes: limits.inFlightBytes: "lots" cannot be used: give a size, as 65536, 64KiB or 2MB, from 1MiB to 64GiB.',
  ])
})

test('a flag names its setting as the file does; quotes keep dots in names', () => {
  const settings = withSets(
    'log.level=debug',
    'pipelines.my-logs.routes["a.b"]={ discard: {} }',
    'pipelines.my-logs.timeField=a=b',
  )
  assert.equal(settings.log.level, 'debug')
  assert.deepEqual(settings.pipelines['my-logs']?.routes['a.b'], { discard: {} })
  assert.equal(settings.pipelines['my-logs'].timeField, 'a=b')
})

test('a flag replaces a group as a whole, and what later flags set stays', () => {
  const settings = withSets(
    'pipelines.my-logs.source={ http: { path: /x } }',
    'pipelines.my-logs.source.http.maxRatio=50',
  )
  const { http } = settings.pipelines['my-logs']?.source ?? assert.fail('no source')
  assert.deepEqual([http?.path, http?.maxRatio], ['/x', 50])
})

test('flags that name nothing are refused', () => {
  const problemOf = (...sets: string[]) => problemsOf(text, { sets }).join('\n')
  assert.match(problemOf('log.level'), /^--set log\.level: There is no PATH=VALUE\./)
  assert.match(problemOf('log..level=x'), /^--set: There is no PATH=VALUE\./)
  assert.match(problemOf('log.levle=x'), /log\.levle: There is no such setting\. \(did you mean `level`\?\)/)
  assert.match(problemOf('log.level.x=x'), /log\.level\.x: `log\.level` is a single setting/)
  assert.match(problemOf('log.level=info', 'log.level=warn'), /given twice/)
  assert.match(problemOf('pipelines.my-logs.source.s3={}'), /source\.s3: There is no such setting/)
  assert.match(problemOf('pipelines.My.threads=1'), /"My" cannot be a name here/)
})

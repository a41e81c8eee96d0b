// Where settings come from, which of several holds, and what is told of wrong ones.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { rulesOf } from '#src/config/load.js'
import { chosen } from '#src/config/schema.js'
import { cwd, load, pipeline, problemsOf } from './loading.js'

const good = `pipelines:\n${pipeline('a')}`

test('without any settings there is HTTP on the loopback address, with rules, folders and dead letters', () => {
  const { settings } = load(undefined)
  const { source, routes, deadLetter } = settings.pipelines['default'] ?? assert.fail('no pipeline')
  const { kind, options } = chosen(source)
  assert.ok(kind === 'http')
  assert.deepEqual(
    [options.listen, options.path, settings.admin.listen],
    ['127.0.0.1:9880', '/ingest', '127.0.0.1:9881'],
  )
  assert.equal(routes.keep.directory?.path, '/srv/weir-out/keep')
  assert.equal(routes['security']?.directory?.path, '/srv/weir-out/security')
  assert.deepEqual(routes.drop, { discard: {} })
  assert.equal(deadLetter?.directory?.path, '/srv/weir-out/dead-letter')
})

test('a file stands alone: nothing of the built-in settings is in it', () => {
  const { settings } = load(good)
  assert.deepEqual(Object.keys(settings.pipelines), ['a'])
  assert.equal(settings.pipelines['a']?.deadLetter, undefined)
})

test('flags stand over the environment, and that over the file', () => {
  const text = `${good}log: { level: error, format: json }\nshutdownMs: 5s\n`
  const environment = { WEIR_LOG__LEVEL: 'warn', WEIR_LOG__FORMAT: 'text', HOME: '/root', PATH: '/bin' }
  const loaded = load(text, { environment, sets: ['log.level=debug'] })
  assert.deepEqual(loaded.settings.log, { level: 'debug', format: 'text' })
  assert.equal(loaded.settings.shutdownMs, 5000)
  const origins = [['log', 'level'], ['log', 'format'], ['shutdownMs'], ['limits', 'inFlightBytes']].map((path) => {
    const origin = loaded.originOf(path)
    return [origin?.kind, origin?.name, origin?.place?.line]
  })
  assert.deepEqual(origins, [
    ['flag', '--set log.level', undefined],
    ['environment', 'WEIR_LOG__FORMAT', undefined],
    ['file', 'etc/weir.yaml', 6],
    [undefined, undefined, undefined],
  ])
})

test('what stands over the file does not hide its problems', () => {
  const problems = problemsOf(`${good}log: loud\nlimits:\n`, { environment: { WEIR_LOG__LEVEL: 'info' }, sets: ['limits.inFlightBytes=1GiB'] }) // prettier-ignore
  assert.deepEqual(
    problems.map((line) => line.replace(/ cannot.*/, '')),
    ['5:6: log: "loud"', '6:1: limits: An empty value'],
  )
})

test('JSON is read as YAML is, tabs included', () => {
  const json = { pipelines: { a: { source: { stdin: {} }, routes: { keep: { discard: {} } }, threads: 3 } } }
  assert.equal(load(JSON.stringify(json, null, '\t')).settings.pipelines['a']?.threads, 3)
})

test('anchors, aliases and merge keys do what YAML says', () => {
  const text =
    'pipelines:\n  a: &a\n    source: { stdin: {} }\n    routes: { keep: { discard: {} } }\n    threads: 2\n' +
    '  b: { <<: *a, source: { file: { path: x } }, threads: 4 }\n'
  const { pipelines } = load(text).settings
  assert.deepEqual([pipelines['a']?.threads, pipelines['b']?.threads], [2, 4])
  assert.equal(pipelines['b']?.source.file?.path, '/srv/etc/x')
})

test('sizes and times are numbers or have a unit', () => {
  const http = 'http: { maxBodyBytes: 8MiB, maxInflatedBytes: 65536, answerWithinMs: 1.5s, keepAliveMs: 0 }'
  const options = load(`pipelines:\n${pipeline('a', '', http)}`).settings.pipelines['a']?.source.http
  assert.deepEqual(
    [options?.maxBodyBytes, options?.maxInflatedBytes, options?.answerWithinMs, options?.keepAliveMs],
    [8 << 20, 65_536, 1500, 0],
  )
})

test('paths in a file begin at its folder, others at the working directory', () => {
  const text = `pipelines:\n${pipeline('a', 'rules: rules/a.yaml')}${pipeline('b', 'rules: /etc/b.yaml', 'file: { path: x }')}admin: { token: token }\n`
  const loaded = load(text, { environment: { WEIR_PIPELINES__B__ROUTES__KEEP__DIRECTORY__PATH: 'kept' } })
  const { pipelines, admin } = loaded.settings
  assert.equal(pipelines['a']?.rules, '/srv/etc/rules/a.yaml')
  assert.equal(pipelines['a'].routes.keep.directory?.path, '/srv/etc/out/a')
  assert.equal(pipelines['b']?.rules, '/etc/b.yaml')
  assert.equal(pipelines['b'].routes.keep.directory?.path, '/srv/kept')
  assert.equal(admin.token, '/srv/etc/token')
})

test('rules are a file, a text whose list files begin at the settings’ folder, filters, or none', () => {
  const text =
    `pipelines:\n${pipeline('a')}${pipeline('b', "rules: { text: 'version: 1' }", 'file: { path: x }')}` +
    pipeline('c', 'rules: { filters: [{ fieldName: a, regex: b }] }', 'file: { path: y }')
  const loaded = load(text)
  assert.deepEqual(rulesOf(loaded, 'a'), { version: 1, default: 'keep', rules: [] })
  assert.deepEqual(rulesOf(loaded, 'b'), { text: 'version: 1', name: 'pipelines.b.rules', directory: '/srv/etc' })
  assert.deepEqual(rulesOf(loaded, 'c'), { filters: [{ fieldName: 'a', regex: 'b' }] })
})

test('all problems are told at once, in order of place, each with its path and a cure', () => {
  const text = `pipelines:
  Web: { source: { stdin: {} }, routes: { keep: { discard: {} } } }
  a:
    source:
      http: { listn: "127.0.0.1:9880", answerWithinMs: 5m, maxBodyBytes: 16g, hosts: [a, 5] }
      path: /x
    routes: { slow: { discard: {} } }
    rulesOnError: continue
    threads: 0
admin: { listen: 9881 }
limits:
log: { level: Info }
loglevel: debug
`
  assert.deepEqual(problemsOf(text), [
    '2:3: pipelines.Web: "Web" cannot be a name here: give 1 to 63 lower-case letters, digits and single hyphens, a letter first.',
    '5:15: pipelines.a.source.http.listn: There is no such setting. (did you mean `listen`?)',
    '5:56: pipelines.a.source.http.answerWithinMs: "5m" cannot be used: give a time, as 500, 500ms, 20s or 5min, from 100ms to 1h. (write `5min` for minutes)',
    '5:74: pipelines.a.source.http.maxBodyBytes: "16g" cannot be used: give a size, as 65536, 64KiB or 2MB, from 1KiB to 1GiB. (write `16GiB`)',
    '5:86: pipelines.a.source.http.hosts: 5 cannot be used: give a list of host names without ports, as [logs.example.com].',
    '6:7: pipelines.a.source.path: There is no such setting. (it stands at pipelines.NAME.source.http.path)',
    '7:5: pipelines.a.routes.keep: The setting is missing. (give exactly one of directory, kafka, s3, stdout, discard)',
    '8:19: pipelines.a.rulesOnError: "continue" cannot be used: give `stop` or `keep`.',
    '9:14: pipelines.a.threads: 0 cannot be used: give a whole number from 1 to 256.',
    '10:18: admin.listen: 9881 cannot be used: give an address and a port, as "127.0.0.1:9880" or "[::1]:9880", or `none`. (write "127.0.0.1:9881")',
    '11:1: limits: An empty value cannot be used: give a group of settings. (write `{}` for one with all its defaults)',
    '12:15: log.level: "Info" cannot be used: give `debug`, `info`, `warn` or `error`.',
    '13:1: loglevel: There is no such setting. (known here: pipelines, kafka, admin, limits, log, stateFolder, shutdownMs)',
  ])
})

test('sizes as text are held to the range as numbers are', () => {
  for (const value of ['100', '"100"', '2GiB', '1.3KiB', '-5', '16.5', '"16 MiB "']) {
    const problems = problemsOf(`pipelines:\n${pipeline('a', '', `http: { maxBodyBytes: ${value} }`)}`)
    assert.equal(problems.length, 1, value)
    assert.match(problems[0] ?? '', /maxBodyBytes: .* cannot be used: give a size, .* from 1KiB to 1GiB\./)
  }
})

test('one pipeline’s problems do not hide the contradictions of others', () => {
  const text = `pipelines:\n${pipeline('a', 'threads: 0')}${pipeline('b', 'validation: kept\n    deadLetter: { stdout: {} }', 'file: { path: x }')}`
  const problems = problemsOf(text)
  assert.equal(problems.length, 2)
  assert.match(problems.join('\n'), /a\.threads: 0 cannot[^]*b\.validation: There is a `deadLetter`/)
})

test('a bucket is an output and no source', () => {
  const text = 'pipelines: { a: { source: { s3: { bucket: raw } }, routes: { keep: { s3: {} } } } }'
  assert.deepEqual(problemsOf(text), [
    '1:29: pipelines.a.source.s3: There is no such setting. (known here: http, file, kafka, stdin)',
    '1:70: pipelines.a.routes.keep.s3.bucket: The setting is missing. (give the name of a bucket: 3 to 63 lower-case letters, digits, `.` and `-`, a letter or digit first and last)',
  ])
})

test('no message holds the value of a setting that names a secret, or of one that does not exist', () => {
  const text = `pipelines:\n${pipeline('a', '', 'http: { users: [hunter2], password: hunter2, tls: { certificate: c, key: { pem: hunter2 } } }')}admin: { token: [hunter2], secret: hunter2 }\n`
  const more = { environment: { WEIR_TOKEN: 'hunter2' }, sets: ['admin.tokenn=hunter2', 'hunter2'] }
  const problems = problemsOf(text, more)
  assert.equal(problems.length, 8)
  assert.doesNotMatch(problems.join('\n'), /hunter2/)
  const s3 = '{ bucket: logs, endpoint: "https://key:hunter2@s3", credentials: [hunter2] }'
  const ofS3 = problemsOf(`pipelines: { a: { source: { stdin: {} }, routes: { keep: { s3: ${s3} } } } }`)
  assert.equal(ofS3.length, 2)
  assert.doesNotMatch(ofS3.join('\n'), /hunter2/)
})

test('files that are read are asked for only where the caller can tell, and not named', () => {
  const text = `pipelines:\n${pipeline('a', 'rules: rules.yaml', 'http: { users: users }')}admin: { token: hunter2 }\n`
  assert.deepEqual(problemsOf(text), [])
  const asked: string[] = []
  const unreadable = (file: string) => {
    asked.push(file)
    return file.endsWith('users') ? undefined : 'it is gone'
  }
  const problems = problemsOf(text, { unreadable })
  assert.deepEqual(asked, ['/srv/etc/users', '/srv/etc/rules.yaml', '/srv/etc/hunter2'])
  assert.deepEqual(problems, [
    '5:12: pipelines.a.rules: The file cannot be read: it is gone.',
    '6:17: admin.token: The file cannot be read: it is gone.',
  ])
})

test('names that mean something to JavaScript are names like others', () => {
  assert.match(problemsOf(`${good}__proto__: { log: 1 }\n`)[0] ?? '', /^5:1: __proto__: There is no such setting/)
  assert.match(problemsOf(`${good}constructor: 1\n`)[0] ?? '', /^5:1: constructor: There is no such setting/)
  const inRoutes = good.replace('keep:', '__proto__: { discard: {} }, keep:')
  assert.match(problemsOf(inRoutes)[0] ?? '', /a\.routes\.__proto__: "__proto__" cannot be a name/)
  const inPipelines = good.replace('  a:', '  __proto__: { source: 1 }\n  a:')
  assert.match(problemsOf(inPipelines)[0] ?? '', /pipelines\.__proto__: "__proto__" cannot be a name/)
})

test('there is at least one pipeline', () => {
  assert.match(problemsOf('pipelines: {}')[0] ?? '', /^1:12: pipelines: There is no pipeline\./)
  assert.match(
    problemsOf('log: {}')[0] ?? '',
    /^etc\/weir\.yaml: pipelines: |^ ?pipelines: The setting is missing\. \(a group of them, by name\)/,
  )
})

test('hundreds of problems are cut to the first hundred, and the rest is counted', () => {
  const names = Array.from({ length: 150 }, (_, i) => `x${i}: 1\n`).join('')
  const problems = problemsOf(`${good}${names}`)
  assert.equal(problems.length, 101)
  assert.match(problems.at(-1) ?? '', /50 more problems follow/)
})

test('the working directory is given, and nothing is asked of the process', () => {
  assert.equal(load(undefined, { cwd: '/elsewhere' }).settings.pipelines['default']?.routes.keep.directory?.path, '/elsewhere/weir-out/keep') // prettier-ignore
  assert.equal(load(good).cwd, cwd)
})

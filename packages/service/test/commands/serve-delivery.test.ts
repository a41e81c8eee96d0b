// `weir serve` from end to end: records of each kind of source lie in each kind of sink, once; what metrics and status
// say of them; a signal while records are posted; TLS with users, asked by curl.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { shell, weir } from '../running.js'
import { skipWithoutCommand } from '../required.js'
import { contentOf } from '../sinks/folders.js'
import { makePair } from '../sources/certificate.js'
import { anyPort, pipelineText, post, serve, settingsText } from './serving.js'

const rules = 'version: 1\ndefault: drop\nrules: [{ id: good, when: { field: s, prefix: a }, then: keep }]\n'

const sources = {
  http: anyPort,
  file: 'file: { path: once.ndjson }',
  follow: 'file: { path: followed.ndjson, follow: true, stateFile: followed.position, pollMs: 10 }',
  stdin: 'stdin: {}',
} as const
const sinks = {
  directory: (name: string) => `directory: { path: out-${name} }`,
  gzip: (name: string) => `directory: { path: out-${name}, compression: gzip }`,
  stdout: () => 'stdout: {}',
  discard: () => 'discard: {}',
} as const

type SourceKind = keyof typeof sources
const sourceKinds = Object.keys(sources) as SourceKind[]

/** Each source has each sink once; there is one standard output for a process. */
const plans: readonly Readonly<Record<SourceKind, keyof typeof sinks>>[] = [
  { http: 'stdout', file: 'directory', follow: 'discard', stdin: 'gzip' },
  { http: 'directory', file: 'stdout', follow: 'gzip', stdin: 'discard' },
  { http: 'discard', file: 'gzip', follow: 'stdout', stdin: 'directory' },
  { http: 'gzip', file: 'discard', follow: 'directory', stdin: 'stdout' },
]

/** Records that tell where they came from: every second one is kept. */
function recordsOf(kind: SourceKind): { all: string; kept: string } {
  const lines = Array.from({ length: 400 }, (_, i) => `{"s":"${i % 2 === 0 ? 'a' : 'b'}","from":"${kind}","n":${i}}\n`)
  return { all: lines.join(''), kept: lines.filter((_, i) => i % 2 === 0).join('') }
}

for (const plan of plans) {
  const title = sourceKinds.map((kind) => `${kind} to ${plan[kind]}`).join(', ')
  test(`records of each source are in its sink once: ${title}`, async (t) => {
    const pipelines = sourceKinds.map((kind) =>
      pipelineText(kind, sources[kind], `{ keep: { ${sinks[plan[kind]](kind)} } }`, 'rules: rules.yaml'),
    )
    const files = {
      'rules.yaml': rules,
      'once.ndjson': recordsOf('file').all,
      'followed.ndjson': recordsOf('follow').all,
    }
    const started = await serve(t, settingsText(pipelines), { files })
    started.child.stdin.end(recordsOf('stdin').all)
    assert.equal((await post(await started.source('http'), recordsOf('http').all)).status, 200)
    for (const kind of sourceKinds) {
      await started.metricIs(`weir_records_total{pipeline="${kind}",verdict="kept"}`, (value) => value === 200)
    }
    const { code, stdout } = await started.stop()
    assert.equal(code, 0)
    for (const kind of sourceKinds) {
      const sink = plan[kind]
      if (sink === 'discard') continue
      const there = sink === 'stdout' ? stdout : await contentOf(path.join(started.directory, `out-${kind}`))
      assert.equal(there.toString(), recordsOf(kind).kept, `${kind} to ${sink}`)
    }
  })
}

test('metrics and status tell of the records that went through', async (t) => {
  const routes = '{ keep: { directory: { path: kept } }, other: { discard: {} } }'
  const more = 'rules: rules.yaml\n    deadLetter: { directory: { path: dead } }\n    timeField: time'
  const other = '{ id: other, when: { field: s, equals: b }, then: { route: other } }'
  const files = { 'rules.yaml': rules.replace(']', `, ${other}]`) }
  const started = await serve(t, settingsText([pipelineText('one', anyPort, routes, more)]), { files })
  const address = await started.source()
  const time = (Date.now() / 1000 - 60).toFixed(3)
  const body = `{"s":"a1","time":"${time}"}\n{"s":"a2"}\n{"s":"b"}\n{"s":"c"}\n{"s":\n`
  assert.equal((await post(address, body)).status, 200)
  assert.equal((await post(`${address}/wrong`, body)).status, 404)
  const values = {
    'weir_records_total{pipeline="one",verdict="kept"}': '3',
    'weir_records_total{pipeline="one",verdict="dropped"}': '1',
    'weir_records_total{pipeline="one",verdict="malformed"}': '1',
    'weir_malformed_records_total{pipeline="one",reason="syntax"}': '1',
    'weir_rule_records_total{pipeline="one",rule="good"}': '2',
    'weir_rule_records_total{pipeline="one",rule="other"}': '1',
    'weir_route_records_total{pipeline="one",route="other"}': '1',
    'weir_input_bytes_total{pipeline="one"}': String(body.length),
    'weir_output_bytes_total{pipeline="one",sink="keep"}': String(body.indexOf('{"s":"b"}')),
    'weir_dead_letters_total{pipeline="one",reason="malformed"}': '1',
    'weir_dead_letter_records_total{pipeline="one",reason="malformed"}': '1',
    'weir_arrival_delay_seconds_count{pipeline="one"}': '5',
    'weir_record_delay_seconds_count{pipeline="one"}': '1',
    'weir_http_requests_total{pipeline="one",code="200",error=""}': '1',
    'weir_http_requests_total{pipeline="one",code="404",error="unknown-path"}': '1',
    'weir_http_in_flight_bytes{pipeline="one"}': '0',
    'weir_session_waiting{pipeline="one"}': '0',
    'weir_rule_set_stale{pipeline="one"}': '0',
  }
  for (const [name, value] of Object.entries(values)) assert.equal(await started.metric(name), value, name)
  const ready = await started.ask('/readyz')
  assert.deepEqual([ready.status, await ready.json()], [200, { ready: true, reasons: [] }])
  const status = (await (await started.ask('/api/status')).json()) as Record<string, Record<string, unknown>[]>
  const [pipeline] = status['pipelines'] ?? []
  const { name, status: state, source, restarts, guarantees } = pipeline ?? {}
  assert.deepEqual([name, state, source, restarts], ['one', 'running', address, 0])
  assert.deepEqual(guarantees, {
    delivery: 'at least once',
    outputs: { keep: 'synced to the disk', other: 'not kept' },
    malformed: 'synced to the disk',
    validation: 'full',
  })
  assert.equal(status['rules']?.[0]?.['version'], pipeline?.['ruleSetVersion'])
  assert.equal((await started.stop()).code, 0)
})

test('a signal while records are posted ends it with 0, and every record that got its 200 is there', async (t) => {
  const started = await serve(
    t,
    settingsText([pipelineText('one', anyPort, '{ keep: { directory: { path: kept } } }')]),
  )
  const address = await started.source()
  const taken: string[] = []
  let sent = 0
  const sender = async () => {
    for (;;) {
      const body = Array.from({ length: 50 }, () => `{"n":${sent++}}\n`).join('')
      const answer = await post(address, body).catch(() => undefined)
      if (answer?.status !== 200) return answer?.status ?? 'refused'
      taken.push(...body.trimEnd().split('\n'))
      // Once: a second signal ends it at once.
      if (taken.length > 2000 && !started.child.killed) started.child.kill('SIGTERM')
    }
  }
  const ends = await Promise.all(Array.from({ length: 8 }, sender))
  assert.ok(
    ends.every((end) => end === 503 || end === 'refused'),
    String(ends),
  )
  assert.equal((await started.finished).code, 0)
  const there = (await contentOf(path.join(started.directory, 'kept'))).toString().trimEnd().split('\n')
  assert.equal(new Set(there).size, there.length, 'nothing is there twice')
  const missing = taken.filter((record) => !new Set(there).has(record))
  assert.deepEqual(missing, [])
})

const withoutCurl = skipWithoutCommand('curl', 'apt-get install curl')

test('curl posts over TLS with a password of `weir users hash`', { skip: withoutCurl }, async (t) => {
  const { certificate, key } = makePair(1)
  const hashed = await weir(['users', 'hash', 'cdn'], { stdin: 'a: secret' })
  const source = "http: { listen: '127.0.0.1:0', users: users, tls: { certificate: cert.pem, key: key.pem } }"
  const settings = settingsText([pipelineText('one', source, '{ keep: { directory: { path: kept } } }')])
  const files = { 'cert.pem': certificate, 'key.pem': key, users: hashed.stdout.toString() }
  const started = await serve(t, settings, { files })
  const address = await started.source()
  assert.match(address, /^https:\/\/127\.0\.0\.1:\d+\/ingest$/)
  await writeFile(path.join(started.directory, 'body.ndjson'), '{"s":"a"}\n')
  const { port } = new URL(address)
  // The certificate is for `localhost`.
  const to = `--resolve localhost:${port}:127.0.0.1 --cacert cert.pem https://localhost:${port}/ingest`
  const curl = `curl -s -S -o answer -w '%{http_code}' --data-binary @body.ndjson`
  const ask = async (more: string) => {
    const { stdout, stderr } = await shell(`${curl} ${more} ${to}`, started.directory)
    assert.equal(stderr, '')
    return stdout.toString()
  }
  assert.equal(await ask(''), '401')
  assert.match(await readFile(path.join(started.directory, 'answer'), 'utf8'), /^\{"code":"unauthorized",/)
  assert.equal(await ask("-u 'cdn:wrong'"), '401')
  assert.equal(await ask("-u 'cdn:a: secret'"), '200')
  const plain = spawnSync('curl', ['-s', '-S', `http://127.0.0.1:${port}/ingest`])
  assert.notEqual(plain.status, 0, 'no answer without TLS')
  const { code, stderr } = await started.stop()
  assert.equal(code, 0)
  assert.ok(!stderr.includes('secret'), stderr)
  assert.equal((await contentOf(path.join(started.directory, 'kept'))).toString(), '{"s":"a"}\n')
})

test('a service that only follows files, without an admin port, stays until it is told to end', async (t) => {
  const source = 'file: { path: followed.ndjson, follow: true, stateFile: followed.position, pollMs: 10 }'
  const pipelines = [pipelineText('one', source, '{ keep: { directory: { path: out } } }')]
  const args = ['--set', 'log.level=debug']
  const files = { 'followed.ndjson': '{"n":1}\n' }
  const started = await serve(t, settingsText(pipelines, 'admin: { listen: none }\n'), { files, args })
  const first = await started.logged('A batch is safe.')
  await appendFile(path.join(started.directory, 'followed.ndjson'), '{"n":2}\n')
  await started.logged('A batch is safe.', ({ batch }) => batch !== first['batch'])
  const { code } = await started.stop()
  assert.equal(code, 0)
  assert.equal((await contentOf(path.join(started.directory, 'out'))).toString(), '{"n":1}\n{"n":2}\n')
})

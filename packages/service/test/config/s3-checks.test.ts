// What settings about S3 may not say together, and what is warned of.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { archiveOf, deliveryOf, gapsOf, isArchive, isTransactional } from '#src/config/delivery.js'
import { issueLine } from '#src/commands/report.js'

import { load, problemsOf } from './loading.js'

const kafka = 'kafka: { brokers: ["a:9092"] }\n'

/** An archive called `a`; `s3`, `source` and `more` stand behind what it has already. */
function archive({ s3 = '', source = '', more = '', routes = '', name = 'a' } = {}): string {
  const lines = [
    `  ${name}:`,
    `    source: { kafka: { topic: processed, group: ${name}${source} } }`,
    `    routes: { keep: { s3: { bucket: logs${s3} } }${routes} }`,
    ...(more === '' ? [] : [`    ${more}`]),
  ]
  return lines.join('\n') + '\n'
}

/** A pipeline that is none, from HTTP. */
function direct(s3 = '', more = '', http = ''): string {
  return `  d:\n    source: { http: { listen: "127.0.0.1:0"${http} } }\n    routes: { keep: { s3: { bucket: logs${s3} } } }\n${more === '' ? '' : `    ${more}\n`}`
}

const problems = (...pipelines: string[]) => problemsOf(`pipelines:\n${pipelines.join('')}${kafka}`).join('\n')
const only = (text: string) => load(`pipelines:\n${text}${kafka}`).settings.pipelines[/[a-z]+/.exec(text)![0]]!
const warnings = (...pipelines: string[]) =>
  load(`pipelines:\n${pipelines.join('')}${kafka}`).warnings.map((warning) => issueLine('', warning)).join('\n') // prettier-ignore

test('an archive delivers exactly once, passes over gaps unless told otherwise, and has no transactions', () => {
  const settings = only(archive())
  assert.equal(problems(archive()), '')
  assert.deepEqual(
    [isArchive(settings), deliveryOf(settings), isTransactional(settings), gapsOf(settings)],
    [true, 'exactly-once', false, 'allow'],
  )
  assert.equal(archiveOf(settings)?.s3.bucket, 'logs')
  assert.equal(archiveOf(settings)?.source.topic, 'processed')
  assert.equal(problems(archive({ more: 'delivery: exactly-once' })), '')
  assert.equal(gapsOf(only(archive({ source: ', gaps: stop' }))), 'stop')
  const filter =
    '  f:\n    source: { kafka: { topic: raw, group: f } }\n    routes: { keep: { kafka: { topic: processed } } }\n'
  assert.deepEqual([isArchive(only(filter)), isTransactional(only(filter)), gapsOf(only(filter))], [false, true, 'stop']) // prettier-ignore
  // What a filter writes in transactions has gaps: an archive of it need not say so.
  assert.equal(problems(filter, archive()), '')
  assert.match(problems(filter, archive({ source: ', gaps: stop' })), /a\.source\.kafka\.gaps: .* in transactions/)
  assert.deepEqual([isArchive(only(direct())), deliveryOf(only(direct()))], [false, 'at-least-once'])
})

test('behind Kafka only a copy is archived: no rules, no other output, no envelopes, nothing less than once', () => {
  assert.match(problems(archive({ more: 'rules: r.yaml' })), /a\.rules: An archive copies .* \(filter into a topic, and archive that one\)/) // prettier-ignore
  assert.match(problems(archive({ more: 'deadLetter: { discard: {} }' })), /a\.deadLetter: An archive copies/)
  assert.match(problems(archive({ routes: ', drop: { discard: {} }' })), /a\.routes\.drop: An archive copies/)
  assert.match(problems(archive({ source: ', format: fluentd' })), /a\.source\.kafka\.format: An archive copies/)
  assert.match(problems(archive({ more: 'delivery: at-least-once' })), /a\.delivery: .* \(drop it\)/)
  const letters = '  f:\n    source: { kafka: { topic: raw, group: f } }\n    routes: { keep: { kafka: { topic: b } } }\n    deadLetter: { s3: { bucket: dead } }\n' // prettier-ignore
  assert.match(problems(letters), /f\.deadLetter\.s3: Behind Kafka only an archive writes to S3/)
  const slow = letters.replace('} } }\n    deadLetter', '} }, slow: { s3: { bucket: b-b } } }\n    deadLetter')
  assert.equal(problems(slow).split('\n').length, 2)
})

test('of other sources, every route and the dead letters may lie in buckets', () => {
  const two = ', prefix: kept } }, slow: { s3: { bucket: logs, prefix: slow'
  assert.equal(problems(direct(two, 'deadLetter: { s3: { bucket: logs, prefix: dead } }')), '')
})

test('no output lies in another one’s prefix', () => {
  const both = (a: string, b: string) => problems(direct(a), archive({ s3: b }))
  assert.match(
    both('', ''),
    /a\.routes\.keep\.s3\.prefix: pipelines\.d\.routes\.keep\.s3 has the same bucket and prefix/,
  )
  assert.match(both(', prefix: logs/', ', prefix: /logs'), /has the same bucket and prefix/)
  assert.match(both(', prefix: logs/', ', prefix: logs/web'), /lies within it, or the other way round/)
  assert.match(both(', prefix: logs/web', ''), /lies within it, or the other way round/)
  assert.equal(both(', prefix: logs', ', prefix: logs-web'), '')
  assert.equal(both(', endpoint: "https://a"', ', endpoint: "https://b"'), '')
  assert.match(both(', endpoint: "https://A.b"', ', endpoint: "https://a.b:443/"'), /has the same bucket and prefix/)
  assert.match(problems(direct('', 'deadLetter: { s3: { bucket: logs, prefix: a } }')), /d\.deadLetter\.s3\.prefix/)
})

test('an archive’s objects lie within an hour each', () => {
  for (const period of ['1s', '90s', '5min', '1h']) assert.equal(problems(archive({ s3: `, periodMs: ${period}` })), '')
  assert.match(
    problems(archive({ s3: ', periodMs: 7min' })),
    /periodMs: Objects would hold records of two hours.*as 1min, 5min or 1h/,
  )
  assert.match(problems(archive({ s3: ', periodMs: 1001' })), /periodMs/)
  assert.equal(problems(direct(', periodMs: 7min')), '')
})

test('records fit into the memory of objects, and wait for them no longer than a body may', () => {
  assert.match(problems(direct(', memoryBytes: 1MiB', 'maxRecordBytes: 2MiB')), /memoryBytes: There is no room.*2MiB/)
  assert.equal(problems(direct(', memoryBytes: 2MiB', 'maxRecordBytes: 2MiB')), '')
  const wait = (maxWaitMs: string) => problems(direct(`, maxWaitMs: ${maxWaitMs}`, '', ', answerWithinMs: 10s'))
  assert.match(wait('5s'), /keep\.s3\.maxWaitMs: Bodies would be answered 503 .*d\.source\.http\.answerWithinMs\)/)
  assert.equal(wait('4s'), '')
})

test('a spool has a folder of its own', () => {
  const spool = ', spool: { folder: out } } }, slow: { directory: { path: out/slow'
  assert.match(problems(direct(spool)), /lies within it, or the other way round/)
  assert.equal(problems(direct(spool.replace('out/slow', 'slow'))), '')
})

test('names of buckets, prefixes and endpoints are possible ones', () => {
  for (const bucket of ['a.b-c', '0a0', 'x'.repeat(63)]) assert.equal(problems(direct().replace('logs', bucket)), '')
  for (const bucket of ['ab', 'A-logs', '-logs', 'logs.', 'a..b', '10.0.0.1', 'x'.repeat(64), 'a_b', 'a/b']) {
    assert.match(problems(direct().replace('logs', bucket)), /bucket: .* give the name of a bucket/, bucket)
  }
  for (const endpoint of ['http://a:99999', 'https://[1:2]', 'http://1.2.3.4.5:1', 'https://a/b', 'https://a?b#c']) {
    assert.match(problems(direct(`, endpoint: "${endpoint}"`)), /endpoint: What is given cannot be used/, endpoint)
  }
  assert.match(problems(direct(', prefix: a/../b')), /prefix: .* give a path/)
  assert.match(problems(direct(', prefix: a//b')), /prefix: .* without `\/\/`/)
  assert.match(problems(direct(', region: "us east"')), /region: .* give the name of a region/)
})

test('files with credentials are looked for', () => {
  const unreadable = (path: string) => (path.endsWith('/gone') ? 'no such file' : undefined)
  const text = `pipelines:\n${archive({ s3: ', credentials: gone' })}${kafka}`
  assert.match(problemsOf(text, { unreadable }).join(), /s3\.credentials: The file cannot be read: no such file/)
})

test('records that others can read on the way are warned of, and objects that never are as large as is said', () => {
  assert.match(
    warnings(archive({ s3: ', endpoint: "http://s3.example.com"' })),
    /a\.routes\.keep\.s3\.endpoint: Without TLS .* \(write `https:\/\/`\)/,
  )
  for (const endpoint of ['http://127.0.0.1:7070', 'http://[::1]:1', 'http://localhost', 'https://s3.example.com']) {
    assert.equal(warnings(archive({ s3: `, endpoint: "${endpoint}"` })), '')
  }
  const sizes = ', maxObjectBytes: 256MiB, memoryBytes: 128MiB'
  assert.equal(warnings(direct(sizes)), '')
  assert.match(
    warnings(direct(`${sizes}, compression: none`)),
    /maxObjectBytes: Objects end before .*128MiB, or a `spool`/,
  )
  assert.equal(warnings(direct(`${sizes}, compression: none, spool: { folder: s }`)), '')
})

test('settings that nobody looks at are warned of where they are given', () => {
  const warned = (text: string) =>
    [...warnings(text).matchAll(/([a-zA-Z0-9]+): It has no effect\./g)].map(([, name]) => name)
  assert.deepEqual(warned(archive({ s3: ', periodMs: 5min, idleMs: 5s, level: 9' })), [])
  assert.deepEqual(warned(archive({ s3: ', maxWaitMs: 1s, level: 9, compression: none' })), ['maxWaitMs', 'level'])
  assert.deepEqual(warned(direct(', maxWaitMs: 2s, compression: none', 'threads: 2')), [])
  assert.deepEqual(warned(direct(', periodMs: 5min, idleMs: 5s')), ['periodMs', 'idleMs'])
  for (const [name, value] of Object.entries({
    ...{ timeField: 't', validation: 'kept', maxRecordBytes: '2MiB', rulesOnError: 'keep', threads: 2 },
    ...{ kernel: 'native', batchBytes: '1MiB', batchAgeMs: '1s' },
  })) {
    assert.deepEqual(warned(archive({ more: `${name}: ${value}` })), [name])
  }
  assert.match(
    warnings(archive({ more: 'timeField: t' })),
    /weir\.yaml:5:5: pipelines\.a\.timeField: It has no effect\. Objects are named by the time .* \(drop it\)/,
  )
})

test('an endpoint that has the bucket in its host is warned of', () => {
  const at = (more: string) => warnings(archive({ s3: `, endpoint: "https://logs.s3.example.com"${more}` }))
  assert.match(
    at(''),
    /endpoint: It begins with the name of the bucket, which stands in the path .*`https:\/\/s3\.example\.com`/,
  )
  assert.match(at(', pathStyle: false'), /which stands before the host/)
  assert.equal(warnings(archive({ s3: ', endpoint: "https://logs3.example.com"' })), '')
})

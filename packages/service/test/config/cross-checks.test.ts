// What settings may not say together.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { issueLine } from '#src/commands/report.js'

import { load, pipeline, problemsOf } from './loading.js'

const one = (source: string, more = '') => `pipelines:\n${pipeline('a', more, source)}`
const two = (a: string, b: string) => `pipelines:\n${pipeline('a', '', a)}${pipeline('b', '', b)}`

test('exactly one source and one output for each route is given', () => {
  assert.match(problemsOf(one('stdin: {}, http: {}')).join(), /a\.source: Only one of http and stdin can be given/)
  assert.match(problemsOf('pipelines: { a: { source: {}, routes: { keep: { discard: {} } } } }').join(), /a\.source: Nothing is chosen\. \(give exactly one of http, file, kafka, stdin\)/) // prettier-ignore
  assert.match(
    problemsOf(one('stdin: {}', 'deadLetter: { discard: {}, stdout: {} }')).join(),
    /a\.deadLetter: Only one/,
  )
  assert.match(
    problemsOf(one('stdin: {}').replace('{ keep:', '{ x: {}, keep:')).join(),
    /a\.routes\.x: Nothing is chosen/,
  )
})

test('names of routes are those that rules can have', () => {
  const problemOf = (route: string) =>
    problemsOf(one('stdin: {}').replace('{ keep:', `{ ${route}: { discard: {} }, keep:`))
  assert.deepEqual(problemOf('Slow.One_2'), [])
  assert.match(problemOf('malformed').join(), /write `deadLetter:` beside `routes:`/)
  for (const name of ['default', '-a', '"a b"', '""', 'x'.repeat(65)])
    assert.match(problemOf(name).join(), /cannot be a route/)
})

test('no two servers listen on one address, be it of one kind or not', () => {
  assert.deepEqual(problemsOf(two('http: {}', 'http: {}')), [
    '6:15: pipelines.b.source.http.listen: pipelines.a.source.http.listen listens there too. (choose another port)',
  ])
  assert.match(
    problemsOf(one('http: { listen: "localhost:9881" }')).join(),
    /admin\.listen: pipelines\.a\.source\.http\.listen listens/,
  )
  assert.deepEqual(problemsOf(one('http: { listen: "127.0.0.1:9881" }') + 'admin: { listen: none }\n'), [])
  assert.deepEqual(problemsOf(two('http: { listen: "127.0.0.1:0" }', 'http: { listen: "127.0.0.1:0" }')), [])
})

test('what others can reach asks who they are, or says that it does not', () => {
  const open = 'http: { listen: "0.0.0.0:9880"'
  assert.match(problemsOf(one(`${open} }`)).join(), /a\.source\.http\.listen: Other machines can reach it/)
  assert.deepEqual(problemsOf(one(`${open}, users: users }`)), [])
  assert.deepEqual(problemsOf(one(`${open}, allowAnonymous: true }`)), [])
  assert.match(
    problemsOf(one(`${open}, allowAnonymous: true, users: users }`)).join(),
    /allowAnonymous: There are `users`/,
  )
  assert.match(
    problemsOf(one('stdin: {}') + 'admin: { listen: "[::]:9881" }\n').join(),
    /admin\.listen: Other machines/,
  )
  assert.deepEqual(problemsOf(one('stdin: {}') + 'admin: { listen: "[::]:9881", token: token }\n'), [])
})

test('outputs have folders of their own, none within another', () => {
  const file = (more: string) => one('stdin: {}', `deadLetter: { directory: { path: ${more} } }`)
  assert.match(
    problemsOf(file('out/a')).join(),
    /a\.deadLetter\.directory\.path: pipelines\.a\.routes\.keep\.directory\.path is the same folder/,
  )
  assert.match(problemsOf(file('out/a/dead')).join(), /lies within it, or the other way round/)
  assert.match(problemsOf(file('./out/../out')).join(), /lies within it, or the other way round/)
  assert.deepEqual(problemsOf(file('out/a-dead')), [])
  assert.deepEqual(problemsOf(file('out/..a')), [])
  const realPath = (path: string) => path.replace('/srv/etc/link', '/srv/etc/out')
  assert.match(problemsOf(file('link/a'), { realPath }).join(), /is the same folder/)
})

test('there is one standard input and one standard output', () => {
  assert.match(
    problemsOf(two('stdin: {}', 'stdin: {}')).join(),
    /b\.source\.stdin: pipelines\.a\.source\.stdin has it already/,
  )
  const problems = problemsOf(
    one('stdin: {}', 'deadLetter: { stdout: {} }').replace('{ keep:', '{ drop: { stdout: {} }, keep:'),
  )
  assert.match(problems.join(), /a\.deadLetter\.stdout: pipelines\.a\.routes\.drop\.stdout has it already/)
})

test('where the split of dropped and malformed is written, every record is checked', () => {
  for (const mode of ['kept', 'read']) {
    assert.match(
      problemsOf(
        one('stdin: {}', `validation: ${mode}\n    rules: r\n    deadLetter: { directory: { path: dead } }`),
      ).join(),
      /a\.validation: There is a `deadLetter`/,
    )
    const dropped = one('stdin: {}', `validation: ${mode}\n    rules: r`).replace(
      '{ keep:',
      '{ drop: { stdout: {} }, keep:',
    )
    assert.match(problemsOf(dropped).join(), /a\.validation: Dropped records are written/)
    assert.deepEqual(problemsOf(one('stdin: {}', `validation: ${mode}`)), [])
    assert.deepEqual(problemsOf(one('stdin: {}', `validation: ${mode}\n    deadLetter: { discard: {} }`)), [])
    // Where nothing is judged, only what is too long is malformed, and that is known without reading it.
    const ingest = problemsOf(one('stdin: {}', `validation: ${mode}\n    deadLetter: { directory: { path: dead } }`))
    assert.equal(ingest.length, mode === 'read' ? 0 : 1)
  }
})

test('a body as large as is allowed fits into what may be in flight', () => {
  const text = one('http: { maxBodyBytes: 16MiB, maxInflatedBytes: 100MiB }')
  assert.match(
    problemsOf(text + 'limits: { inFlightBytes: 115MiB }\n').join(),
    /limits\.inFlightBytes: .*at least 116MiB/,
  )
  assert.deepEqual(problemsOf(text + 'limits: { inFlightBytes: 116MiB }\n'), [])
})

test('a file that is followed has its position stored, elsewhere than in files that are read', () => {
  assert.match(
    problemsOf(one('file: { path: access.log, follow: true }')).join(),
    /a\.source\.file\.stateFile: .*access\.log\.position/,
  )
  assert.deepEqual(problemsOf(one('file: { path: x, follow: true, stateFile: x.position }')), [])
  assert.match(problemsOf(one('file: { path: x, stateFile: ./x }')).join(), /stateFile: .*is the same file/)
  assert.match(
    problemsOf(two('file: { path: x, stateFile: s }', 'file: { path: y, stateFile: s }')).join(),
    /b\.source\.file\.stateFile: .*is the same file/,
  )
  assert.match(problemsOf(one('file: { path: x, from: end }')).join(), /from: A file that is read once from its end/)
})

test('a pipeline does not read what it writes', () => {
  assert.match(
    problemsOf(one('file: { path: out/a/x.ndjson }')).join(),
    /a\.source\.file\.path: .* writes into the folder/,
  )
})

test('a batch does not wait for longer than a body may', () => {
  const problem = /a\.batchAgeMs: Bodies would be answered 503 while their batch still waits to fill\. \(give at most half of pipelines\.a\.source\.http\.answerWithinMs\)/ // prettier-ignore
  assert.match(problemsOf(one('http: { answerWithinMs: 3s }', 'batchAgeMs: 2s')).join(), problem)
  assert.deepEqual(problemsOf(one('http: { answerWithinMs: 4s }', 'batchAgeMs: 2s')), [])
  assert.deepEqual(problemsOf(one('stdin: {}', 'batchAgeMs: 1min')), [])
})

const kafka = 'kafka: { brokers: ["a:9092"] }\n'

const kafkaPipeline = (name: string, { topic = 'raw', group = name, to = `${name}-out`, more = '' } = {}) =>
  `  ${name}:\n    source: { kafka: { topic: ${topic}, group: ${group}${more} } }\n    routes: { keep: { kafka: { topic: ${to} } } }\n`

test('pipelines share no group, and no topic that one of them writes from Kafka', () => {
  const problems = (a: string, b: string) => problemsOf(`pipelines:\n${a}${b}${kafka}`).join('\n')
  assert.equal(problems(kafkaPipeline('a'), kafkaPipeline('b')), '')
  assert.match(
    problems(kafkaPipeline('a'), kafkaPipeline('b', { group: 'a' })),
    /b\.source\.kafka\.group: pipelines\.a\.source\.kafka\.group is the same/,
  )
  assert.match(
    problems(kafkaPipeline('a'), kafkaPipeline('b', { to: 'a-out' })),
    /b\.routes\.keep\.kafka\.topic: pipelines\.a\.routes\.keep\.kafka\.topic is the same/,
  )
  assert.match(problems(kafkaPipeline('a', { to: 'raw' }), ''), /It is the topic that is read/)
  assert.match(
    problems(kafkaPipeline('a'), kafkaPipeline('b', { topic: 'a-out' })),
    /b\.source\.kafka\.gaps: pipelines\.a\.routes\.keep\.kafka writes the topic in transactions/,
  )
  assert.equal(problems(kafkaPipeline('a'), kafkaPipeline('b', { topic: 'a-out', more: ', gaps: allow' })), '')
  const ingest = (name: string) =>
    pipeline(name, '', `http: { listen: "127.0.0.1:0" }`).replace(
      /keep: \{[^}]*\}\s*\}/,
      'keep: { kafka: { topic: raw } }',
    )
  assert.equal(problems(ingest('c'), ingest('d')), '')
})

test('exactly once is refused where it cannot be', () => {
  const problems = (text: string) => problemsOf(`pipelines:\n${text}${kafka}`).join('\n')
  assert.equal(problems(`${kafkaPipeline('a')}    delivery: exactly-once\n`), '')
  const mixed = `${kafkaPipeline('a')}    delivery: exactly-once\n    deadLetter: { directory: { path: dead } }\n`
  assert.match(problems(mixed), /a\.delivery: An output is no topic of Kafka/)
  assert.match(problemsOf(one('stdin: {}', 'delivery: exactly-once')).join(), /a\.delivery: The source is no topic/)
  assert.match(problems(kafkaPipeline('a').replace('keep: {', 'drop: { stdout: {} }, keep: {')), /there is one standard output/) // prettier-ignore
})

test('a pipeline of Kafka needs to know where it is, and a certificate its key', () => {
  assert.match(
    problemsOf(`pipelines:\n${kafkaPipeline('a')}`).join(),
    /a\.source\.kafka: It is not said where Kafka is/,
  )
  assert.match(problemsOf(`${one('stdin: {}')}kafka: { brokers: [] }\n`).join(), /kafka\.brokers: There are none/)
  const wrong = problemsOf(`pipelines:\n${kafkaPipeline('a')}kafka: { brokers: ["a:1", "b:99999", "c"] }\n`)
  assert.deepEqual(
    wrong.map((each) => /kafka\.brokers: ("[^"]+") cannot be used: give a list of HOST:PORT/.exec(each)?.[1]),
    ['"b:99999"', '"c"'],
  )
  const tls = 'kafka: { brokers: ["a:1"], tls: { certificate: c } }\n'
  assert.match(problemsOf(one('stdin: {}') + tls).join(), /kafka\.tls: A certificate and its key belong together/)
})

test('a password without TLS is warned of, where others than this machine are on the way', () => {
  const warnings = (brokers: string, more: string) => {
    const text = `${one('stdin: {}')}kafka:\n  brokers: [${brokers}]\n${more}`
    return load(text).warnings.map((warning) => issueLine('', warning).replace(/^etc\/weir\.yaml:/, ''))
  }
  const sasl = (mechanism: string) => `  sasl: { mechanism: ${mechanism}, user: u, passwordFile: p }\n`
  const plain = warnings('"kafka-1:9092", "127.0.0.1:9092"', sasl('plain'))
  assert.match(
    plain.join(),
    /^\d+:\d+: kafka\.sasl\.mechanism: The password goes to the brokers as it is.* \(give `kafka: \{ tls:/,
  )
  assert.match(warnings('"10.0.0.1:9092"', sasl('scram-sha-512')).join(), /try passwords against what is shown of ours/)
  assert.deepEqual(warnings('"127.0.0.1:9092", "[::1]:9092", "localhost:9092"', sasl('plain')), [])
  assert.deepEqual(warnings('"kafka-1:9092"', `${sasl('plain')}  tls: {}\n`), [])
  assert.deepEqual(warnings('"kafka-1:9092"', ''), [])
})

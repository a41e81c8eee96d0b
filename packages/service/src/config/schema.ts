// Every setting there is: where it stands, what it may hold, its default and its meaning. Types, messages, the JSON
// Schema, the names in the environment and the table of docs/settings.md all come from here; those of an output in S3 are
// in schema-s3.ts. Rules between settings are in cross-checks.ts. Called by load.ts and outline.ts.

import { limits } from '@weir/engine'
import { z } from 'zod'

import { httpLimits } from '../http-limits.ts'
import { saslMechanisms } from '../kafka/options.ts'
import { inputFormats } from '../shapes/shape.ts'
import { address, choice, count, file, flag, folder, group, grouped, laterFile, list, oneOf } from './fields.ts'
import { rate, rules, size, text, time, withDefault } from './fields.ts'
import { s3 } from './schema-s3.ts'

const mib = 1 << 20
/** What holds for the http source unless set otherwise. */
const httpStandard = httpLimits()
const gib = 1 << 30
const hour = 3_600_000
/** The longest time that timers can wait. */
const mostMs = 0x7fff_ffff

const tls = group('Encrypted connections, TLS 1.2 or newer. Both files are read again when they change.', {
  certificate: file('The certificate, and those of its issuers, as PEM.'),
  key: file('Its private key, as PEM.', { isSecret: true }),
})

const hosts = withDefault(
  list(
    'Host names by which it is reached, where it listens on a loopback address.',
    /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/,
    'a list of host names without ports, as [logs.example.com]',
  ),
  [],
)

const http = group('Records that are posted over HTTP.', {
  listen: withDefault(address('Where it listens.', { orNone: false }), '127.0.0.1:9880'),
  path: withDefault(
    text('The path to post to.', /^\/[\x21-\x22\x24-\x3e\x40-\x7e]*$/, 'a path, as /ingest, without `?` and `#`'),
    '/ingest',
  ),
  users: file('Who may post: a file of names and hashed passwords, read again when it changes.', {
    isSecret: true,
  }).optional(),
  allowAnonymous: withDefault(flag('Whether everybody may post from other machines too.'), false),
  hosts,
  tls: tls.optional(),
  unwrapEnvelopes: withDefault(flag('Whether `{"message": "LINES"}` is replaced by its lines.'), true),
  maxBodyBytes: withDefault(size('Most bytes of a body as sent.', { least: 1024, most: gib }), httpStandard.bodyBytes),
  maxInflatedBytes: withDefault(
    size('Most bytes of a body when inflated.', { least: 1024, most: gib }),
    httpStandard.inflatedBytes,
  ),
  maxRatio: withDefault(
    count('Most bytes that a byte of a body may inflate to, judged from 1 MiB on.', { least: 1, most: 1100 }),
    httpStandard.inflationRatio,
  ),
  maxHeaderBytes: withDefault(size('Most bytes of the headers.', { least: 1024, most: mib }), httpStandard.headerBytes),
  maxConnections: withDefault(
    count('Most connections at a time; fewer where the process has not the descriptors.', {
      least: 1,
      most: 1_000_000,
    }),
    httpStandard.connections,
  ),
  answerWithinMs: withDefault(
    time('Time from the end of a body to its answer; then the answer is 503.', { least: 100, most: hour }),
    httpStandard.deadlineMs,
  ),
  headersWithinMs: withDefault(
    time('Time that headers may take to arrive; never longer than `requestWithinMs`.', { least: 100, most: hour }),
    httpStandard.headersTimeoutMs,
  ),
  requestWithinMs: withDefault(time('Time that a whole request may take to arrive.', { least: 100, most: hour }), httpStandard.requestTimeoutMs), // prettier-ignore
  keepAliveMs: withDefault(
    time('Time that an idle connection is kept.', { least: 0, most: hour }),
    httpStandard.keepAliveTimeoutMs,
  ),
  rateBytesPerSecond: rate('Most bytes a second of one user, as sent; more is answered 429. Absent: no limit.', {
    least: 1024,
    most: 64 * gib,
  }).optional(),
})

const fileSource = group('Records of one file.', {
  path: laterFile('The file. It may come later where it is followed.'),
  follow: withDefault(flag('Whether to wait for more, also when the file is rotated.'), false),
  from: withDefault(choice('Where to begin when there is no stored position.', ['start', 'end']), 'start'),
  stateFile: laterFile('Where the position is stored, so that a restart goes on there.').optional(),
  pollMs: withDefault(time('How often to look for more.', { least: 10, most: hour }), 250),
})

/** What Kafka's own tools allow as the name of a topic. */
const topicName = { pattern: /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, words: 'the name of a topic: 1 to 249 letters, digits, `.`, `_` and `-`' } // prettier-ignore

const kafkaSource = group('Messages of a topic of Kafka, as a member of a consumer group.', {
  topic: text('The topic.', topicName.pattern, topicName.words),
  group: text('The group. No other pipeline may have it.', /^[\x21-\x7e]{1,200}$/, '1 to 200 printable characters without spaces'), // prettier-ignore
  format: withDefault(
    choice('What messages hold: one or many records as lines, or `{"message": "LINES"}`.', ['ndjson', 'fluentd']),
    'ndjson',
  ),
  gaps: choice(
    'Whether offsets may be missing, as in topics that are written in transactions or compacted. Absent: `allow` in an archive, else `stop`.',
    ['stop', 'allow'],
  ).optional(),
})

const kafkaSink = group('A topic of Kafka.', {
  topic: text('The topic.', topicName.pattern, topicName.words),
  format: choice('One record a message, or many. Absent: `lines` behind a Kafka source, else `chunks`.', [
    'lines',
    'chunks',
  ]).optional(),
  chunkAgeMs: withDefault(
    time('Time that a chunk may wait to be full; behind a Kafka source none does.', { least: 0, most: 10_000 }),
    20,
  ),
})

/** The sources of a pipeline. */
const source = oneOf('Where records come from: exactly one of these.', {
  http: http.optional(),
  file: fileSource.optional(),
  kafka: kafkaSource.optional(),
  stdin: group('Records of standard input, until it ends.', {
    format: withDefault(
      choice('What it is; `auto` goes by its first bytes, and takes no envelopes.', inputFormats),
      'auto',
    ),
  }).optional(),
})

const directory = group('Files in a folder of its own, which roll.', {
  path: folder('The folder. No other output may lie in it.'),
  prefix: withDefault(
    text(
      'What the names of its files begin with.',
      /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
      '1 to 64 letters, digits, `_`, `.` and `-`, a letter or digit first',
    ),
    'weir',
  ),
  compression: withDefault(choice('How files are compressed.', ['none', 'gzip']), 'none'),
  maxFileBytes: withDefault(
    size('Size from which a new file is begun, as stored.', { least: 4096, most: 1024 * gib }),
    128 * mib,
  ),
  maxFileAgeMs: withDefault(time('Age at which a new file is begun.', { least: 1000, most: mostMs }), 600_000),
})

const sink = oneOf('Where records go: exactly one of these.', {
  directory: directory.optional(),
  kafka: kafkaSink.optional(),
  s3: s3.optional(),
  stdout: group('Standard output. What is written there is not safe from a crash.', {}).optional(),
  discard: group('Nowhere: records are counted and forgotten.', {}).optional(),
})

/** Names of pipelines: they become labels of metrics and parts of names in the environment. */
export const pipelineName = {
  pattern: /^(?=.{1,63}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
  words: '1 to 63 lower-case letters, digits and single hyphens, a letter first',
} as const

/** Names of routes, as rule sets have them. */
export const routeName = {
  pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  words: '1 to 64 letters, digits, `-`, `_` and `.`, a letter or digit first',
} as const

const routes = grouped(
  z
    .object({ keep: sink, drop: sink.optional() })
    .catchall(sink)
    .meta({ propertyNames: { pattern: routeName.pattern.source, not: { enum: ['malformed', 'default'] } } }),
  { meaning: 'Where records go, by route: `keep`, `drop`, and each route that rules name.', names: routeName.words },
)

const pipeline = group('A pipeline: one source, perhaps rules, an output for each route.', {
  source,
  rules: rules('Which records go where. Absent: all go to `keep`.').optional(),
  rulesOnError: withDefault(
    choice('When the rules cannot be used at start: do not start, or keep every record until they can.', [
      'stop',
      'keep',
    ]),
    'stop',
  ),
  routes,
  deadLetter: grouped(sink.clone(), {
    meaning: 'Where records go that cannot be read. Absent: they are counted and forgotten.',
    isChoice: true,
  }).optional(),
  delivery: choice(
    'How often records of Kafka may arrive. Absent: `exactly-once` in an archive, and where all outputs are topics too; else `at-least-once`.',
    ['exactly-once', 'at-least-once'],
  ).optional(),
  validation: withDefault(choice('How much of a record is checked.', ['full', 'kept', 'read']), 'full'),
  timeField: text(
    'Where a record has its own time, in seconds since 1970; its delay is then measured.',
    /\S/,
    'a field path, as reqTimeSec',
  ).optional(),
  batchBytes: withDefault(
    size('Bytes of a batch; behind Kafka at least `kafka.fetchBytes`.', limits.batchBytes),
    limits.batchBytes.standard,
  ),
  batchAgeMs: withDefault(time('Time that records may wait for their batch to fill.', limits.batchAgeMs), 2), // prettier-ignore
  maxRecordBytes: withDefault(size('Most bytes of a record.', limits.maxRecordBytes), limits.maxRecordBytes.standard),
  threads: count('Worker threads. Absent: one less than there are processors, at least 1.', limits.threads).optional(),
  kernel: withDefault(choice('Which kernel judges records.', ['auto', 'native', 'portable']), 'auto'),
})

/** A name, a v4 address or a v6 address in brackets, and a port from 1 to 65535. */
const brokerPattern =
  /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\],]+):([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/

const kafka = group('The Kafka cluster of all pipelines.', {
  brokers: list('Where its brokers are; one that answers is enough.', brokerPattern, 'a list of HOST:PORT, as [kafka-1:9092, kafka-2:9092]'), // prettier-ignore
  tls: group('Encrypted connections. The files are read again when they change.', {
    ca: file('Authorities that are trusted instead of those of the system, as PEM.').optional(),
    certificate: file('Our own certificate, for brokers that want one, as PEM.').optional(),
    key: file('Its private key, as PEM.', { isSecret: true }).optional(),
  }).optional(),
  sasl: group('How brokers know who we are.', {
    mechanism: withDefault(choice('How the password is shown.', saslMechanisms), 'scram-sha-512'),
    user: text('The name.', /^[^\0\r\n]+$/, 'the name of a user'),
    passwordFile: file('A file of one line, the password, read again when it changes.', { isSecret: true }),
  }).optional(),
  topics: withDefault(choice('Whether topics that are missing or too small are made and grown.', ['create', 'verify']), 'verify'), // prettier-ignore
  partitions: withDefault(count('Partitions that every topic has at least.', { least: 1, most: 10_000 }), 1),
  replicas: withDefault(count('Replicas that every topic has at least; 1 survives no lost disk.', { least: 1, most: 32 }), 3), // prettier-ignore
  strict: withDefault(
    flag('Whether topics whose settings could lose records stop a partition, or are only told in the log.'),
    true,
  ),
  sessionMs: withDefault(
    time('Time that a member of a group may be silent; then its partitions go to others.', { least: 1000, most: hour }),
    30_000,
  ),
  compression: withDefault(choice('How what is written is compressed.', ['none', 'gzip']), 'none'),
  fetchBytes: withDefault(size('Bytes asked of one partition at a time: one batch, one transaction.', { least: 16 << 10, most: 64 * mib }), 8 * mib), // prettier-ignore
})

/** All settings. */
export const settingsSchema = group('Settings of `weir serve`.', {
  pipelines: grouped(z.record(z.string().regex(pipelineName.pattern), pipeline).meta({ minProperties: 1 }), {
    meaning: 'The pipelines, by name.',
    names: pipelineName.words,
  }),
  kafka: kafka.optional(),
  admin: group('The port for operators: health, metrics, status.', {
    listen: withDefault(address('Where it listens.', { orNone: true }), '127.0.0.1:9881'),
    token: file('What callers have to show for all but health and metrics: a file of tokens, one a line.', {
      isSecret: true,
    }).optional(),
    hosts,
  }).prefault({}),
  limits: group('Bounds of the whole process.', {
    inFlightBytes: withDefault(
      size('Most bytes of bodies that are taken and not yet answered, over all pipelines.', {
        least: mib,
        most: 64 * gib,
      }),
      256 * mib,
    ),
  }).prefault({}),
  log: group('What is told on standard error.', {
    level: withDefault(choice('The least that is told.', ['debug', 'info', 'warn', 'error']), 'info'),
    format: withDefault(choice('Lines for people, or a JSON object each.', ['text', 'json']), 'text'),
  }).prefault({}),
  stateFolder: folder(
    'Where processes note how they end, in a folder for each pipeline. Absent: beside dead letters, where these are in one.',
  ).optional(),
  shutdownMs: withDefault(
    time('Time from SIGTERM until the process is gone, whatever hangs.', { least: 1000, most: 600_000 }),
    25_000,
  ),
})

/** All settings, with every default filled in: sizes are bytes, times are milliseconds. */
export type Settings = z.output<typeof settingsSchema>
/** One pipeline. */
export type PipelineSettings = Settings['pipelines'][string]
/** Where a pipeline's records come from; see `chosen`. */
export type SourceSettings = PipelineSettings['source']
/** Where a route's records go; see `chosen`. */
export type SinkSettings = PipelineSettings['routes']['keep']
/** Of an `http` source. */
export type HttpSourceSettings = NonNullable<SourceSettings['http']>
/** Of a `file` source. */
export type FileSourceSettings = NonNullable<SourceSettings['file']>
/** Of a `directory` output. */
export type DirectorySinkSettings = NonNullable<SinkSettings['directory']>

/** The Kafka cluster. */
export type KafkaSettings = NonNullable<Settings['kafka']>
/** Of a `kafka` source. */
export type KafkaSourceSettings = NonNullable<SourceSettings['kafka']>
/** Of a `kafka` output. */
export type KafkaSinkSettings = NonNullable<SinkSettings['kafka']>
/** Of an `s3` output. */
export type S3SinkSettings = NonNullable<SinkSettings['s3']>

/** The entry of a group of which exactly one is given, and which it is. */
export type Chosen<T> = { [K in keyof T]-?: { readonly kind: K; readonly options: NonNullable<T[K]> } }[keyof T]

/** Returns which entry of a source or sink was given: `{ kind: 'http', options }`. The settings have been checked. */
export function chosen<T extends object>(alternatives: T): Chosen<T> {
  const entry = Object.entries(alternatives).find(([, options]) => options !== undefined)
  if (entry === undefined) throw new TypeError('The settings were not checked: a choice is empty.')
  return { kind: entry[0], options: entry[1] as unknown } as Chosen<T>
}

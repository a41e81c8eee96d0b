// What settings about S3 may not say together: an archive that does more than copy, two outputs whose objects would mix.
// Called by cross-checks.ts and load.ts, and by ../commands for the outputs themselves.

import { isLoopback } from '../address.ts'
import { folderOf } from '../objects/object-key.ts'
import { isArchive, outputsOf } from './delivery.ts'
import { formatPath } from './outline.ts'
import type { Path } from './outline.ts'
import type { ProblemList } from './problems.ts'
import { formatSize } from './quantities.ts'
import type { PipelineSettings, S3SinkSettings, Settings } from './schema.ts'

/** An output in a bucket, and where it stands. */
export interface PlacedOutput {
  readonly path: Path
  readonly s3: S3SinkSettings
}

const hour = 3_600_000

/** Where records can be filtered that are to be archived. */
const filterFirst = 'filter into a topic, and archive that one'

/** Adds a problem for each contradiction. */
export function checkS3(settings: Settings, problems: ProblemList): void {
  for (const [name, pipeline] of Object.entries(settings.pipelines)) {
    const at = ['pipelines', name]
    for (const output of outputsAt(at, pipeline)) checkSizes(output, pipeline, problems)
    if (pipeline.source.kafka !== undefined) checkBehindKafka(at, pipeline, problems)
    else checkWaits(at, pipeline, problems)
  }
  checkPrefixes(settings, problems)
}

/**
 * Adds what is allowed, and not what one should do where others can listen; and settings that have no effect. `isGiven`: whether
 * somebody has given it; otherwise it has its default.
 */
export function warnOfS3(settings: Settings, warnings: ProblemList, isGiven: (path: Path) => boolean): void {
  for (const [name, pipeline] of Object.entries(settings.pipelines)) {
    const at = ['pipelines', name]
    for (const [path, message] of idleSettings(at, pipeline)) {
      if (isGiven(path)) warnings.add(path, `It has no effect. ${message}`, { suggestion: 'drop it', atKey: true })
    }
  }
  for (const { path, s3 } of s3OutputsOf(settings)) {
    warnOfEndpoint(path, s3, warnings)
    const { compression, maxObjectBytes, memoryBytes, spool } = s3
    const room = memoryBytes + (spool?.maxBytes ?? 0)
    if (compression !== 'none' || maxObjectBytes <= room) continue
    const where = spool === undefined ? '`memoryBytes`' : '`memoryBytes` and `spool.maxBytes`'
    warnings.add(
      [...path, 'maxObjectBytes'],
      `Objects end before they are so large: there is no room beyond ${where}.`,
      {
        suggestion: `give at most ${formatSize(room)}${spool === undefined ? ', or a `spool`' : ''}`,
      },
    )
  }
}

/** What an archive takes no notice of, since it copies what the topic holds, and why. */
const idleInArchive: readonly (readonly [settings: readonly (keyof PipelineSettings)[], why: string])[] = [
  [['timeField'], 'Objects are named by the time that the broker gave their records: an archive reads none of them.'],
  [['validation', 'maxRecordBytes'], 'An archive copies what the topic holds, whatever it is.'],
  [['rulesOnError', 'threads', 'kernel', 'batchBytes', 'batchAgeMs'], 'An archive has no rules, and no engine that judges by them.'], // prettier-ignore
]

/** Yields settings that nobody looks at, and why, whether they are given or not. */
function* idleSettings(at: Path, pipeline: PipelineSettings): Generator<readonly [path: Path, why: string]> {
  const outputs = outputsAt(at, pipeline)
  const isOfTopic = isArchive(pipeline)
  if (isOfTopic) for (const [names, why] of idleInArchive) for (const name of names) yield [[...at, name], why]
  for (const { path, s3 } of outputs) {
    if (isOfTopic) yield [[...path, 'maxWaitMs'], 'Objects of an archive end by `periodMs` and `idleMs`.']
    else
      for (const name of ['periodMs', 'idleMs']) yield [[...path, name], 'Without a topic, objects end by `maxWaitMs`.']
    if (s3.compression === 'none') yield [[...path, 'level'], 'Nothing is compressed.']
  }
}

function warnOfEndpoint(path: Path, { endpoint, bucket, pathStyle }: S3SinkSettings, warnings: ProblemList): void {
  if (endpoint === undefined) return
  const { protocol, hostname } = new URL(endpoint)
  if (hostname.startsWith(`${bucket}.`)) {
    const where = pathStyle === false ? 'before the host' : 'in the path'
    const message = `It begins with the name of the bucket, which stands ${where} of requests besides.`
    warnings.add([...path, 'endpoint'], message, { suggestion: `is it \`${protocol}//${hostname.slice(bucket.length + 1)}\`?` }) // prettier-ignore
  }
  if (protocol === 'https:' || isLoopback({ host: hostname.replace(/^\[|\]$/g, ''), port: 0 })) return
  const message = 'Without TLS everybody on the way to the store can read all records.'
  warnings.add([...path, 'endpoint'], message, { suggestion: 'write `https://`' })
}

function checkSizes({ path, s3 }: PlacedOutput, { maxRecordBytes }: PipelineSettings, problems: ProblemList): void {
  if (s3.memoryBytes >= maxRecordBytes) return
  problems.add([...path, 'memoryBytes'], 'There is no room for the longest record.', {
    suggestion: `give at least ${formatSize(maxRecordBytes)}, or lower \`maxRecordBytes\``,
  })
}

function checkPeriod({ path, s3 }: PlacedOutput, problems: ProblemList): void {
  if (hour % s3.periodMs === 0) return
  const message = 'Objects would hold records of two hours, and lie in the folder of the first.'
  problems.add([...path, 'periodMs'], message, { suggestion: 'give a part of an hour, as 1min, 5min or 1h' })
}

/** Behind Kafka objects are named by the log, so that they hold what it holds, and nothing else. */
function checkBehindKafka(at: Path, pipeline: PipelineSettings, problems: ProblemList): void {
  const { source, rules, routes, deadLetter, delivery } = pipeline
  const add = (path: Path, message: string, suggestion = filterFirst) =>
    problems.add([...at, ...path], message, { suggestion, atKey: true })
  if (routes.keep.s3 === undefined) {
    for (const { path } of outputsAt(at, pipeline)) {
      add(path.slice(at.length), 'Behind Kafka only an archive writes to S3, whose one output is `keep`.')
    }
    return
  }
  if (rules !== undefined) add(['rules'], 'An archive copies what the topic holds: it has no rules.')
  for (const route of Object.keys(routes)) {
    if (route !== 'keep') add(['routes', route], 'An archive copies what the topic holds: it has no output but `keep`.')
  }
  for (const output of outputsAt(at, pipeline)) checkPeriod(output, problems)
  if (deadLetter !== undefined) add(['deadLetter'], 'An archive copies what the topic holds, also what cannot be read.')
  if (source.kafka?.format !== 'ndjson') {
    add(['source', 'kafka', 'format'], 'An archive copies what the topic holds: envelopes would be its records.')
  }
  if (delivery !== 'at-least-once') return
  add(['delivery'], 'An archive has each record in one object: nothing is gained by less.', 'drop it')
}

/** A body waits for its batch, its object, and then for the store. */
function checkWaits(at: Path, pipeline: PipelineSettings, problems: ProblemList): void {
  const { http } = pipeline.source
  if (http === undefined) return
  for (const { path, s3 } of outputsAt(at, pipeline)) {
    if (2 * (pipeline.batchAgeMs + s3.maxWaitMs) <= http.answerWithinMs) continue
    const longest = formatPath([...at, 'source', 'http', 'answerWithinMs'])
    const message = 'Bodies would be answered 503 while their object still waits to fill.'
    problems.add([...path, 'maxWaitMs'], message, { suggestion: `give less than half of ${longest}` })
  }
}

/** Objects of two outputs in one folder would be taken for each other's. */
function checkPrefixes(settings: Settings, problems: ProblemList): void {
  const outputs = s3OutputsOf(settings)
  for (const [i, { path, s3 }] of outputs.entries()) {
    const folder = folderOf(s3.prefix)
    const other = outputs.slice(0, i).find((before) => {
      const theirs = folderOf(before.s3.prefix)
      return isSameBucket(before.s3, s3) && (theirs.startsWith(folder) || folder.startsWith(theirs))
    })
    if (other === undefined) continue
    const isEqual = folderOf(other.s3.prefix) === folder
    const how = isEqual ? 'has the same bucket and prefix' : 'lies within it, or the other way round'
    problems.add([...path, 'prefix'], `${formatPath(other.path)} ${how}.`, {
      suggestion: 'give each output a prefix of its own',
    })
  }
}

function isSameBucket(a: S3SinkSettings, b: S3SinkSettings): boolean {
  const hostOf = ({ endpoint }: S3SinkSettings) => (endpoint === undefined ? '' : new URL(endpoint).host)
  return a.bucket === b.bucket && hostOf(a) === hostOf(b)
}

/** Returns the outputs in S3 of all pipelines, dead letters included. */
export function s3OutputsOf({ pipelines }: Settings): PlacedOutput[] {
  return Object.entries(pipelines).flatMap(([name, pipeline]) => outputsAt(['pipelines', name], pipeline))
}

function outputsAt(at: Path, pipeline: PipelineSettings): PlacedOutput[] {
  return outputsOf(pipeline).flatMap(([name, { s3 }]) => {
    const path = [...at, ...(name === 'deadLetter' ? [name] : ['routes', name]), 's3']
    return s3 === undefined ? [] : [{ path, s3 }]
  })
}

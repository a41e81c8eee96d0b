// The settings.json of the original converter: its filters become the rules of a pipeline, its workers the threads, and
// what it says of Kafka the pipeline itself, where no settings file says another one. Filters themselves are for the engine
// to judge; what becomes of its outbound is original-outbound.ts's. Called by load.ts.

import { limits } from '@weir/engine'
import { z } from 'zod'

import type { SettingsIssue } from '../errors.ts'
import { readDocument } from './document.ts'
import type { TextPlace } from './document.ts'
import { nearest } from './nearest.ts'
import { outboundKeys, readOutbound } from './original-outbound.ts'
import type { OriginalArchive } from './original-outbound.ts'
import { formatPath } from './outline.ts'
import type { Path } from './outline.ts'
import { describe, ProblemList } from './problems.ts'

/** A file as it was read. */
export interface NamedText {
  /** As it was named, for messages; what it names itself is relative to the folder that it is in. */
  readonly name: string
  readonly text: string
}

/** The original's settings, its own defaults filled in. */
export type OriginalSettings = z.output<typeof originalSchema>

const { least, most } = limits.threads
const text = z.string().min(1)

const originalSchema = z.object({
  kafka: z
    .object({
      brokers: z.array(text).min(1).default(['kafka-broker:9092']),
      inboundTopic: text.default('rawlogs'),
      outboundTopic: text.default('processedlogs'),
    })
    .prefault({}),
  /** Instances of the converter, and partitions of its topics. */
  count: z.int().min(1).default(1),
  /** Threads. */
  workers: z.int().min(least).max(most).default(10),
  /** As they stand there; the engine checks them. */
  filters: z.array(z.unknown()).default([]),
})

/** What its settings take, in words. */
const takes: Readonly<Record<string, string>> = {
  kafka: 'an object',
  'kafka.brokers': 'a list of HOST:PORT, as ["kafka-broker:9092"]',
  'kafka.inboundTopic': 'the name of a topic',
  'kafka.outboundTopic': 'the name of a topic',
  count: 'a whole number from 1',
  workers: `a whole number from ${least} to ${most}`,
  filters: 'a list',
}

/** The original's settings, and what its reader should know. */
export interface ReadOriginal {
  readonly settings: OriginalSettings
  /** Whether it has filters: then its file is a rule file as it is. */
  readonly hasFilters: boolean
  /** Whether it is about a converter between topics, and not about filters alone. */
  readonly isConverter: boolean
  /** Where it has a bucket to which processed lines go. */
  readonly archive: OriginalArchive | undefined
  /** Where a setting stands in the file. */
  readonly placeOf: (path: Path) => TextPlace | undefined
  readonly warnings: readonly SettingsIssue[]
}

/** The consumer groups of the original, which go on where they stood. */
const [converterGroup, outboundGroup] = ['converter', 'outbound']

/** Returns the Kafka cluster of the original. Its topics are as it has made them; what they lack is told. */
export function clusterSettings({ kafka: { brokers }, count }: OriginalSettings) {
  return { brokers, topics: 'create', partitions: count, replicas: brokers.length, strict: false }
}

/**
 * Returns settings of a pipeline that does what the original does: envelopes in, lines out. Unlike there, lines that cannot
 * be judged go to a topic of their own.
 */
export function converterSettings({ kafka: { inboundTopic, outboundTopic } }: OriginalSettings) {
  return {
    source: { kafka: { topic: inboundTopic, group: converterGroup, format: 'fluentd' } },
    routes: { keep: { kafka: { topic: outboundTopic, format: 'lines' } } },
    deadLetter: { kafka: { topic: `${outboundTopic}-dead-letter` } },
  }
}

/** Returns the source of the original's archive. */
export function archiveSource({ settings, isConverter, archive }: ReadOriginal) {
  const { outboundTopic } = settings.kafka
  return { kafka: { topic: isConverter ? outboundTopic : (archive?.topic ?? outboundTopic), group: outboundGroup } }
}

/**
 * Returns what the file holds. `isAlone`: there is no settings file, so that all of it counts. *Errors*:
 * `ERR_CONFIG_SETTINGS` with all problems.
 */
export function readOriginal({ name, text: json }: NamedText, isAlone: boolean): ReadOriginal {
  const document = readDocument(json)
  const place = (path: Path, atKey: boolean) => {
    const found = document.locate(path, atKey)
    return { kind: 'original' as const, name, ...(found === undefined ? {} : { place: found }) }
  }
  const problems = new ProblemList(place)
  problems.addText(name, document.problems)
  problems.throwIfAny()
  const parsed = originalSchema.safeParse(document.value)
  for (const { path } of parsed.error?.issues ?? []) addProblem(problems, path as Path, document.value)
  const has = (key: string) => Object.hasOwn(document.value, key)
  const ofOutbound: Told[] = []
  const onIdle = (path: Path, message: string, suggestion?: string) => ofOutbound.push({ path, message, suggestion })
  const archive = isAlone ? readOutbound(document.value, { name, text: json }, problems, onIdle) : undefined
  problems.throwIfAny()
  if (parsed.data === undefined) throw new TypeError('Settings without problems have no value.')
  const told = [...warningsOf(document.value, isAlone, archive !== undefined), ...ofOutbound]
  return {
    settings: parsed.data,
    hasFilters: has('filters'),
    isConverter: has('kafka') || (archive !== undefined && (has('filters') || has('workers'))),
    archive,
    placeOf: (path) => place(path, false).place,
    warnings: told.map((each) => issueOf(each, name, place(each.path, true).place)),
  }
}

function issueOf({ path, message, suggestion }: Told, file: string, place: TextPlace | undefined): SettingsIssue {
  return { path: formatPath(path), message, file, ...place, ...(suggestion === undefined ? {} : { suggestion }) }
}

function addProblem(problems: ProblemList, path: Path, root: Readonly<Record<string, unknown>>): void {
  // One problem for a list, whatever its items are.
  const at = path[0] === 'kafka' ? path.slice(0, 2) : path.slice(0, 1)
  const kafka = root['kafka'] as Record<string, unknown> | undefined
  const value = at.length === 2 ? kafka?.[String(at[1])] : root[String(at[0])]
  problems.add(at, `${describe(value)} cannot be used: give ${takes[formatPath(at)] ?? 'something else'}.`)
}

/** Something that looks wrong, and does no harm. */
interface Told {
  readonly path: Path
  readonly message: string
  readonly suggestion: string | undefined
}

function warningsOf(root: Readonly<Record<string, unknown>>, isAlone: boolean, hasArchive: boolean): Told[] {
  const told: Told[] = []
  const known = ['kafka', 'count', 'workers', 'filters', 'outbound']
  for (const key of Object.keys(root).filter((each) => !known.includes(each) && !outboundKeys.includes(each))) {
    const close = nearest(key, known)
    const suggestion = close === undefined ? `known here: ${known.join(', ')}` : `did you mean \`${close}\`?`
    told.push({ path: [key], message: 'The original knows no such setting, and nothing reads it.', suggestion })
  }
  const hasPlace = hasArchive || Object.hasOwn(root, 'kafka')
  const unused = !isAlone ? ['kafka', 'count', ...outboundKeys] : hasPlace ? [] : ['kafka', 'count']
  for (const key of unused.filter((each) => Object.hasOwn(root, each))) {
    const message = isAlone
      ? 'It is about Kafka, of which nothing else is said.'
      : 'The settings file says where records come from and go to, so this has no effect.'
    const suggestion = isAlone ? 'give `kafka` too, or drop it' : 'give the settings of the original alone, or drop it'
    told.push({ path: [key], message, suggestion })
  }
  return told
}

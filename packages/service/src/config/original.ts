// The settings.json of the original converter: its filters become the rules of a pipeline, its workers the threads, and
// what it says of Kafka the pipeline itself, where no settings file says another one. Filters themselves are for the engine
// to judge. Called by load.ts.

import { limits } from '@weir/engine'
import { z } from 'zod'

import type { SettingsIssue } from '../errors.ts'
import { readDocument } from './document.ts'
import { nearest } from './nearest.ts'
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
  /** Whether it says where Kafka is: then it is about a converter, and not about filters alone. */
  readonly hasKafka: boolean
  readonly warnings: readonly SettingsIssue[]
}

/** The consumer group of the original, which goes on where it stood. */
const originalGroup = 'converter'

/**
 * Returns settings of a service that does what the original does: envelopes in, lines out. Unlike there, lines that cannot
 * be judged go to a topic of their own.
 */
export function converterSettings({ kafka, count }: OriginalSettings) {
  const { brokers, inboundTopic, outboundTopic } = kafka
  return {
    // Its topics are as it has made them; what they lack is told.
    kafka: { brokers, topics: 'create', partitions: count, replicas: brokers.length, strict: false },
    source: { kafka: { topic: inboundTopic, group: originalGroup, format: 'fluentd' } },
    routes: { keep: { kafka: { topic: outboundTopic, format: 'lines' } } },
    deadLetter: { kafka: { topic: `${outboundTopic}-dead-letter` } },
  }
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
  problems.throwIfAny()
  if (parsed.data === undefined) throw new TypeError('Settings without problems have no value.')
  return {
    settings: parsed.data,
    hasFilters: Object.hasOwn(document.value, 'filters'),
    hasKafka: Object.hasOwn(document.value, 'kafka'),
    warnings: warningsOf(document.value, name, isAlone, (path) => place(path, true).place ?? {}),
  }
}

function addProblem(problems: ProblemList, path: Path, root: Readonly<Record<string, unknown>>): void {
  // One problem for a list, whatever its items are.
  const at = path[0] === 'kafka' ? path.slice(0, 2) : path.slice(0, 1)
  const kafka = root['kafka'] as Record<string, unknown> | undefined
  const value = at.length === 2 ? kafka?.[String(at[1])] : root[String(at[0])]
  problems.add(at, `${describe(value)} cannot be used: give ${takes[formatPath(at)] ?? 'something else'}.`)
}

function warningsOf(
  root: Readonly<Record<string, unknown>>,
  file: string,
  isAlone: boolean,
  placeOf: (path: Path) => { line?: number; column?: number },
): SettingsIssue[] {
  const warnings: SettingsIssue[] = []
  const known = ['kafka', 'count', 'workers', 'filters']
  for (const key of Object.keys(root).filter((each) => !known.includes(each))) {
    const close = nearest(key, known)
    const suggestion = close === undefined ? `known here: ${known.join(', ')}` : `did you mean \`${close}\`?`
    const message = 'The original knows no such setting, and nothing reads it.'
    warnings.push({ path: key, message, suggestion, file, ...placeOf([key]) })
  }
  const unused = isAlone && Object.hasOwn(root, 'kafka') ? [] : ['kafka', 'count']
  for (const key of unused.filter((each) => Object.hasOwn(root, each))) {
    const message = isAlone
      ? 'It is about Kafka, of which nothing else is said.'
      : 'The settings file says where records come from and go to, so this has no effect.'
    const suggestion = isAlone ? 'give `kafka` too, or drop it' : 'give the settings of the original alone, or drop it'
    warnings.push({ path: key, message, suggestion, file, ...placeOf([key]) })
  }
  return warnings
}

// Topics as a pipeline needs them: made and grown, or only verified, awaited until every partition has a leader, and
// reported. What is wrong with a topic that is there is never changed, but for too few partitions. Called at the start of
// pipelines, and at each takeover.

import { setTimeout as pause } from 'node:timers/promises'

import { KafkaError } from '../errors.ts'
import type { ClusterAdmin, TopicFound, TopicWanted } from './port.ts'

/** What may be done about topics. */
export type TopicsMode = 'create' | 'verify'

/** Something about a topic that is not as it must be. */
export interface TopicProblem {
  readonly topic: string
  /** As the broker names it; `partitions`, `replicas`, `leader` or `topic` for what is no setting. */
  readonly setting: string
  readonly found: string
  readonly wanted: string
  /** One sentence with the topic, what is found and what to do. */
  readonly message: string
}

/** What was found, and done. */
export interface TopicsReport {
  /** Names of topics that were made. */
  readonly made: readonly string[]
  readonly grown: readonly { readonly topic: string; readonly from: number; readonly to: number }[]
  readonly problems: readonly TopicProblem[]
  /** Those that exist, as they are now, by name. */
  readonly found: ReadonlyMap<string, TopicFound>
}

/** How topics are provided. */
export interface TopicsOptions {
  readonly mode: TopicsMode
  /** How long to wait for leaders. Default: 30 s. */
  readonly leadersMs?: number
}

/** Between two looks at whether leaders are there. */
const lookMs = 100

/** Returns what topics that we read or write should be set to, whatever the cluster's defaults are. */
export function topicConfig(replicas: number, retentionMs: number): Readonly<Record<string, string>> {
  return {
    'cleanup.policy': 'delete',
    'max.message.bytes': String(4 << 20),
    'message.timestamp.type': 'LogAppendTime',
    'min.insync.replicas': String(replicas >= 3 ? 2 : 1),
    'retention.ms': String(retentionMs),
    'unclean.leader.election.enable': 'false',
  }
}

/**
 * Makes topics that are missing and grows those with too few partitions, where `mode` is `create`; then waits for leaders,
 * and reports. Wrong settings are no error here: the caller decides by `problems`. *Errors*: `KafkaError`, where the cluster
 * cannot be asked or refuses.
 */
export async function provideTopics(
  admin: ClusterAdmin,
  wanted: readonly TopicWanted[],
  { mode, leadersMs = 30_000 }: TopicsOptions,
): Promise<TopicsReport> {
  const before = await describe(admin, wanted)
  const made: string[] = []
  const grown: { topic: string; from: number; to: number }[] = []
  if (mode === 'create') {
    const missing = wanted.filter(({ name }) => !before.has(name))
    if (missing.length > 0) await admin.create(missing)
    made.push(...missing.map(({ name }) => name))
    for (const { name, partitions } of wanted) {
      const from = before.get(name)?.leaders.length ?? partitions
      if (from >= partitions) continue
      await admin.grow(name, partitions)
      grown.push({ topic: name, from, to: partitions })
    }
  }
  const changed = new Set([...made, ...grown.map(({ topic }) => topic)])
  const found = await awaitLeaders(admin, wanted, changed, performance.now() + leadersMs)
  return { made, grown, found, problems: wanted.flatMap((topic) => problemsOf(topic, found.get(topic.name))) }
}

/** Throws where something is wrong. *Errors*: `ERR_KAFKA_TOPIC`, with all problems in its message and details. */
export function refuseProblems({ problems }: TopicsReport): void {
  if (problems.length === 0) return
  const message = problems.map((problem) => problem.message).join(' ')
  throw new KafkaError('ERR_KAFKA_TOPIC', message, { details: { problems } })
}

async function describe(admin: ClusterAdmin, wanted: readonly TopicWanted[]): Promise<Map<string, TopicFound>> {
  const found = await admin.describe(wanted.map(({ name }) => name))
  return new Map(found.filter((topic) => topic !== undefined).map((topic) => [topic.name, topic]))
}

/** Looks until all topics that exist have their leaders, and what was made or grown is seen; or it took too long. */
async function awaitLeaders(
  admin: ClusterAdmin,
  wanted: readonly TopicWanted[],
  changed: ReadonlySet<string>,
  until: number,
): Promise<Map<string, TopicFound>> {
  for (;;) {
    const found = await describe(admin, wanted)
    const isReady = wanted.every(({ name, partitions }) => {
      const leaders = found.get(name)?.leaders ?? []
      return !leaders.includes(undefined) && (!changed.has(name) || leaders.length >= partitions)
    })
    if (isReady || performance.now() > until) return found
    await pause(lookMs)
  }
}

function problemsOf(wanted: TopicWanted, found: TopicFound | undefined): TopicProblem[] {
  const { name: topic } = wanted
  if (found === undefined) {
    const message = `The topic ${topic} does not exist: make it with ${wanted.partitions} partitions, or set topics: create.`
    return [{ topic, setting: 'topic', found: 'none', wanted: 'one', message }]
  }
  const problems: TopicProblem[] = []
  const add = (setting: string, is: string, should: string, cure: string) => {
    const message = `The topic ${topic} has ${setting} ${is}, and needs ${should}: ${cure}.`
    problems.push({ topic, setting, found: is, wanted: should, message })
  }
  const { leaders, replicas, config } = found
  if (leaders.length < wanted.partitions) {
    add('partitions', String(leaders.length), String(wanted.partitions), 'add some, or set topics: create')
  }
  const unled = leaders.flatMap((leader, partition) => (leader === undefined ? [partition] : []))
  if (unled.length > 0)
    add('leader', `none in ${unled.join(', ')}`, 'one in each partition', 'bring their brokers back')
  if (replicas < wanted.replicas) {
    add('replicas', String(replicas), String(wanted.replicas), 'reassign its partitions, or set fewer replicas')
  }
  for (const [setting, value] of Object.entries(wanted.config)) {
    const is = config[setting]
    if (is === undefined || isEnough(setting, is, value)) continue
    add(setting, is, atLeast.has(setting) ? `at least ${value}` : value, `set ${setting} of the topic`)
  }
  return problems
}

/** Settings of which more is no harm. */
const atLeast = new Set(['max.message.bytes', 'retention.ms', 'min.insync.replicas'])

function isEnough(setting: string, found: string, wanted: string): boolean {
  // As long as there is room.
  if (setting === 'retention.ms' && found === '-1') return true
  return atLeast.has(setting) ? Number(found) >= Number(wanted) : found === wanted
}

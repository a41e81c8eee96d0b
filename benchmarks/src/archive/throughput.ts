// All cases of `npm run bench:archive`: contenders over the same topics. All of them, of all cases, take turns in a random
// order within each round, since levels are compared with each other. Called by ../archive.ts.

import type { Delivery } from '../kafka/contender.ts'
import type { Client } from '../kafka/client.ts'
import type { Input } from '../inputs.ts'
import { roundRandom, shuffled } from '../schedule.ts'
import type { ArchiveContender } from './contender.ts'
import { archiveContenders } from './contenders.ts'
import { takesPart } from './options.ts'
import type { ArchiveCase, ArchiveOptions } from './options.ts'
import { runArchivePass } from './passes.ts'
import type { ArchivePass } from './passes.ts'
import { fillProcessed } from './processed.ts'
import type { ProcessedTopic } from './processed.ts'
import type { BenchmarkStore } from './store.ts'

/** What the cases share. */
export interface ArchiveRun {
  readonly client: Client
  readonly bootstrap: string
  readonly store: BenchmarkStore
  readonly input: Input
  readonly options: ArchiveOptions
  readonly cache: string
  readonly tell: (text: string) => void
}

/** One timed pass. */
export interface ArchiveSample extends Omit<ArchivePass, 'difference'> {
  readonly round: number
}

/** What came of one contender in one case. */
export interface ArchiveResult {
  readonly case: string
  readonly level: number
  readonly partitions: number
  readonly id: string
  readonly label: string
  readonly delivery: Delivery
  /** Bytes of records of a pass, and records. */
  readonly bytes: number
  readonly records: number
  readonly status: 'measured' | 'wrong' | 'failed'
  readonly reason?: string
  readonly samples: readonly ArchiveSample[]
}

interface Entry {
  readonly case: ArchiveCase
  readonly contender: ArchiveContender
  readonly samples: ArchiveSample[]
  status?: 'wrong' | 'failed'
  reason?: string
}

/** Measures the cases that were asked for. */
export async function measureArchive(run: ArchiveRun): Promise<readonly ArchiveResult[]> {
  const { options, tell, client, input } = run
  const topics = new Map<number, ProcessedTopic>()
  for (const { partitions } of options.cases) {
    if (topics.has(partitions)) continue
    tell(`filling a topic of ${partitions} partitions`)
    topics.set(partitions, await fillProcessed(client, input, partitions))
  }
  const taking = archiveContenders.filter(({ id }) => options.contenders.includes(id))
  const entries = options.cases.flatMap(
    (each) =>
    taking.filter((contender) => takesPart(contender, each)).map((contender): Entry => ({ case: each, contender, samples: [] })), // prettier-ignore
  )
  for (let round = 0; round < options.samples; round++) {
    for (const entry of shuffled(entries, roundRandom(options.seed, 'archive', round))) {
      if (entry.status !== undefined) continue
      tell(`round ${round + 1} of ${options.samples}: ${entry.case.name}, ${entry.contender.id}`)
      await takePass(entry, round, run, topics.get(entry.case.partitions)!)
    }
  }
  return entries.map((entry) => resultOf(entry, input))
}

async function takePass(entry: Entry, round: number, run: ArchiveRun, topic: ProcessedTopic): Promise<void> {
  try {
    const { difference, ...pass } = await runArchivePass(entry.contender, { ...run, topic, shape: entry.case })
    if (difference === undefined) entry.samples.push({ round, ...pass })
    else Object.assign(entry, { status: 'wrong', reason: difference })
  } catch (error) {
    // The others can still be measured.
    Object.assign(entry, { status: 'failed', reason: error instanceof Error ? error.message : String(error) })
  }
}

function resultOf({ case: each, contender, samples, status, reason }: Entry, { bytes, records }: Input): ArchiveResult {
  const { name, level, partitions } = each
  const { id, label, delivery } = contender
  const about = { case: name, level, partitions, id, label, delivery, bytes, records }
  if (status === undefined) return { ...about, status: 'measured', samples }
  return { ...about, status, reason: reason ?? '', samples: [] }
}

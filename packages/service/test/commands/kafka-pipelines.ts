// Pipelines of `weir serve` over topics that no other test has, and what tests of them ask for again and again. Called by
// tests of this folder.

import type { TestContext } from 'node:test'

import { openCluster } from '#src/kafka/cluster.js'
import type { KafkaCluster } from '#src/kafka/port.js'

import type { Cluster } from '../servers/kafka/broker.js'
import type { ReadRecord } from '../servers/kafka/reading.js'
import { anyPort } from './serving.js'
import type { Serving } from './serving.js'

let made = 0

/** Names of topics that no other test has. */
export function topics() {
  const n = ++made
  return {
    raw: `raw-${n}`,
    processed: `processed-${n}`,
    dead: `dead-letter-${n}`,
    quarantine: `quarantine-${n}`,
    group: `filter-${n}`,
  }
}

/** What a test calls its topics and its group. */
export type Names = ReturnType<typeof topics>

/** Rules that drop every number with a seven. */
const rules = `version: 1
default: keep
rules:
  - { id: sevens, when: { field: n, search: "7" }, then: drop }
`

/** Returns the settings by which `weir serve` finds brokers, without what a pipeline needs. */
export function connectionTo({ addresses }: Pick<Cluster, 'addresses'>, more = ''): string {
  const brokers = addresses.map((address) => `"${address}"`).join(', ')
  return `kafka: { brokers: [${brokers}], topics: create, partitions: 2, replicas: 1, sessionMs: 3000${more} }\nadmin: { listen: '127.0.0.1:0' }\n`
}

/** Returns a pipeline from HTTP to the first topic. */
export const ingest = ({ raw, quarantine }: Names) => `  ingest:
    source: { ${anyPort} }
    routes: { keep: { kafka: { topic: ${raw} } } }
    deadLetter: { kafka: { topic: ${quarantine} } }
    validation: read
    threads: 1
`

/** Returns a pipeline from the first topic to the others. `more`: settings of it. */
export const filter = ({ raw, processed, dead, group }: Names, more = '') => `  filter:
    source: { kafka: { topic: ${raw}, group: ${group} } }
    rules: rules.yaml
    routes: { keep: { kafka: { topic: ${processed} } } }
    deadLetter: { kafka: { topic: ${dead} } }
    threads: 1
${more}`

/** What those pipelines need beside their settings. */
export const options = { files: { 'rules.yaml': rules } }

/** Returns the lines of a topic, partition by partition. */
export function linesOf(partitions: readonly (readonly ReadRecord[])[]): string[] {
  return partitions.flatMap((records) =>
    records.flatMap(({ value }) =>
      String(value)
        .split('\n')
        .filter((line) => line !== ''),
    ),
  )
}

/** A cluster as a client of our own sees it; closed after the test. */
export async function clusterOf(t: TestContext, { addresses }: Pick<Cluster, 'addresses'>): Promise<KafkaCluster> {
  const cluster = await openCluster({ brokers: addresses })
  t.after(() => cluster.close())
  return cluster
}

/** Resolves when the filter has delivered so many records. */
export function delivered(serving: Serving, records: number): Promise<void> {
  const verdicts = ['kept', 'dropped', 'malformed'].map(
    (verdict) => `weir_records_total{pipeline="filter",verdict="${verdict}"}`,
  )
  const look = async (): Promise<void> => {
    const counts = await Promise.all(verdicts.map((name) => serving.metric(name)))
    if (counts.reduce((sum, count) => sum + Number(count), 0) >= records) return
    await new Promise((resolve) => setTimeout(resolve, 20))
    return look()
  }
  return look()
}

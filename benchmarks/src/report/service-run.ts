// What a report takes from the runs of `npm run bench:service`: how many bodies it took where they came as fast as they were
// taken. Reads result files; called by ../report.ts and page.ts.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ThroughputResult } from '../service/throughput.ts'

/** What a run of the model *service* measured of bodies that come as fast as they are taken. */
export interface ServiceRun {
  /** The name of its result file. */
  readonly name: string
  readonly throughput: readonly ThroughputResult[]
}

interface ServiceFile {
  readonly started: { readonly at: string }
  readonly throughput?: readonly ThroughputResult[]
}

/** Returns the latest run of a folder that measured the throughput of the service; undefined where there is none. */
export function latestServiceRun(results: string): ServiceRun | undefined {
  const runs = readdirSync(results)
    .filter((name) => /-service(-throughput)?\.json$/.test(name) && !name.includes('-changed-'))
    .map((name) => ({ name, ...(JSON.parse(readFileSync(join(results, name), 'utf8')) as ServiceFile) }))
    .filter((run): run is ServiceFile & ServiceRun => run.throughput !== undefined)
  const { name, throughput } = runs.toSorted((a, b) => a.started.at.localeCompare(b.started.at)).at(-1) ?? {}
  return name === undefined || throughput === undefined ? undefined : { name, throughput }
}

// `npm run soak`: has bodies posted to the whole chain for an hour, HTTP → raw → filter → processed → archive, on a real broker
// and a real store; watches its processes, and looks for every record in the bucket. Prints tables, writes a result file and
// charts beside it. Exit codes: 0, also when a target is missed; 1 when a record is lost, twice or wrong, or
// `weir archive verify` finds something; 2 for wrong flags.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { listArchives } from './archive/listing.ts'
import { startStore, storedFiles } from './archive/store.ts'
import type { BenchmarkStore } from './archive/store.ts'
import { UsageError } from './errors.ts'
import { prepareInput, weirCommand } from './inputs.ts'
import { startBroker } from './kafka/broker.ts'
import { Client } from './kafka/client.ts'
import { filtersKeeping, keptLines } from './kafka/selections.ts'
import { describeMachine, headOf, resultName } from './machine.ts'
import { checkFile, makeFolder } from './places.ts'
import { exitOnSignals, runProgram, tell } from './program.ts'
import { LoadMaker } from './service/load-protocol.ts'
import type { LoadResult } from './service/load-protocol.ts'
import { residentOf } from './service/processes.ts'
import { latencyOf } from './service/rated.ts'
import { SampledRecords } from './service/sampled-bodies.ts'
import { withServing } from './service/serving.ts'
import { prefix, startChain } from './soak/chain.ts'
import type { Chain, ChainTask, Role } from './soak/chain.ts'
import { closedObjects, countBucket } from './soak/content.ts'
import type { Posted } from './soak/content.ts'
import { parseSoakOptions, soakHelp } from './soak/options.ts'
import type { SoakOptions } from './soak/options.ts'
import { drawSoak, renderSoak } from './soak/report.ts'
import { Sampler } from './soak/sampler.ts'
import { faultsOfSoak, judgeSoakTargets } from './soak/verdict.ts'
import type { SoakResults } from './soak/verdict.ts'
import { renderTargets } from './targets.ts'

const root = dirname(fileURLToPath(new URL('../cases', import.meta.url)))
const inputSeed = 42
const samples = 8192
const mostRecordsPerBody = 100
const connections = 256
/** A minute that has to end, and what an object may wait after it; and as much again. */
const mostSettleMs = 180_000
const tellEverySamples = 12

async function main(args: readonly string[]): Promise<number> {
  const options = parseSoakOptions(args)
  if (options === undefined) {
    process.stdout.write(soakHelp)
    return 0
  }
  if (process.platform !== 'linux') throw new UsageError('It reads /proc, and so runs on Linux only.')
  const cache = resolve(options.cache ?? join(root, '.cache'))
  checkFile('--json', options.json ?? join(root, 'results', 'DATE-COMMIT-soak.json'))
  makeFolder('--cache', cache)
  const machine = describeMachine(root)
  const started = { at: new Date().toISOString(), load: os.loadavg() }
  const results = await soakAll(options, cache)
  if (results === undefined) return 0
  const ended = { at: new Date().toISOString(), load: os.loadavg() }
  const targets = judgeSoakTargets(results)
  process.stdout.write(`${headOf(machine, started.load)}\n\n${renderSoak(results)}\n\n${renderTargets(targets)}\n`)
  const path = resolve(options.json ?? join(root, 'results', resultName(machine, started.at, 'soak')))
  // Where things lie on this machine is nobody's concern.
  const { json: _json, cache: _cache, ...told } = options
  const content = { format: 1, model: 'soak', started, ended, machine, options: told, ...results, targets }
  writeFileSync(path, `${JSON.stringify(content).replaceAll(join(dirname(root), '/'), '')}\n`)
  writeFileSync(`${path.replace(/\.json$/, '')}.svg`, drawSoak(results, options))
  tell(`results: ${path}`)
  const faults = faultsOfSoak(results)
  for (const fault of faults) tell(fault)
  return faults.length === 0 ? 0 : 1
}

function soakAll(options: SoakOptions, cache: string): Promise<SoakResults | undefined> {
  return withServing({ what: 'Kafka', cache, start: startBroker, tell }, ({ bootstrap }) =>
    withServing({ what: 'object store', cache, start: startStore, tell }, async (store) => {
      const client = await Client.connect(bootstrap)
      const folder = mkdtempSync(join(cache, 'soak-'))
      try {
        return await soak({ client, bootstrap, store, folder, options }, cache)
      } finally {
        await client.close()
        rmSync(folder, { recursive: true })
      }
    }),
  )
}

async function soak(task: ChainTask, cache: string): Promise<SoakResults> {
  const { options, store } = task
  const input = prepareInput(cache, { generator: 'ds2' }, samples, inputSeed)
  const kept = await keptLines(input, filtersKeeping[options.kept], cache)
  const isKept = (id: number): boolean => kept[id % samples] === 1
  tell('starting the chain')
  const chain = await startChain(task)
  try {
    const { load, sampler, startedMs, recordsPerBody } = await post(chain, options, input.path, isKept)
    const peakBytes = Object.fromEntries(chain.links.map(({ role, running }) => [role, residentOf(running.pid).peakBytes])) // prettier-ignore
    await chain.stop()
    tell('reading the bucket')
    const isAcknowledged = (id: number): boolean => load.answers[Math.floor(id / recordsPerBody)] === 200
    const posted = { records: new SampledRecords(input.path), end: load.posts * recordsPerBody, isKept, isAcknowledged }
    return {
      ...{ startedMs, seconds: load.posts / bodiesPerSecond(options), posts: load.posts, bytes: load.bytes },
      ...{ statuses: load.statuses, latencyMs: latencyOf(load.latenciesMs), loadCpuSeconds: load.cpuSeconds },
      ...{ peakBytes: peakBytes as Record<Role, number>, samples: sampler.samples },
      ...judge(chain, store, posted),
    }
  } finally {
    await chain.stop()
  }
}

function recordsPerBodyOf({ recordsPerSecond }: SoakOptions): number {
  return Math.min(mostRecordsPerBody, recordsPerSecond)
}

function bodiesPerSecond(options: SoakOptions): number {
  return options.recordsPerSecond / recordsPerBodyOf(options)
}

/** Posts all bodies, and waits until what was answered 200 is archived. */
async function post(chain: Chain, options: SoakOptions, path: string, isKept: (id: number) => boolean) {
  const recordsPerBody = recordsPerBodyOf(options)
  const seconds = 60 * options.minutes
  const maker = new LoadMaker()
  const startedMs = Date.now()
  const sampler = new Sampler(chain, ({ roles: { filter, archive }, ...sample }) => {
    if (sampler.samples.length % tellEverySamples !== 1) return
    const lags = `the filter is ${filter.lag} values behind, the archive ${archive.lag} records`
    tell(
      `${Math.round(sample.seconds / 60)} of ${options.minutes} min: ${lags}; ${sample.archivedRecords} are archived`,
    )
  })
  try {
    const job = { kind: 'open', target: chain.target, samples: path, firstId: 0 } as const
    const rate = { bodiesPerSecond: bodiesPerSecond(options), recordsPerBody, seconds, connections }
    const load = await Promise.race([maker.run({ ...job, ...rate }), sampler.failure])
    tell('waiting for the last objects')
    const wanted = countWanted(load, recordsPerBody, isKept)
    // What was not answered 200 may be there as well.
    const isThere = await sampler.until(
      ({ archivedRecords, roles: { archive } }) => archivedRecords >= wanted && archive.lag === 0,
      mostSettleMs,
    )
    if (!isThere) tell(`not all is archived after ${mostSettleMs / 1000} s`)
    await sampler.stop()
    return { load, sampler, startedMs, recordsPerBody }
  } finally {
    maker.close()
    await sampler.stop().catch(() => undefined)
  }
}

/** Records that have to be in the bucket. */
function countWanted({ answers }: LoadResult, recordsPerBody: number, isKept: (id: number) => boolean): number {
  let wanted = 0
  for (const [index, status] of answers.entries()) {
    if (status !== 200) continue
    for (let id = index * recordsPerBody; id < (index + 1) * recordsPerBody; id++) if (isKept(id)) wanted++
  }
  return wanted
}

function judge({ settings }: Chain, store: BenchmarkStore, posted: Posted) {
  const files = storedFiles(store, prefix)
  const content = countBucket(files, posted)
  const objects = closedObjects(listArchives(settings), files)
  tell('verifying the archive')
  const verify = [weirCommand(), 'archive', 'verify', '--config', settings]
  const { status, stdout, stderr } = spawnSync(process.execPath, verify, { encoding: 'utf8', maxBuffer: 1 << 28 })
  const said = (stdout.trim() || stderr.trim()).split('\n').at(-1) ?? ''
  return { content, objects, verified: { code: status ?? -1, said } }
}

exitOnSignals()
await runProgram(main)

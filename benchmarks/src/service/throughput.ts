// Case *throughput*: bodies of real records over a few connections, each posted when the one before is answered, until
// all have their 200. Contenders take turns. Their answers are compared with a plain reading first, and what they kept is
// counted again at the end. Called by ../service.ts.

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expectedOf } from '../answers.ts'
import type { BenchmarkCase } from '../cases.ts'
import { differenceOf } from '../expected.ts'
import { prepareInput, recordsFor } from '../inputs.ts'
import { createRandom, shuffled } from '../schedule.ts'
import type { Encoding } from './connection.ts'
import { LoadMaker, areAllOk } from './load-protocol.ts'
import type { LoadResult } from './load-protocol.ts'
import type { ServiceOptions } from './options.ts'
import { differenceInRepeats, readOutput } from './outputs.ts'
import type { FolderContent } from './outputs.ts'
import { cpuSecondsOf, residentOf } from './processes.ts'
import { nginxVersion, startNginx, startNode, startWeir } from './servers.ts'
import type { Server, ServerOptions } from './servers.ts'

/** One timed pass over all bodies. */
export interface ThroughputSample {
  readonly round: number
  readonly seconds: number
  /** Processor time that the server used, and that the load maker used, which the server had to share. */
  readonly cpuSeconds: number
  readonly loadCpuSeconds: number
}

/** What came of one contender with one kind of body. */
export interface ThroughputResult {
  readonly bodyBytes: number
  readonly encoding: Encoding
  readonly id: ContenderId
  readonly label: string
  /** Bytes of records of a sample, and as they travelled. */
  readonly bytes: number
  readonly sentBytes: number
  readonly status: 'measured' | 'skipped' | 'wrong'
  readonly reason?: string
  readonly samples: readonly ThroughputSample[]
  readonly peakBytes?: number
}

/** Who takes part. */
export type ContenderId = 'weir' | 'node' | 'nginx'

interface Contender {
  readonly id: ContenderId
  readonly label: string
  readonly start: (options: ServerOptions) => Promise<Server>
  /** It stores bodies instead of filtering records. */
  readonly storesBodies?: true
  readonly missing?: () => string | undefined
}

const contenders: readonly Contender[] = [
  { id: 'weir', label: 'weir serve', start: startWeir },
  { id: 'node', label: 'Node: http, zlib, JSON.parse, RegExp', start: startNode },
  {
    id: 'nginx',
    label: 'nginx: bodies to files, not synced',
    start: startNginx,
    storesBodies: true,
    missing: () => (nginxVersion() === undefined ? 'nginx is not installed (Debian: nginx-light)' : undefined),
  },
]

const shapes = [1_000_000, 4_000_000].flatMap((bodyBytes) =>
  (['identity', 'gzip'] as const).map((encoding) => ({ bodyBytes, encoding })),
)
const inputSeed = 42

/** What the case is given. */
export interface ThroughputTask {
  readonly case: BenchmarkCase
  readonly options: ServiceOptions
  readonly cache: string
  readonly tell: (text: string) => void
}

interface Entry {
  readonly contender: Contender
  readonly folder: string
  readonly server: Server
  readonly samples: ThroughputSample[]
  /** What it kept of one pass. */
  once?: FolderContent
  passes: number
  reason?: string
}

/** Measures every shape of body. *Errors*: of servers and the load maker. */
export async function measureThroughput(task: ThroughputTask): Promise<readonly ThroughputResult[]> {
  const results: ThroughputResult[] = []
  for (const shape of shapes) results.push(...(await new Round(task, shape).measure()))
  return results
}

/** One kind of body, all contenders. */
class Round {
  private readonly task: ThroughputTask
  private readonly shape: (typeof shapes)[number]
  private readonly load = new LoadMaker()
  private readonly entries: Entry[] = []
  private posted: LoadResult | undefined

  constructor(task: ThroughputTask, shape: (typeof shapes)[number]) {
    this.task = task
    this.shape = shape
  }

  async measure(): Promise<readonly ThroughputResult[]> {
    const { options, cache, case: benchmarkCase, tell } = this.task
    const { bodyBytes, encoding } = this.shape
    const label = `${bodyBytes / 1e6} MB, ${encoding}`
    const description = benchmarkCase.input
    const input = prepareInput(cache, description, recordsFor(description, options.bytes), inputSeed)
    const expected = await expectedOf(benchmarkCase, input, cache)
    try {
      await this.load.run({ kind: 'file', path: input.path, bodyBytes, encoding })
      for (const contender of contenders) {
        if (contender.missing?.() !== undefined) continue
        tell(`throughput, ${label}: checking ${contender.label}`)
        const entry = await this.open(contender)
        this.entries.push(entry)
        // One connection: then the output has the order of the input, and its digest is known.
        this.posted = await this.pass(entry, 1)
        if (contender.storesBodies === true) this.checkBodies(entry)
        else {
          entry.once = readOutput(entry.server.folder)
          const { records: kept, sha256 } = entry.once
          this.blame(entry, differenceOf({ kept, sha256 }, expected))
        }
      }
      for (let round = 0; round < options.samples; round++) {
        tell(`throughput, ${label}: round ${round + 1} of ${options.samples}`)
        for (const entry of shuffled(this.entries, createRandom(options.seed + round))) await this.sample(entry, round)
      }
      for (const entry of this.entries) this.checkAll(entry)
      return contenders.map((contender) => this.resultOf(contender))
    } finally {
      this.load.close()
      for (const { server, folder } of this.entries) {
        await server.process.stop()
        rmSync(folder, { recursive: true })
      }
    }
  }

  private async open(contender: Contender): Promise<Entry> {
    const folder = mkdtempSync(join(this.task.cache, `service-${contender.id}-`))
    const server = await contender.start({ folder, rules: this.task.case.rules })
    return { contender, folder, server, samples: [], passes: 0 }
  }

  private async pass(entry: Entry, connections: number): Promise<LoadResult> {
    const result = await this.load.run({ kind: 'closed', target: entry.server.target, connections })
    entry.passes++
    if (!areAllOk(result.statuses)) this.blame(entry, `answers ${JSON.stringify(result.statuses)}`)
    return result
  }

  private async sample(entry: Entry, round: number): Promise<void> {
    if (entry.reason !== undefined) return
    const { pid } = entry.server.process
    const before = cpuSecondsOf(pid)
    const { seconds, cpuSeconds: loadCpuSeconds } = await this.pass(entry, this.task.options.connections)
    entry.samples.push({ round, seconds, cpuSeconds: cpuSecondsOf(pid) - before, loadCpuSeconds })
    if (entry.contender.storesBodies === true) this.checkBodies(entry)
  }

  /** What stores bodies has stored every byte; they are removed, since each pass has as many again. */
  private checkBodies(entry: Entry): void {
    const paths = readdirSync(entry.server.folder).map((name) => join(entry.server.folder, name))
    const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0)
    for (const path of paths) rmSync(path)
    const wanted = this.posted?.sentBytes
    this.blame(entry, bytes === wanted ? undefined : `stores ${bytes} bytes, not ${wanted}`)
  }

  private checkAll(entry: Entry): void {
    if (entry.once === undefined || entry.reason !== undefined) return
    this.blame(entry, differenceInRepeats(readOutput(entry.server.folder), entry.once, entry.passes))
  }

  private blame(entry: Entry, reason: string | undefined): void {
    if (reason !== undefined) entry.reason ??= reason
  }

  private resultOf({ id, label, missing }: Contender): ThroughputResult {
    const entry = this.entries.find(({ contender }) => contender.id === id)
    const { bytes = 0, sentBytes = 0 } = this.posted ?? {}
    const about = { ...this.shape, id, label, bytes, sentBytes }
    if (entry === undefined) return { ...about, status: 'skipped', reason: missing?.() ?? '', samples: [] }
    if (entry.reason !== undefined) return { ...about, status: 'wrong', reason: entry.reason, samples: [] }
    const { peakBytes } = residentOf(entry.server.process.pid)
    return { ...about, status: 'measured', samples: entry.samples, peakBytes }
  }
}

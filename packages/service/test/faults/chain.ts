// The whole chain as an operator runs it: three pipelines of one settings file in processes of their own, from bodies that are
// posted to objects in a bucket, on a real broker and a real store; each process under a supervisor. Harms nothing. Called by
// whole-chain.ts and the soak.

import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

import type { Admin } from 'kafkajs'

import { startBroker } from '../servers/kafka/broker.js'
import type { Broker, Cluster } from '../servers/kafka/broker.js'
import { clientOf } from '../servers/kafka/clients.js'
import { credentialsText } from '../servers/s3/server.js'
import type { RunningStore } from '../servers/s3/server.js'
import { startStore } from '../servers/s3/stores.js'
import { eventually } from './fault.js'
import type { FaultContext } from './fault.js'
import { rulesText } from './ledger.js'
import { Served } from './served.js'
import { Supervisor } from './supervisor.js'

/** Pipelines, in the order in which records pass them. */
export const roles = ['ingest', 'filter', 'archive'] as const
export type Role = (typeof roles)[number]

export const chainBucket = 'logs'
/** A broker may serve several runs: each has topics and groups of its own. */
let runs = 0

/** How a chain is set up. */
export interface ChainOptions {
  /** In place of that of the context. */
  readonly broker?: Broker & Cluster
  /** Processes of each role; of `ingest`, one. */
  readonly processes?: Readonly<Partial<Record<Role, number>>>
  readonly partitions?: number
  /** Settings of the archive's output, in YAML. */
  readonly output?: Readonly<Record<string, string>>
  /** Settings of Kafka, in YAML. */
  readonly kafka?: Readonly<Record<string, string>>
  readonly logLevel?: 'debug' | 'info'
}

/** One process and who starts it again. */
export interface ChainProcess {
  readonly role: Role
  readonly served: Served
  readonly supervisor: Supervisor
}

/** The chain. *Order of calls*: `openChain()`, anything, `stop()`. */
export class Chain {
  readonly broker: Broker & Cluster
  readonly store: RunningStore
  readonly admin: Admin
  readonly name = `chain-${++runs}`
  readonly partitions: number
  readonly prefix = 'archived/'
  readonly processes: ChainProcess[] = []
  readonly topics = {
    raw: `${this.name}-raw`,
    processed: `${this.name}-processed`,
    side: `${this.name}-side`,
    deadLetter: `${this.name}-dead-letter`,
  }
  private readonly context: FaultContext
  private readonly options: ChainOptions

  /** Made by `openChain`. */
  constructor(context: FaultContext, options: ChainOptions, parts: Pick<Chain, 'broker' | 'store'>) {
    this.context = context
    this.options = options
    this.broker = parts.broker
    this.store = parts.store
    this.partitions = options.partitions ?? 3
    this.admin = clientOf(this.broker.innerAddresses).admin()
  }

  /** The process that takes bodies. */
  get ingest(): Served {
    return this.processes[0]!.served
  }

  /** Starts one process after another. */
  async start(): Promise<void> {
    await this.admin.connect()
    this.context.after(() => this.admin.disconnect())
    for (const role of roles) {
      const count = role === 'ingest' ? 1 : (this.options.processes?.[role] ?? 1)
      for (let i = 0; i < count; i++) await this.add(role, `${role}-${i}`)
    }
  }

  private async add(role: Role, name: string): Promise<void> {
    const folder = path.join(this.context.folder, name)
    await mkdir(folder)
    await writeFile(path.join(folder, 'weir.yaml'), this.settings())
    await writeFile(path.join(folder, 'rules.yaml'), rulesText)
    await writeFile(path.join(folder, 'credentials'), credentialsText(this.store))
    const served = new Served(folder, folder)
    const supervisor = new Supervisor(served, { only: [role] })
    this.processes.push({ role, served, supervisor })
    this.context.after(async () => {
      await supervisor.stop().catch(() => undefined)
      await served.end('SIGKILL')
      const lines = [...served.log.map((line) => JSON.stringify(line)), ...served.noise]
      await writeFile(path.join(folder, 'log'), `${lines.join('\n')}\n`)
    })
    await supervisor.start()
  }

  private settings(): string {
    const { broker, topics, name, prefix, store, options } = this
    const braces = (settings: Readonly<Record<string, string>>) =>
      `{ ${Object.entries(settings).map((each) => each.join(': ')).join(', ')} }` // prettier-ignore
    const kafka = braces({
      brokers: `[${broker.addresses.map((each) => `"${each}"`).join(', ')}]`,
      ...{ topics: 'create', partitions: String(this.partitions), replicas: '1', sessionMs: '1500' },
      ...options.kafka,
    })
    const s3 = braces({
      ...{ bucket: chainBucket, prefix, endpoint: `"${store.endpoint}"`, credentials: 'credentials' },
      ...{ periodMs: '2s', idleMs: '1s', requestMs: '2s' },
      ...options.output,
    })
    const output = (topic: string, format: string) => `{ kafka: { topic: ${topic}, format: ${format} } }`
    return [
      `kafka: ${kafka}`,
      'pipelines:',
      '  ingest:',
      '    source: { http: { listen: "127.0.0.1:0", answerWithinMs: 5s } }',
      '    validation: read',
      `    routes: { keep: { kafka: { topic: ${topics.raw} } } }`,
      `    deadLetter: { kafka: { topic: ${name}-quarantine } }`,
      '  filter:',
      `    source: { kafka: { topic: ${topics.raw}, group: ${name}-filter } }`,
      '    rules: rules.yaml',
      '    threads: 1',
      `    routes: { keep: ${output(topics.processed, 'lines')}, side: ${output(topics.side, 'chunks')} }`,
      `    deadLetter: { kafka: { topic: ${topics.deadLetter} } }`,
      '  archive:',
      `    source: { kafka: { topic: ${topics.processed}, group: ${name}-archive } }`,
      `    routes: { keep: { s3: ${s3} } }`,
      'stateFolder: state',
      'admin: { listen: "127.0.0.1:0" }',
      `log: { format: json, level: ${options.logLevel ?? 'debug'} }`,
      '',
    ].join('\n')
  }

  /** Where a group stands in each partition; undefined while the broker does not tell. */
  async committed(role: 'filter' | 'archive'): Promise<readonly number[] | undefined> {
    const topic = role === 'filter' ? this.topics.raw : this.topics.processed
    const asked = { groupId: `${this.name}-${role}`, topics: [topic] }
    const found = (await this.admin.fetchOffsets(asked).catch(() => undefined))?.[0]?.partitions
    if (found === undefined) return undefined
    const offsets = new Map(found.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
    return Array.from({ length: this.partitions }, (_, partition) => offsets.get(partition) ?? 0)
  }

  /** Resolves when the filter has read all that is there. */
  async filtered(): Promise<void> {
    const { raw } = this.topics
    await eventually('all is filtered', async () => {
      const [ends, offsets] = [
        await this.admin.fetchTopicOffsets(raw).catch(() => undefined),
        await this.committed('filter'),
      ]
      return ends?.every(({ partition, high }) => offsets?.[partition] === Number(high)) ?? false
    })
  }

  /** Resolves when the archive has written all up to these offsets. */
  async archived(behind: readonly number[]): Promise<void> {
    await eventually('all is archived', async () => {
      const offsets = await this.committed('archive')
      return offsets !== undefined && behind.every((offset, partition) => offsets[partition]! >= offset)
    })
  }

  /** Has nobody start processes again, and ends them in order, those that write first. Rejects where one ended otherwise. */
  async stop(): Promise<void> {
    for (const { supervisor } of this.processes) await supervisor.stop()
    for (const { role, served } of this.processes) {
      const { code, signal } = await served.end('SIGTERM')
      if (code !== 0) throw new Error(`${role} ended with ${signal ?? code}: ${served.noise.join(' ')}`)
    }
  }
}

/** Starts a broker, a store and the processes. */
export async function openChain(context: FaultContext, options: ChainOptions = {}): Promise<Chain> {
  const broker = options.broker ?? context.kafka?.broker ?? (await startBroker(context))
  const store = await startStore(context, context.store)
  const chain = new Chain(context, options, { broker, store })
  await chain.start()
  return chain
}

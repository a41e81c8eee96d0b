// What the archive's faults share: a real broker, a store behind the proxy of stores, `weir serve` processes that archive one
// topic as members of one group, a feed, and the judgement. The harm is done by the files that call this.

import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

import type { Admin, Kafka } from 'kafkajs'

import { counted } from '#src/counted.js'
import type { Random } from '#src/generators/random.js'
import { startBroker } from '../servers/kafka/broker.js'
import type { Broker, Cluster } from '../servers/kafka/broker.js'
import { clientOf, createTopic } from '../servers/kafka/clients.js'
import { readTopic, runTool } from '../servers/kafka/reading.js'
import { startStoreProxy } from '../servers/s3/proxy.js'
import type { CallFault, PassingCall, StoreProxy } from '../servers/s3/proxy.js'
import { listBucket, readBucket } from '../servers/s3/reader.js'
import { credentialsText } from '../servers/s3/server.js'
import type { S3Server } from '../servers/s3/server.js'
import { startStore } from '../servers/s3/stores.js'
import { ArchiveFeed } from './archive-feed.js'
import { judgeArchive, linesOf } from './archive-oracle.js'
import type { ArchivedTopic } from './archive-oracle.js'
import { eventually, pause } from './fault.js'
import type { FaultContext, Figures } from './fault.js'
import type { TopicRecords } from './kafka-oracle.js'
import { Ledger } from './ledger.js'
import { Served } from './served.js'
import type { StartOptions } from './served.js'

export const partitionCount = 3
export const bucket = 'logs'
/** As filters make it. */
const topicConfig = {
  'message.timestamp.type': 'LogAppendTime',
  'max.message.bytes': String(4 << 20),
  'retention.ms': String(14 * 86_400_000),
}
/** A broker may serve several runs: each has a topic and a group of its own. */
let runs = 0

/** Of those that are drawn. */
const longestPeriodMs = 2000

/** How archives are set up. */
export interface ArchiveRigOptions {
  /** Time in milliseconds that an archive may be silent before others take what it has. */
  readonly sessionMs?: number
  /** Settings of the output, in YAML, above those that are drawn. */
  readonly output?: Readonly<Record<string, string>>
  /** The longest period of any archive, in milliseconds, where the output's settings have one. */
  readonly periodMs?: number
  /** How archives are started. */
  readonly start?: StartOptions
  /** The store; absent: a real one of its own, of the kind that the context names. */
  readonly store?: S3Server
  /** Brokers of its own instead of those of the context: such as others could not go on with. */
  readonly broker?: Broker & Cluster
  /** Bytes that the feed adds to each record. */
  readonly padBytes?: number
}

/** A broker, a store, archives, a feed. *Order of calls*: `openArchiveRig()`, harm, `finish()`. */
export class ArchiveRig {
  readonly broker: Broker & Cluster
  readonly store: S3Server
  /** Between archives and store; the judge goes past it. */
  readonly proxy: StoreProxy
  readonly archives: Served[] = []
  readonly context: FaultContext
  readonly random: Random
  readonly ledger: Ledger
  readonly name = `archive-${++runs}`
  readonly topic = `${this.name}-processed`
  readonly prefix: string
  readonly kafka: Kafka
  readonly admin: Admin
  private readonly compression: string
  private readonly options: ArchiveRigOptions
  private readonly feed: ArchiveFeed

  /** Made by `openArchiveRig`. */
  constructor(
    context: FaultContext,
    options: ArchiveRigOptions,
    parts: Pick<ArchiveRig, 'broker' | 'store' | 'proxy'>,
  ) {
    const { random, scale } = context
    this.context = context
    this.options = options
    this.broker = parts.broker
    this.store = parts.store
    this.proxy = parts.proxy
    this.random = random
    this.ledger = new Ledger(random)
    this.prefix = random.pick(['', 'archived/', 'a/b=c/'])
    this.compression = options.output?.['compression'] ?? random.pick(['gzip', 'gzip', 'none'])
    this.kafka = clientOf(this.broker.innerAddresses)
    this.admin = this.kafka.admin()
    const { kafka, topic, ledger } = this
    this.feed = new ArchiveFeed({ kafka, topic, ledger, random, scale, partitions: partitionCount, padBytes: options.padBytes }) // prettier-ignore
  }

  /** Makes the topic, and starts the first archives and the feed. */
  async start(archives: number): Promise<void> {
    const { after } = this.context
    after(() => this.proxy.clear())
    await this.admin.connect()
    after(() => this.admin.disconnect())
    await createTopic(this.kafka, this.topic, partitionCount, topicConfig)
    this.feed.start()
    after(() => this.feed.stop())
    for (let i = 0; i < archives; i++) await this.add()
  }

  /** Makes one archive more and starts it. Each cuts objects elsewhere, and compresses them otherwise. */
  async add(): Promise<Served> {
    const archive = await this.make()
    await this.run(archive)
    return archive
  }

  /** Makes one archive more and does not start it. */
  async make(): Promise<Served> {
    const folder = path.join(this.context.folder, `archive-${this.archives.length}`)
    await mkdir(folder)
    const served = new Served(folder, folder)
    const endpoint = await this.proxy.open(() => served.pid)
    await writeFile(path.join(folder, 'weir.yaml'), this.settings(endpoint))
    await writeFile(path.join(folder, 'credentials'), credentialsText(this.store))
    this.archives.push(served)
    this.context.after(async () => {
      await served.end('SIGKILL')
      const lines = [...served.log.map((line) => JSON.stringify(line)), ...served.noise]
      await writeFile(path.join(folder, 'log'), `${lines.join('\n')}\n`)
    })
    return served
  }

  /** Starts an archive that has ended. */
  async run(archive: Served): Promise<void> {
    const ending = await archive.start(this.options.start)
    assert.equal(ending, undefined, `The archive did not start: ${archive.noise.join(' ')}`)
  }

  private settings(endpoint: string): string {
    const { random, broker, options } = this
    const { sessionMs = 1500 } = options
    const brokers = broker.addresses.map((each) => `"${each}"`).join(', ')
    const fetchBytes = random.pick(['16KiB', '64KiB', '1MiB'])
    return [
      `kafka: { brokers: [${brokers}], topics: verify, replicas: 1, sessionMs: ${sessionMs}, fetchBytes: ${fetchBytes} }`,
      'pipelines:',
      '  archive:',
      `    source: { kafka: { topic: ${this.topic}, group: ${this.name} } }`,
      `    routes: { keep: { s3: ${this.output(endpoint)} } }`,
      'stateFolder: state',
      'admin: { listen: "127.0.0.1:0" }',
      'log: { format: json, level: debug }',
      '',
    ].join('\n')
  }

  private output(endpoint: string): string {
    const { random, options, prefix, compression } = this
    const settings: Readonly<Record<string, string>> = {
      ...{ bucket, prefix: `"${prefix}"`, endpoint: `"${endpoint}"`, credentials: 'credentials', compression },
      level: String(1 + random.below(9)),
      maxObjectRecords: random.pick(['20', '150', '1000000']),
      periodMs: random.pick(['1s', `${longestPeriodMs}ms`]),
      ...{ idleMs: '1s', requestMs: '1s' },
      ...options.output,
    }
    return `{ ${Object.entries(settings)
      .map((each) => each.join(': '))
      .join(', ')} }`
  }

  /** Where the group stands in each partition; undefined while the broker does not tell. */
  async committed(): Promise<readonly number[] | undefined> {
    const found = await this.admin.fetchOffsets({ groupId: this.name, topics: [this.topic] }).catch(() => undefined)
    const partitions = found?.[0]?.partitions
    if (partitions === undefined) return undefined
    const offsets = new Map(partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
    return Array.from({ length: partitionCount }, (_, partition) => offsets.get(partition) ?? 0)
  }

  /** Resolves when one object more is safe in each partition. */
  async more(): Promise<void> {
    let from: readonly number[] | undefined
    await eventually('the archive goes on', async () => {
      const now = await this.committed()
      from ??= now
      return now?.every((offset, p) => offset > from![p]!) ?? false
    })
  }

  /** Resolves with the first call that the harm has struck. */
  async struck(fault: CallFault): Promise<PassingCall> {
    await eventually(`a call of ${fault.plan.on} is struck`, () => fault.strikes > 0)
    return fault.struck
  }

  /** The archive that made a call. */
  callerOf({ client }: PassingCall): Served {
    const caller = this.archives.find(({ pid }) => pid === client)
    assert.ok(caller, 'Nobody who runs has made the call.')
    return caller
  }

  /** Names of all objects. */
  async keys(): Promise<string[]> {
    return (await listBucket(this.store, bucket, this.prefix)).map(({ key }) => key)
  }

  /** How often archives have said this in their logs. */
  told(message: string): number {
    return this.archives.reduce((sum, { log }) => sum + log.filter(({ msg }) => msg === message).length, 0)
  }

  /** Ends the feed, sees that all is archived in time, ends the archives in order, and judges. `notes`: what was done. */
  async finish(notes: string): Promise<Figures> {
    const began = performance.now()
    this.proxy.clear()
    await this.more()
    const movedMs = performance.now() - began
    await this.feed.stop()
    const [records, topicId] = await Promise.all([
      readTopic(this.broker, this.topic),
      topicIdOf(this.broker, this.topic),
    ])
    await this.drained(records)
    for (const archive of this.archives.filter(({ isUp }) => isUp)) {
      assert.deepEqual(await archive.end('SIGTERM'), { code: 0, signal: null }, archive.noise.join(' '))
    }
    const topic = { name: this.topic, clusterId, topicId, partitions: records }
    const figures = await this.judge(topic)
    return { ...figures, notes: `${notes}; ${figures.notes}, going on after ${(movedMs / 1000).toFixed(1)} s` }
  }

  private async drained(records: TopicRecords): Promise<void> {
    const behind = records.map((log) => Number(log.findLast((record) => linesOf(record).length > 0)?.offset ?? -1n) + 1)
    await eventually('all is archived', async () => {
      return (await this.committed())?.every((offset, partition) => offset >= behind[partition]!) ?? false
    })
  }

  private async judge(topic: ArchivedTopic): Promise<Figures> {
    const objects = await readBucket(this.store, bucket, this.prefix)
    const extension = this.compression === 'gzip' ? '.ndjson.gz' : '.ndjson'
    const { records, objects: count, ...figures } = judgeArchive(topic, objects, { prefix: this.prefix, extension, periodMs: this.options.periodMs ?? longestPeriodMs }) // prettier-ignore
    const there = new Set(topic.partitions.flat().flatMap((record) => linesOf(record)))
    const answered = this.ledger.bodies.filter(({ isAnswered }) => isAnswered).flatMap(({ records: of }) => of)
    const missing = answered.filter(({ text }) => !there.has(text)).length
    const faults = missing === 0 ? figures.faults : [...figures.faults, `${missing} acknowledged records are not in the topic.`] // prettier-ignore
    const takeovers = this.told('A partition is taken over.')
    return {
      ...figures,
      faults,
      posted: records,
      answered: answered.length,
      notes: `${counted(count, 'object')}, ${counted(takeovers, 'takeover')}`,
    }
  }
}

/** Of all nodes of the tests. */
export const clusterId = 'AAAAAAAAAAAAAAAAAAAAAA'

/** Returns what Kafka's own tool says. */
export async function topicIdOf(broker: Broker & Cluster, topic: string): Promise<string> {
  const args = ['--bootstrap-server', broker.innerAddresses.join(','), '--describe', '--topic', topic]
  const text = (await runTool('org.apache.kafka.tools.TopicCommand', args)).toString()
  const id = /TopicId: (\S+)/.exec(text)?.[1]
  assert.ok(id, text)
  return id
}

/** Starts a broker and a store, so many archives, and the feed. */
export async function openArchiveRig(
  context: FaultContext,
  archives: number,
  options: ArchiveRigOptions = {},
): Promise<ArchiveRig> {
  const broker = options.broker ?? context.kafka?.broker ?? (await startBroker(context))
  const store = options.store ?? (await startStore(context, context.store))
  const proxy = startStoreProxy(context, store.endpoint)
  const rig = new ArchiveRig(context, options, { broker, store, proxy })
  await rig.start(archives)
  return rig
}

/** Time that passes between two harms: anything up to `mostMs`. */
export function anyMoment(random: Random, mostMs: number): Promise<void> {
  return pause(random.below(mostMs))
}

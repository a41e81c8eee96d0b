// What Kafka's faults share: a real broker behind the fault proxy, `weir serve` processes that filter one topic as members
// of one group, a feed, and the judgement. The harm is done by the files that call this.

import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

import type { Admin, Kafka } from 'kafkajs'

import { counted } from '#src/counted.js'
import type { Random } from '#src/generators/random.js'
import type { Broker, Cluster, ClusterOptions } from '../servers/kafka/broker.js'
import { clientOf } from '../servers/kafka/clients.js'
import type { PassingFrame } from '../servers/kafka/lanes.js'
import type { KafkaNode } from '../servers/kafka/node.js'
import { startProxiedBroker } from '../servers/kafka/proxied.js'
import type { ProxiedBroker } from '../servers/kafka/proxied.js'
import type { FaultProxy } from '../servers/kafka/proxy.js'
import { eventually, pause } from './fault.js'
import type { FaultContext, Figures } from './fault.js'
import { KafkaFeed } from './kafka-feed.js'
import { readTopic } from '../servers/kafka/reading.js'
import { judgeTopics, readLines } from './kafka-oracle.js'
import type { OffsetRange, TopicRecords } from './kafka-oracle.js'
import { Ledger, rulesText } from './ledger.js'
import type { Body, Place } from './ledger.js'
import { Served } from './served.js'
import type { StartOptions } from './served.js'

export const partitionCount = 4
/** A broker may serve several runs: each has topics and a group of its own. */
let runs = 0

/** How filters are set up. */
export interface RigOptions {
  /** Time in milliseconds that a filter may be silent before others take what it has. */
  readonly sessionMs?: number
  /** What harmed-clients.ts is told. */
  readonly environment?: Readonly<Record<string, string>>
  /** What filters load besides. */
  readonly preloads?: StartOptions['preloads']
  /** With it, the run has brokers of its own: such as others could not go on with. */
  readonly brokers?: ClusterOptions
  /** Returns settings of Kafka, YAML in braces without the braces, in place of the addresses behind the proxy. */
  readonly connection?: (broker: Broker & Cluster) => string
  readonly rules?: string
  /** Makes the records of one value of the feed; absent: usual ones. */
  readonly body?: (ledger: Ledger, records: number) => Body
}

/** A broker, filters, a feed. *Order of calls*: `openRig()`, harm, `finish()`. */
export class Rig {
  readonly broker: Broker & Cluster
  /** Between filters and broker; the feed and the oracle go past it. */
  readonly proxy: FaultProxy
  readonly filters: Served[] = []
  readonly random: Random
  readonly name = `faults-${++runs}`
  readonly raw = `${this.name}-raw`
  /** Topics of the places where records end. */
  readonly outputs: ReadonlyMap<Place, string> = new Map([
    ['keep', `${this.name}-processed`],
    ['side', `${this.name}-side`],
    ['malformed', `${this.name}-dead-letter`],
  ])
  readonly context: FaultContext
  readonly ledger: Ledger
  /** For harm that a client may do; past the proxy. */
  readonly kafka: Kafka
  readonly admin: Admin
  private readonly options: RigOptions
  private readonly feed: KafkaFeed
  private kept: TopicRecords | undefined
  private readonly passedBy: OffsetRange[] = []

  /** Made by `openRig`. */
  constructor(context: FaultContext, options: RigOptions, { broker, proxy }: ProxiedBroker) {
    this.context = context
    this.options = options
    this.broker = broker
    this.proxy = proxy
    this.random = context.random
    this.ledger = new Ledger(context.random)
    this.kafka = clientOf(broker.innerAddresses)
    this.admin = this.kafka.admin()
    const { body } = options
    this.feed = new KafkaFeed({
      kafka: this.kafka,
      topic: this.raw,
      partitions: partitionCount,
      ledger: this.ledger,
      random: context.random,
      scale: context.scale,
      body: body === undefined ? undefined : (records) => body(this.ledger, records),
    })
  }

  /** Starts the first filters, which make the topics, and the feed. */
  async start(filters: number): Promise<void> {
    const { after } = this.context
    after(() => this.proxy.clear())
    await this.admin.connect()
    after(() => this.admin.disconnect())
    for (let i = 0; i < filters; i++) await this.add()
    await eventually('the topics are made', async () => {
      const names = await this.admin.listTopics()
      return [this.raw, ...this.outputs.values()].every((name) => names.includes(name))
    })
    this.feed.start()
    after(() => this.feed.stop())
    await this.more(1)
  }

  /** Starts one filter more. */
  async add(): Promise<Served> {
    const filter = await this.open(`filter-${this.filters.length}`, this.pipeline())
    this.filters.push(filter)
    await this.run(filter)
    return filter
  }

  /** Makes a service with one pipeline, `faults`, and does not start it. `pipeline`: its settings, in YAML. */
  async open(name: string, pipeline: string): Promise<Served> {
    const { context, options } = this
    const folder = path.join(context.folder, name)
    await mkdir(folder)
    await writeFile(path.join(folder, 'weir.yaml'), this.settings(pipeline))
    await writeFile(path.join(folder, 'rules.yaml'), options.rules ?? rulesText)
    const served = new Served(folder, folder)
    context.after(async () => {
      await served.end('SIGKILL')
      const lines = [...served.log.map((line) => JSON.stringify(line)), ...served.noise]
      await writeFile(path.join(folder, 'log'), `${lines.join('\n')}\n`)
    })
    return served
  }

  /** Starts a filter that has ended. */
  async run(filter: Served): Promise<void> {
    const ending = await filter.start(this.startOptions())
    assert.equal(ending, undefined, `The filter did not start: ${filter.noise.join(' ')}`)
  }

  /** How filters are started, and what harmed-clients.ts is told besides. */
  startOptions(besides: Readonly<Record<string, string>> = {}): StartOptions {
    const { environment = {}, preloads = [] } = this.options
    const told = { ...environment, ...besides }
    const harming = Object.keys(told).length === 0 ? [] : (['harmed-clients'] as const)
    return { preloads: [...preloads, ...harming], environment: told }
  }

  private pipeline(): string {
    const { random, name, raw, outputs } = this
    // Lines and chunks are written by different filters of the same group.
    const format = random.pick(['lines', 'chunks'])
    const output = (place: Place) => `{ kafka: { topic: ${outputs.get(place)}, format: ${format} } }`
    return [
      `source: { kafka: { topic: ${raw}, group: ${name} } }`,
      'rules: rules.yaml',
      `routes: { keep: ${output('keep')}, side: ${output('side')} }`,
      `deadLetter: { kafka: { topic: ${outputs.get('malformed')} } }`,
    ].join('\n    ')
  }

  private settings(pipeline: string): string {
    const { random, broker, options } = this
    const { sessionMs = 1500, connection } = options
    const where = connection?.(broker) ?? `brokers: [${broker.addresses.map((each) => `"${each}"`).join(', ')}]`
    const topics = `topics: create, partitions: ${partitionCount}, replicas: ${broker.brokers.length}`
    const fetchBytes = random.pick(['16KiB', '64KiB', '1MiB'])
    return [
      `kafka: { ${where}, ${topics}, sessionMs: ${sessionMs}, fetchBytes: ${fetchBytes} }`,
      'pipelines:',
      '  faults:',
      '    threads: 1',
      `    ${pipeline}`,
      'stateFolder: state',
      'admin: { listen: "127.0.0.1:0" }',
      'log: { format: json, level: debug }',
      '',
    ].join('\n')
  }

  /** Remembers what the source's topic holds, before its beginning is deleted. */
  async keepSource(): Promise<void> {
    const now = await readTopic(this.broker, this.raw)
    this.kept = now.map((records, partition) => {
      const first = records[0]?.offset
      return [
        ...(this.kept?.[partition] ?? []).filter(({ offset }) => first === undefined || offset < first),
        ...records,
      ]
    })
  }

  /** The offset behind what was kept of a partition. */
  keptEnd(partition: number): number {
    return Number(this.kept?.[partition]?.at(-1)?.offset ?? -1n) + 1
  }

  /** Nobody is to deliver these: an operator has said so. */
  passBy(range: OffsetRange): void {
    this.passedBy.push(range)
  }

  /** Where the group stands in each partition; undefined while the broker does not tell. */
  async committed(): Promise<readonly number[] | undefined> {
    const found = await this.admin.fetchOffsets({ groupId: this.name, topics: [this.raw] }).catch(() => undefined)
    const partitions = found?.[0]?.partitions
    if (partitions === undefined) return undefined
    const offsets = new Map(partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
    return Array.from({ length: partitionCount }, (_, partition) => offsets.get(partition) ?? 0)
  }

  /** Resolves when so many more offsets are committed than now, in each partition or in one. */
  async more(offsets: number, only?: number): Promise<void> {
    let from: readonly number[] | undefined
    await eventually('the group goes on', async () => {
      const now = await this.committed()
      from ??= now
      return now?.every((offset, p) => (only ?? p) !== p || offset >= from![p]! + offsets) ?? false
    })
  }

  /** The partition that a call of a transaction is about. */
  partitionOf({ requestBytes }: PassingFrame): number {
    const found = new RegExp(`weir\\.${this.name}\\.${this.raw}\\.(\\d+)`).exec(requestBytes.toString('latin1'))
    assert.ok(found, 'The call is about no transaction.')
    return Number(found[1])
  }

  /** The filter that took a partition over last, as the logs have it. */
  ownerOf(partition: number): Served {
    let owner: { readonly filter: Served; readonly time: string } | undefined
    for (const filter of this.filters) {
      const takeovers = filter.log.filter((line) => line.msg === 'A partition is taken over.')
      const time = takeovers.findLast((line) => line['partition'] === partition)?.['time']
      if (typeof time === 'string' && time > (owner?.time ?? '')) owner = { filter, time }
    }
    assert.ok(owner, `Nobody has taken partition ${partition} over.`)
    return owner.filter
  }

  /** How many transactions failed, as the filters have told. */
  get failures(): number {
    return this.told('A transaction failed, and the partition is taken over again.')
  }

  /** How often filters have said this in their logs. */
  told(message: string): number {
    return this.filters.reduce((sum, { log }) => sum + log.filter(({ msg }) => msg === message).length, 0)
  }

  /**
   * Ends the feed, sees that everything is worked off in time, ends the filters in order, and judges. `notes`: what was
   * done; `onDrained`: called ahead of the filters' end.
   */
  async finish(notes: string, onDrained?: () => Promise<void>): Promise<Figures> {
    const began = performance.now()
    this.proxy.clear()
    await this.more(1)
    const movedMs = performance.now() - began
    await this.feed.stop()
    await eventually('the group has read all', () => this.isDrained())
    await onDrained?.()
    for (const filter of this.filters.filter(({ isUp }) => isUp)) {
      assert.deepEqual(await filter.end('SIGTERM'), { code: 0, signal: null }, filter.noise.join(' '))
    }
    const { raw, outputs, kept, passedBy } = this
    const topics = await readLines(this.broker, { raw, outputs, passedBy, ...(kept === undefined ? {} : { kept }) })
    const figures = judgeTopics(this.ledger, topics)
    const takeovers = counted(this.told('A partition is taken over.'), 'takeover')
    const failed = `${counted(this.failures, 'transaction')} failed`
    return { ...figures, notes: `${notes}; ${takeovers}, ${failed}, going on after ${(movedMs / 1000).toFixed(1)} s` }
  }

  private async isDrained(): Promise<boolean> {
    const [ends, offsets] = [
      await this.admin.fetchTopicOffsets(this.raw).catch(() => undefined),
      await this.committed(),
    ]
    if (ends === undefined || offsets === undefined) return false
    return ends.every(({ partition, high }) => offsets[partition] === Number(high))
  }
}

/** Starts a broker, so many filters, and the feed. */
export async function openRig(context: FaultContext, filters: number, options: RigOptions = {}): Promise<Rig> {
  const shared = options.brokers === undefined ? context.kafka : undefined
  const rig = new Rig(context, options, shared ?? (await startProxiedBroker(context, options.brokers)))
  await rig.start(filters)
  return rig
}

/** Has a broker that is killed run again when the run is over, however that ends: other runs may go on with it. */
export function endsRunning({ after }: FaultContext, node: KafkaNode): void {
  after(async () => {
    if (node.pid === undefined) await node.start()
  })
}

/** Time that passes between two harms: anything up to `mostMs`. */
export function anyMoment(random: Random, mostMs: number): Promise<void> {
  return pause(random.below(mostMs))
}

// A Kafka cluster in memory, behind the client's port: a log for each partition with its markers, transactions that are
// fenced by epoch, groups whose members are told of every rebalance, and probes that have any call fail before it takes
// effect, after it, or take effect late. Judges sources and sinks where no broker is needed. Long for what it stands in for.

import { batchHeadBytes, recordBytes } from '#src/kafka/batch-encoder.js'
import type {
  BatchTurn,
  ClusterAdmin,
  CommittedOffset,
  FetchedBatch,
  FetchedRecord,
  GroupListener,
  GroupMember,
  KafkaCluster,
  LogOffsets,
  OutgoingRecord,
  Producer,
  ProducerTransaction,
  Target,
  TransactionalProducer,
} from '#src/kafka/port.js'

/** An error as the client has them. */
export class MemoryKafkaError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** What is called, in the order of the calls. */
export type Call = 'initialise' | 'begin' | 'send' | 'moveOffset' | 'commit' | 'abort' | 'committed' | 'range'

/**
 * What becomes of a call. `lost`: the request never comes; `unanswered`: it takes effect, and nobody hears of it; `late`: the
 * caller is told that it failed, and it takes effect when `deliverLate()` is called; `hang`: the caller never hears anything,
 * as one that is dead, and it has no effect; `hang after`: the same, with its effect.
 */
export type Fate = 'done' | 'lost' | 'unanswered' | 'late' | 'hang' | 'hang after' | 'too large' | 'forbidden'

interface Entry {
  readonly record: OutgoingRecord | undefined
  readonly transaction: OpenTransaction | undefined
}

interface OpenTransaction {
  readonly id: string
  readonly epoch: number
  state: 'open' | 'committed' | 'aborted'
  readonly logs: Set<Log>
  readonly offsets: { readonly key: string; readonly committed: CommittedOffset }[]
}

interface Log {
  entries: Entry[]
  first: bigint
}

interface Member {
  readonly topic: string
  readonly listener: GroupListener
  partitions: number[]
  readonly paused: Set<number>
  readonly places: Map<number, bigint>
  readonly busy: Set<number>
  /** Rises with every assignment, seek and pause. */
  readonly stale: Map<number, number>
  isFrozen: boolean
}

/** The cluster. `cluster()` makes what a process sees of it. */
export class MemoryKafka {
  /** Batches whose memory was given back. */
  released = 0
  /** Asked before each call; default: `done`. */
  fateOf: (call: Call, about: { readonly process: string; readonly id?: string }) => Fate = () => 'done'
  /** What was called, with the process. */
  readonly calls: string[] = []
  /** What was refused because of an old epoch. */
  readonly refused: string[] = []
  /** Records of one batch at most. */
  fetchRecords = 10
  /** Bytes of a send beyond which it is refused, and whether topics tell. */
  mostSendBytes = Number.POSITIVE_INFINITY
  tellsSize = false
  /** Settings of all topics, as they are told. */
  topicConfig: Readonly<Record<string, string>> = {}
  /** Whether topics have ids; with brokers that are too old they have not. */
  hasTopicIds = true
  private readonly topics = new Map<string, Log[]>()
  private readonly ids = new Map<string, string>()
  private madeTopics = 0
  private readonly epochs = new Map<string, number>()
  private readonly open = new Map<string, OpenTransaction>()
  private readonly offsets = new Map<string, CommittedOffset>()
  private readonly groups = new Map<string, Member[]>()
  private readonly late: (() => void)[] = []
  /** Who is told of changed credentials. */
  readonly onCredentials = new Set<() => void>()

  /** Makes a topic, in the place of one of that name, which had another id. */
  makeTopic(name: string, partitions: number): void {
    this.ids.set(name, Buffer.from(`id ${++this.madeTopics}`.padEnd(16)).toString('base64url'))
    this.topics.set(
      name,
      Array.from({ length: partitions }, () => ({ entries: [], first: 0n })),
    )
  }

  /** Appends records as another producer would. */
  append(to: Target, records: readonly OutgoingRecord[]): void {
    this.log(to).entries.push(...records.map((record) => ({ record, transaction: undefined })))
    this.fetchSoon()
  }

  /** Takes the records below an offset away. */
  deleteBelow(of: Target, offset: bigint): void {
    this.log(of).first = offset
  }

  /** What readers of committed records get: the values, in order. */
  read(of: Target): FetchedRecord[] {
    return this.visible(this.log(of))
  }

  /** Whether a reader is held up by a transaction that is open. */
  hasOpen(of: Target): boolean {
    return this.log(of).entries.some(({ transaction }) => transaction?.state === 'open')
  }

  /** Where a group stands. */
  offsetOf(group: string, of: Target): bigint | undefined {
    return this.offsets.get(keyOf(group, of))?.offset
  }

  metadataOf(group: string, of: Target): string | undefined {
    return this.offsets.get(keyOf(group, of))?.metadata
  }

  setOffset(group: string, of: Target, offset: bigint, metadata = ''): void {
    this.offsets.set(keyOf(group, of), { offset, metadata })
  }

  forgetOffset(group: string, of: Target): void {
    this.offsets.delete(keyOf(group, of))
  }

  /** Has calls take effect that were told to have failed. */
  deliverLate(): void {
    for (const run of this.late.splice(0)) {
      try {
        run()
      } catch (error) {
        this.refused.push((error as Error).message)
      }
    }
  }

  /** Has the group assign its partitions anew. `to`: which member has which; else in turn. */
  rebalance(group: string, to?: readonly (readonly number[])[]): void {
    const members = this.groups.get(group) ?? []
    for (const [i, member] of members.entries()) {
      if (member.isFrozen) continue
      const count = this.topics.get(member.topic)!.length
      const all = Array.from({ length: count }, (_, partition) => partition)
      const partitions = to?.[i] ?? all.filter((partition) => partition % members.length === i)
      this.assign(member, [...partitions])
    }
  }

  /** Tells a member that it is out of the group. */
  expel(group: string, index: number, isFinal: boolean, code = 'ERR_KAFKA_MEMBERSHIP'): void {
    const member = this.groups.get(group)![index]!
    member.partitions = []
    if (isFinal) this.groups.get(group)!.splice(index, 1)
    member.listener.onLost(new MemoryKafkaError(code, 'The member is not known.'), isFinal)
  }

  /** Ends a member as `kill -9` does: it hears nothing more, and its partitions go to others. */
  kill(group: string, index: number): void {
    const [member] = this.groups.get(group)!.splice(index, 1)
    member!.isFrozen = true
    this.rebalance(group)
  }

  /** Answers a heartbeat of every member. */
  beat(): void {
    for (const members of this.groups.values()) {
      for (const member of members) if (!member.isFrozen) member.listener.onHeartbeat()
    }
  }

  /** Tells a member that a partition cannot be read. */
  fault(group: string, index: number, partition: number, code: string): void {
    const member = this.groups.get(group)![index]!
    member.paused.add(partition)
    member.listener.onFault(partition, new MemoryKafkaError(code, 'It cannot be read.'))
  }

  /** Hands a batch to a member, whatever it asked for. */
  force(group: string, index: number, batch: Parameters<GroupListener['onBatch']>[0]): Promise<boolean> {
    const turn = { isStale: false, heartbeat: () => Promise.resolve() }
    return this.groups.get(group)![index]!.listener.onBatch(batch, turn)
  }

  /** The cluster as a process of this name sees it. */
  cluster(process: string): KafkaCluster {
    return {
      name: 'memory',
      onCredentials: (listener) => {
        this.onCredentials.add(listener)
        return () => void this.onCredentials.delete(listener)
      },
      admin: this.admin(process),
      join: (group, topic, listener) => Promise.resolve(this.join(group, topic, listener)),
      producer: () => Promise.resolve(this.producer(process)),
      transactional: (id) => Promise.resolve(this.transactional(process, id)),
      read: (of, from, to) => this.reading(of, from, to),
      close: () => Promise.resolve(),
    }
  }

  private checkSize(records: readonly OutgoingRecord[]): void {
    const bytes = records.reduce((sum, record, i) => sum + recordBytes(record, i), batchHeadBytes)
    if (bytes > this.mostSendBytes) throw new MemoryKafkaError('ERR_KAFKA_SIZE', `${bytes} bytes are too large.`)
  }

  private log({ topic, partition }: Target): Log {
    const log = this.topics.get(topic)?.[partition]
    if (log === undefined) throw new MemoryKafkaError('ERR_KAFKA_TOPIC', `There is no ${topic}/${partition}.`)
    return log
  }

  /** Up to the first record of a transaction that is open; markers and aborted records are left out. */
  private visible(log: Log, from = log.first): FetchedRecord[] {
    const records: FetchedRecord[] = []
    for (const [at, { record, transaction }] of log.entries.entries()) {
      if (transaction?.state === 'open') break
      const offset = BigInt(at)
      if (offset < from || record === undefined || transaction?.state === 'aborted') continue
      const { key, value, headers = [] } = record
      records.push({ offset, key, value, headers, timestampMs: timeOf(record) })
    }
    return records
  }

  private async *reading(of: Target, from: bigint, to: bigint): AsyncGenerator<readonly FetchedRecord[]> {
    const log = this.log(of)
    if (from < log.first) throw new MemoryKafkaError('ERR_KAFKA_OFFSET', `The log begins at ${log.first}.`)
    const records = this.visible(log, from).filter(({ offset }) => offset < to)
    for (let at = 0; at < records.length; at += this.fetchRecords) yield records.slice(at, at + this.fetchRecords)
  }

  /** Has a call happen as its fate is. */
  private async call<T>(call: Call, process: string, id: string | undefined, effect: () => T): Promise<T> {
    this.calls.push(`${process} ${call}`)
    await Promise.resolve()
    const fate = this.fateOf(call, { process, ...(id === undefined ? {} : { id }) })
    const timeOut = new MemoryKafkaError('ERR_KAFKA_TIMEOUT', `${call} was not answered.`)
    if (fate === 'too large') throw new MemoryKafkaError('ERR_KAFKA_SIZE', 'The records are too large.')
    if (fate === 'forbidden') throw new MemoryKafkaError('ERR_KAFKA_ACL', `${call} is not allowed.`)
    if (fate === 'lost') throw timeOut
    if (fate === 'late') {
      this.late.push(() => void effect())
      throw timeOut
    }
    if (fate === 'hang') return new Promise<never>(() => undefined)
    const result = effect()
    if (fate === 'hang after') return new Promise<never>(() => undefined)
    if (fate === 'unanswered') throw timeOut
    return result
  }

  private admin(process: string): ClusterAdmin {
    const range = (of: Target) => {
      const log = this.log(of)
      return { first: log.first, end: BigInt(log.entries.length) }
    }
    return {
      clusterId: () => Promise.resolve('memory'),
      topicId: async (topic) => {
        const id = this.ids.get(topic)
        if (id === undefined) throw new MemoryKafkaError('ERR_KAFKA_TOPIC', `There is no ${topic}.`)
        return this.hasTopicIds ? id : undefined
      },
      describe: async (names) =>
        names.map((name) => {
          const logs = this.topics.get(name)
          if (logs === undefined) return undefined
          const size = this.tellsSize ? { 'max.message.bytes': String(this.mostSendBytes) } : {}
          const config = { ...this.topicConfig, ...size }
          return { name, leaders: logs.map(() => 1), replicas: 1, config }
        }),
      create: async (topics) => {
        for (const { name, partitions } of topics) this.makeTopic(name, partitions)
      },
      grow: async (topic, partitions) => {
        const logs = this.topics.get(topic)!
        while (logs.length < partitions) logs.push({ entries: [], first: 0n })
      },
      committed: (group, of) => this.call('committed', process, undefined, () => this.offsets.get(keyOf(group, of))),
      setCommitted: async (group, of, offset, metadata) => {
        if ((this.groups.get(group) ?? []).length > 0) throw new MemoryKafkaError('ERR_KAFKA_GROUP', 'It has members.')
        this.offsets.set(keyOf(group, of), { offset, metadata })
      },
      logs: async (topic, partitions) =>
        new Map(partitions.map((partition) => [partition, this.logOffsets({ topic, partition })])),
      since: async (topic, partitions, ms) => {
        const found = partitions.map((partition) => [partition, this.offsetSince({ topic, partition }, ms)] as const)
        return new Map(found.flatMap(([partition, offset]) => (offset === undefined ? [] : [[partition, offset]])))
      },
      allCommitted: async (group, topic, partitions) =>
        new Map(
          partitions.flatMap((partition) => {
            const committed = this.offsets.get(keyOf(group, { topic, partition }))
            return committed === undefined ? [] : [[partition, committed]]
          }),
        ),
      range: (of) => this.call('range', process, undefined, () => range(of)),
    }
  }

  private logOffsets(of: Target): LogOffsets {
    const { first, entries } = this.log(of)
    const open = entries.findIndex(({ transaction }) => transaction?.state === 'open')
    return { first, stable: BigInt(open < 0 ? entries.length : open), end: BigInt(entries.length) }
  }

  private offsetSince(of: Target, ms: number): bigint | undefined {
    const found = this.log(of).entries.findIndex(({ record }) => timeOf(record) >= ms)
    return found < 0 ? undefined : BigInt(found)
  }

  private producer(process: string): Producer {
    let isOver = false
    return {
      send: async (to, records) => {
        if (isOver) throw new Error('A producer was used after its end.')
        try {
          return await this.call('send', process, undefined, () => {
            this.checkSize(records)
            const log = this.log(to)
            const first = BigInt(log.entries.length)
            log.entries.push(...records.map((record) => ({ record: copyOf(record), transaction: undefined })))
            this.fetchSoon()
            return first
          })
        } catch (error) {
          isOver = true
          throw error
        }
      },
      discard: () => {
        isOver = true
      },
    }
  }

  private transactional(process: string, id: string): TransactionalProducer {
    const state = { epoch: -1, isOver: false }
    return {
      initialise: () =>
        this.call('initialise', process, id, () => {
          state.epoch = (this.epochs.get(id) ?? -1) + 1
          this.epochs.set(id, state.epoch)
          this.finish(this.open.get(id), 'aborted')
        }),
      begin: () => this.call('begin', process, id, () => this.transaction(process, id, state)),
      discard: () => {
        state.isOver = true
      },
    }
  }

  private transaction(process: string, id: string, state: { epoch: number; isOver: boolean }): ProducerTransaction {
    const { epoch } = state
    const run = async <T>(call: Call, effect: (transaction: OpenTransaction) => T): Promise<T> => {
      if (state.isOver) throw new Error('A producer was used after its end.')
      try {
        return await this.call(call, process, id, () => effect(this.current(id, epoch, `${process} ${call}`)))
      } catch (error) {
        state.isOver = true
        throw error
      }
    }
    return {
      send: (to, records) =>
        run('send', (transaction) => {
          this.checkSize(records)
          const log = this.log(to)
          const first = BigInt(log.entries.length)
          log.entries.push(...records.map((record) => ({ record: copyOf(record), transaction })))
          transaction.logs.add(log)
          return first
        }),
      moveOffset: (group, of, offset, metadata) =>
        run('moveOffset', (transaction) => {
          transaction.offsets.push({ key: keyOf(group, of), committed: { offset, metadata } })
        }),
      commit: () => run('commit', (transaction) => this.finish(transaction, 'committed')),
      abort: () => run('abort', (transaction) => this.finish(transaction, 'aborted')),
    }
  }

  /** The open transaction of the id. Errors: where the epoch is an old one. */
  private current(id: string, epoch: number, what: string): OpenTransaction {
    if (this.epochs.get(id) !== epoch) {
      this.refused.push(what)
      throw new MemoryKafkaError('ERR_KAFKA_FENCED', `${what}: there is a newer producer.`)
    }
    let transaction = this.open.get(id)
    if (transaction === undefined) {
      this.open.set(id, (transaction = { id, epoch, state: 'open', logs: new Set(), offsets: [] }))
    }
    return transaction
  }

  private finish(transaction: OpenTransaction | undefined, how: 'committed' | 'aborted'): void {
    if (transaction === undefined) return
    transaction.state = how
    this.open.delete(transaction.id)
    for (const log of transaction.logs) log.entries.push({ record: undefined, transaction: undefined })
    if (how === 'committed') for (const { key, committed } of transaction.offsets) this.offsets.set(key, committed)
    this.fetchSoon()
  }

  private join(group: string, topic: string, listener: GroupListener): GroupMember {
    const member: Member = {
      ...{ topic, listener, partitions: [], isFrozen: false },
      ...{ paused: new Set(), places: new Map(), busy: new Set(), stale: new Map() },
    }
    this.groups.set(group, [...(this.groups.get(group) ?? []), member])
    queueMicrotask(() => this.rebalance(group))
    const touch = (partition: number) => member.stale.set(partition, (member.stale.get(partition) ?? 0) + 1)
    return {
      pause: (partitions) => {
        for (const partition of partitions) {
          member.paused.add(partition)
          touch(partition)
        }
      },
      resume: (partitions) => {
        for (const partition of partitions) member.paused.delete(partition)
        this.fetchSoon()
      },
      seek: (partition, offset) => {
        member.places.set(partition, offset)
        touch(partition)
        this.fetchSoon()
      },
      close: async () => {
        member.isFrozen = true
        const members = this.groups.get(group)!
        if (members.includes(member)) members.splice(members.indexOf(member), 1)
        this.rebalance(group)
      },
    }
  }

  private assign(member: Member, partitions: number[]): void {
    member.listener.onRevoked()
    member.partitions = partitions
    for (const partition of partitions) {
      member.paused.add(partition)
      member.stale.set(partition, (member.stale.get(partition) ?? 0) + 1)
    }
    member.listener.onAssigned(partitions)
  }

  private fetchSoon(): void {
    setImmediate(() => {
      for (const members of this.groups.values()) for (const member of members) this.fetch(member)
    })
  }

  private fetch(member: Member): void {
    for (const partition of member.partitions) {
      if (member.isFrozen || member.paused.has(partition) || member.busy.has(partition)) continue
      const log = this.log({ topic: member.topic, partition })
      const from = member.places.get(partition) ?? 0n
      const records = this.visible(log, from).slice(0, this.fetchRecords)
      if (records.length > 0) void this.hand(member, partition, records)
    }
  }

  /** Hands out memory that is overwritten when it is released: whoever reads in it still writes nonsense. */
  private lend(records: readonly FetchedRecord[]): Pick<FetchedBatch, 'records' | 'release'> {
    const lent = records.map((record) => ({ ...record, ...copyOf({ ...record, value: record.value ?? Buffer.of() }) }))
    const release = () => {
      this.released++
      for (const { key, value } of lent) for (const bytes of [key, value]) if (bytes !== null) bytes.fill(0xee)
    }
    return { records: lent.map((each, i) => (records[i]!.value === null ? { ...each, value: null } : each)), release }
  }

  private async hand(member: Member, partition: number, records: FetchedRecord[]): Promise<void> {
    const mark = member.stale.get(partition) ?? 0
    const isStale = () => mark !== member.stale.get(partition) || !member.partitions.includes(partition)
    const turn: BatchTurn = {
      get isStale() {
        return isStale()
      },
      heartbeat: () => Promise.resolve(),
    }
    member.busy.add(partition)
    try {
      const end = this.logOffsets({ topic: member.topic, partition }).stable
      const behind = records.at(-1)!.offset + 1n
      // Markers that follow at the end of the log are behind, too.
      const next = this.visible(this.log({ topic: member.topic, partition }), behind).length === 0 ? end : behind
      const isDone = await member.listener.onBatch({ partition, ...this.lend(records), next, end }, turn)
      if (isDone && !isStale()) member.places.set(partition, behind)
    } catch (error) {
      member.listener.onLost(error as Error, false)
    } finally {
      member.busy.delete(partition)
      this.fetchSoon()
    }
  }
}

/** Times stand in a header, `at`: the broker's, by the test's clock. */
function timeOf(record: OutgoingRecord | undefined): number {
  return Number(record?.headers?.find(([name]) => name === 'at')?.[1] ?? 0)
}

function keyOf(group: string, { topic, partition }: Target): string {
  return `${group} ${topic} ${partition}`
}

function copyOf({ key, value, headers = [] }: OutgoingRecord): OutgoingRecord {
  return { key: key === null ? null : Buffer.from(key), value: Buffer.from(value), headers: [...headers] }
}

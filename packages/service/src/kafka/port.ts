// The port of Kafka: values, offsets, positions and transactions, in types of our own. Types only: the implementation on
// kafkajs is beside it, the callers are ../sources and ../sinks. Nothing of a client library shows here.

/** A header of a record. */
export type KafkaHeader = readonly [name: string, value: Uint8Array | null]

/** A record as a broker has it. *Ownership*: the receiver's until it releases the batch. */
export interface FetchedRecord {
  readonly offset: bigint
  readonly key: Uint8Array | null
  /** Null: a tombstone. */
  readonly value: Uint8Array | null
  readonly headers: readonly KafkaHeader[]
  /** Milliseconds since 1970; the broker's or the producer's, as the topic has it. */
  readonly timestampMs: number
}

/** Records of one partition, neighbours in the log; there is at least one. */
export interface FetchedBatch {
  readonly partition: number
  readonly records: readonly FetchedRecord[]
  /** Offset behind the last of them and the markers of transactions that follow it in the batch. */
  readonly next: bigint
  /** Offset behind the last record that the partition has for readers of committed records. */
  readonly end: bigint
  /** Says that the records are not read any more. Not saying it costs memory, and nothing else. */
  release?(): void
}

/** A record to be written. */
export interface OutgoingRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array
  readonly headers?: readonly KafkaHeader[]
}

/** What a member of a group is told. Nothing here may throw but `onBatch`. */
export interface GroupListener {
  /**
   * The member has these partitions now, and no others; all of them are paused. Called after every rebalance, also where
   * nothing changed.
   */
  onAssigned(partitions: readonly number[]): void
  /** The member has lost what it had, or is about to. Told, where not `onLost` is, before each `onAssigned` but the first. */
  onRevoked(): void
  /**
   * Takes a batch of a partition that is not paused; the next one of the same partition comes after the promise settled.
   * Other partitions wait for it a second at most; a rebalance does not wait longer either.
   * Resolves with whether the batch is done: if not, the next fetch begins where `seek()` said, or with the same batch.
   * *Errors*: whatever it throws is told to `onLost`.
   */
  onBatch(batch: FetchedBatch, turn: BatchTurn): Promise<boolean>
  /** A heartbeat was answered: the member is alive and in the group. */
  onHeartbeat(): void
  /**
   * What comes next in the partition cannot be read: damaged, in an unknown form, too large (`ERR_KAFKA_CRC`, `_CODEC`,
   * `_SIZE`), or its offset is outside of the log (`ERR_KAFKA_OFFSET`). The partition is paused; nothing was committed.
   */
  onFault(partition: number, error: Error): void
  /**
   * The member is out of the group. Where `isFinal` is false the client tries to join again, for ever. It is true where no
   * waiting helps: a group that others use in another way, a password or a right that is refused.
   */
  onLost(error: Error, isFinal: boolean): void
}

/** What can be asked while a batch is worked on. */
export interface BatchTurn {
  /** Whether the partition was taken away, paused or sought since the batch was fetched. */
  readonly isStale: boolean
  /**
   * Tells the group that the member is alive, where the last time is long enough ago. *Errors*: `ERR_KAFKA_MEMBERSHIP`, and
   * what keeps a call from being answered; `onBatch` throws it on.
   */
  heartbeat(): Promise<void>
}

/** A member of a consumer group that reads one topic, read_committed, and never commits by itself. */
export interface GroupMember {
  pause(partitions: readonly number[]): void
  resume(partitions: readonly number[]): void
  /** Has the next fetch of the partition begin there. */
  seek(partition: number, offset: bigint): void
  /** Leaves the group. Never throws. */
  close(): Promise<void>
}

/** A partition of a topic that records are written to. */
export interface Target {
  readonly topic: string
  readonly partition: number
}

/** Writes records to partitions, idempotently: one send at a time for each partition. */
export interface Producer {
  /**
   * Writes records to one partition as one record batch, acknowledged by all replicas in sync. Resolves with the offset of
   * the first. *Errors*: `KafkaError`; then nothing may be sent any more, and whether the records are written is unknown.
   */
  send(to: Target, records: readonly OutgoingRecord[]): Promise<bigint>
  /** Gives the connections up, at once; what is under way is unknown. Never throws. */
  discard(): void
}

/** A producer with a transactional id: whoever initialises it last owns it, and every one before is refused. */
export interface TransactionalProducer {
  /**
   * Fences every former owner of the id; once for each producer. When it resolves, what they had pending is settled for good: offsets that are
   * read from now on are final.
   */
  initialise(): Promise<void>
  /** Begins a transaction; one at a time. */
  begin(): Promise<ProducerTransaction>
  /** Gives the producer up, at once, with what is under way. Never throws. */
  discard(): void
}

/** A transaction of a producer. After an error of any of its calls nothing may be asked of it or its producer but `discard()`. */
export interface ProducerTransaction {
  /** As `Producer.send`; the records count with the transaction. */
  send(to: Target, records: readonly OutgoingRecord[]): Promise<bigint>
  /** Has the group's offset move with the transaction. */
  moveOffset(group: string, of: Target, offset: bigint, metadata: string): Promise<void>
  /** *Errors*: after one it is not known whether the transaction counts. */
  commit(): Promise<void>
  /** Only with every send answered. */
  abort(): Promise<void>
}

/** Where a group stands in a partition. */
export interface CommittedOffset {
  readonly offset: bigint
  readonly metadata: string
}

/** Offsets of a partition: [first, end). `end` counts what is not committed yet too. */
export interface OffsetRange {
  readonly first: bigint
  readonly end: bigint
}

/** Where a partition's log stands. *Invariant*: `first` ≤ `stable` ≤ `end`, as of three moments that follow each other. */
export interface LogOffsets extends OffsetRange {
  /** The last stable offset: behind it lie transactions that are open, and what readers of committed records do not see. */
  readonly stable: bigint
}

/** What a topic should be like. */
export interface TopicWanted {
  readonly name: string
  readonly partitions: number
  readonly replicas: number
  /** Settings of the topic, as the broker names them. */
  readonly config: Readonly<Record<string, string>>
}

/** What a topic is like. */
export interface TopicFound {
  readonly name: string
  /** For each partition, its leader's id, or undefined while it has none. */
  readonly leaders: readonly (number | undefined)[]
  /** Of the partition that has the fewest. */
  readonly replicas: number
  readonly config: Readonly<Record<string, string>>
}

/** What is asked of a cluster. Each call is tried again, within `requestMs`, where that can help. */
export interface ClusterAdmin {
  readonly clusterId: () => Promise<string>
  /**
   * The id of a topic, 22 characters as Kafka's own tools have it: one of the same name that is made anew has another.
   * Undefined: brokers before 3.1, and clusters whose topics have none. *Errors*: `ERR_KAFKA_TOPIC`: there is no such topic.
   */
  topicId(topic: string): Promise<string | undefined>
  describe(topics: readonly string[]): Promise<readonly (TopicFound | undefined)[]>
  create(topics: readonly TopicWanted[]): Promise<void>
  grow(topic: string, partitions: number): Promise<void>
  /** Undefined: the group has none. */
  committed(group: string, of: Target): Promise<CommittedOffset | undefined>
  /** Sets the offset of a group that has no members. */
  setCommitted(group: string, of: Target, offset: bigint, metadata: string): Promise<void>
  range(of: Target): Promise<OffsetRange>
  /** Where the logs of several partitions stand, by partition. */
  logs(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, LogOffsets>>
  /** The first offset of each partition whose time is `ms` since 1970 or later; none is given where all are older. */
  since(topic: string, partitions: readonly number[], ms: number): Promise<ReadonlyMap<number, bigint>>
  /** Where a group stands in several partitions; none is given where it has no offset. */
  allCommitted(group: string, topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, CommittedOffset>> // prettier-ignore
}

/** A cluster, as one process sees it. */
export interface KafkaCluster {
  /** What messages call it: its first brokers. */
  readonly name: string
  /** Calls `listener` when changed credentials are in force, for the next connections. Returns what ends that. */
  onCredentials(listener: () => void): () => void
  readonly admin: ClusterAdmin
  join(group: string, topic: string, listener: GroupListener): Promise<GroupMember>
  producer(): Promise<Producer>
  transactional(id: string): Promise<TransactionalProducer>
  /**
   * Yields the committed records with offsets in [from, to), in order and in pieces, for nobody's group. Ends early where the
   * rest is not committed yet. *Ownership*: a piece may be read until the next one is asked for. *Errors*:
   * `ERR_KAFKA_OFFSET` where the log does not hold `from`, and others of `KafkaError`.
   */
  read(of: Target, from: bigint, to: bigint): AsyncIterable<readonly FetchedRecord[]>
  /** Ends all connections. Never throws. */
  close(): Promise<void>
}

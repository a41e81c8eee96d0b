// Looks from time to time at what happens to the partitions of this process besides their records: how far the group is
// from the start of the log, what stops readers though records come, and whether members judge by different rules. Changes
// nothing. Called by kafka.ts.

import { counted } from '../counted.ts'
import type { ClusterAdmin, CommittedOffset, LogOffsets } from '../kafka/port.ts'
import type { Clock, StartTimer } from '../time.ts'

/** Time until the first look, and between two, in milliseconds. */
const [firstLookMs, lookMs] = [2_000, 30_000]
/** A transaction of ours is over in a minute; one that holds readers up for longer hangs. */
const hangsAfterMs = 3 * 60_000
/** A swap of rules takes seconds; members that differ for longer have not all heard of it. */
const differAfterMs = 5 * 60_000
/** A partition that has not moved for so long says nothing of the rules in force. Shorter than the time above. */
const freshMs = 4 * 60_000
/** How the version of a rule set is written: what else is noted with an offset is none. */
const versionPattern = /^[0-9a-f]{16}$/

/** What is found of a partition in which the group has an offset. */
export interface PartitionFigures {
  readonly log: LogOffsets
  /** Where the group stands. */
  readonly offset: bigint
  /** Whether more than half of the time or the bytes is over for which what comes next is kept. */
  readonly isLate: boolean
}

/** Something that somebody has to look into, though nothing is stopped for it. */
export interface KafkaWarning {
  readonly kind: 'retention' | 'hanging_transaction' | 'rule_versions'
  /** Absent where it is about the group. */
  readonly topic?: string
  readonly partition?: number
  readonly message: string
}

/** What a watch is made of. */
export interface KafkaWatchOptions {
  readonly admin: Pick<ClusterAdmin, 'describe' | 'logs' | 'since' | 'allCommitted'>
  readonly group: string
  readonly topic: string
  /** Topics that are written on the same cluster. */
  readonly outputs: readonly string[]
  /** Those of this process. */
  readonly partitions: () => readonly number[]
  /** Milliseconds, never going back. */
  readonly clock: Clock
  /** Milliseconds since 1970: records are kept by the time of day. */
  readonly now: Clock
  readonly startTimer: StartTimer
  /** Told of a warning that was not there before, and of one that is over. */
  readonly onWarning: (warning: KafkaWarning, isOver: boolean) => void
  /** Told that nothing can be found out at present; what was found before holds no more. */
  readonly onProblem: (error: unknown) => void
}

/** A log whose readers stand still. */
interface Held {
  readonly stable: bigint
  readonly end: bigint
  readonly sinceMs: number
}

/** *Order of calls*: `begin()`, `close()`. `look()` at any time. */
export class KafkaWatch {
  private readonly options: KafkaWatchOptions
  private figures: ReadonlyMap<number, PartitionFigures> = new Map()
  private current = new Map<string, KafkaWarning>()
  /** By topic and partition. */
  private readonly held = new Map<string, Held>()
  /** Where each partition of the group stood last, and when it came there. */
  private readonly moves = new Map<number, { readonly committed: CommittedOffset; readonly atMs: number }>()
  private differSinceMs: number | undefined
  private isClosed = false
  private stopTimer: () => void = () => undefined

  constructor(options: KafkaWatchOptions) {
    this.options = options
  }

  /** What was found of a partition at the last look; absent where nothing is known. */
  figuresOf(partition: number): PartitionFigures | undefined {
    return this.figures.get(partition)
  }

  /** What is to be looked into at present. */
  get warnings(): readonly KafkaWarning[] {
    return [...this.current.values()]
  }

  /** Looks again and again. */
  begin(afterMs = firstLookMs): void {
    if (this.isClosed) return
    this.stopTimer = this.options.startTimer(afterMs, () => void this.look().then(() => this.begin(lookMs)))
  }

  close(): void {
    this.isClosed = true
    this.stopTimer()
  }

  /** Looks now. Never rejects. */
  async look(): Promise<void> {
    const partitions = this.options.partitions()
    try {
      const found = partitions.length === 0 ? { figures: new Map(), warnings: [] } : await this.find(partitions)
      this.figures = found.figures
      this.tell(found.warnings)
    } catch (error) {
      this.figures = new Map()
      if (!this.isClosed) this.options.onProblem(error)
    }
  }

  private async find(partitions: readonly number[]) {
    const { admin, group, topic, outputs } = this.options
    const [described] = await admin.describe([topic])
    const { leaders = [], config = {} } = described ?? {}
    const committed = await admin.allCommitted(group, topic, [...leaders.keys()])
    const logs = await admin.logs(topic, partitions)
    const warnings: KafkaWarning[] = [...this.hanging(topic, logs)]
    for (const output of new Set(outputs)) warnings.push(...this.hanging(output, await admin.logs(output, partitions)))
    const isLate = await this.lateness(partitions, config)
    const figures = new Map<number, PartitionFigures>()
    for (const [partition, log] of logs) {
      const offset = committed.get(partition)?.offset
      if (offset === undefined) continue
      const about = { log, offset, isLate: log.stable > offset && isLate(partition, log, offset) }
      figures.set(partition, about)
      if (about.isLate) warnings.push(lateWarning(topic, partition, about))
    }
    return { figures, warnings: [...warnings, ...this.differing(committed)] }
  }

  /** Returns what judges where a group stands against what the topic keeps. */
  private async lateness(partitions: readonly number[], config: Readonly<Record<string, string>>) {
    const { admin, topic, now } = this.options
    const [keptMs, keptBytes] = [Number(config['retention.ms'] ?? -1), Number(config['retention.bytes'] ?? -1)]
    const young = keptMs > 0 ? await admin.since(topic, partitions, now() - keptMs / 2) : undefined
    return (partition: number, { first, end }: LogOffsets, offset: bigint) => {
      // Where all that is there is older, there is no such offset.
      const isOld = young !== undefined && offset < (young.get(partition) ?? end)
      // By bytes a log that has lost its beginning is full, and offsets stand for bytes.
      const isFar = keptBytes > 0 && first > 0n && 2n * (end - offset) > end - first
      return isOld || isFar
    }
  }

  /** Logs whose last stable offset stands still while more is written. */
  private *hanging(topic: string, logs: ReadonlyMap<number, LogOffsets>): Generator<KafkaWarning, void, undefined> {
    const nowMs = this.options.clock()
    for (const [partition, { stable, end }] of logs) {
      const key = `${topic}/${partition}`
      const before = this.held.get(key)
      if (stable === end) this.held.delete(key)
      else if (before?.stable !== stable) this.held.set(key, { stable, end, sinceMs: nowMs })
      else if (nowMs - before.sinceMs > hangsAfterMs && end > before.end) {
        const message = `A transaction is open at offset ${stable} of ${key}, and readers see nothing behind it: \`kafka-transactions.sh find-hanging\` tells whose it is.`
        yield { kind: 'hanging_transaction', topic, partition, message }
      }
    }
  }

  /** Offsets carry the version of the rules by which what lies below them was judged. */
  private differing(committed: ReadonlyMap<number, CommittedOffset>): KafkaWarning[] {
    const nowMs = this.options.clock()
    const versions = new Set<string>()
    for (const [partition, each] of committed) {
      const before = this.moves.get(partition)
      // What stood there at the first look may be from long ago.
      const atMs = before === undefined ? Number.NEGATIVE_INFINITY : before.atMs
      const hasMoved = before !== undefined && before.committed.offset !== each.offset
      this.moves.set(partition, { committed: each, atMs: hasMoved ? nowMs : atMs })
      const isFresh = nowMs - this.moves.get(partition)!.atMs <= freshMs
      if (isFresh && versionPattern.test(each.metadata)) versions.add(each.metadata)
    }
    this.differSinceMs = versions.size < 2 ? undefined : (this.differSinceMs ?? nowMs)
    if (this.differSinceMs === undefined || nowMs - this.differSinceMs <= differAfterMs) return []
    const message = `Members of the group ${this.options.group} judge by different rules: ${[...versions].sort().join(', ')}. Load the same ones everywhere.`
    return [{ kind: 'rule_versions', message }]
  }

  private tell(warnings: readonly KafkaWarning[]): void {
    const before = this.current
    this.current = new Map(warnings.map((warning) => [keyOf(warning), warning]))
    for (const [key, warning] of this.current) if (!before.has(key)) this.options.onWarning(warning, false)
    for (const [key, warning] of before) if (!this.current.has(key)) this.options.onWarning(warning, true)
  }
}

function lateWarning(topic: string, partition: number, { log, offset }: PartitionFigures): KafkaWarning {
  const message = `More than half of the time or bytes is over for which ${topic}/${partition} keeps what comes next: the group is ${counted(log.stable - offset, 'offset')} behind, and ${counted(offset - log.first, 'offset')} from the start of the log.`
  return { kind: 'retention', topic, partition, message }
}

function keyOf({ kind, topic = '', partition = -1 }: KafkaWarning): string {
  return `${kind} ${topic} ${partition}`
}

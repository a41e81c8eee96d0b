// A partition of a topic as objects of a bucket: each record in exactly one. Reads, builds an object, writes it where there
// is none with its name, and only then commits the offset behind it; what is in the way was written by somebody who read
// the same log, and is adopted. Building and comparing are in archive-object.ts, waiting for the store in patience.ts.
// Called by ../commands.
//
// A1  An object's name says its first record, and nothing of who writes it: whoever begins there meets what is written.
// A2  Every committed offset stands behind an object that exists, or where the group began. So from any of them, even an
//     old one, the next name is either free or the object that belongs there.
// A3  An object is never written over: what differs stops the partition.
// A4  One object at a time: the next is begun when the offset behind this one is committed.
// A5  What fills a gap ends where the next object begins: as long as there may be objects behind, names are looked at first.
//     Where the offset was set or lost, that is up to the end of the log, and noted with each offset on the way.

import { offsetNote, readOffsetNote } from '../objects/offset-note.ts'
import type { MessagesValue, Restart, Source, SourceValue } from '../ports/source.ts'
import { noteBegin } from './archive-begin.ts'
import type { BeginParts } from './archive-begin.ts'
import { ArchiveObject } from './archive-object.ts'
import type { ArchivedRecord, ArchiveParts, LogIdentity, ObjectEnd } from './archive-object.ts'
import { refuseMiddle } from './archive-neighbours.ts'
import { Patience } from './patience.ts'
import type { Session, SessionHooks } from './session.ts'

/** Most bytes that are handed to the builder at a time: whether an object is full is asked between. */
const mostRunBytes = 1 << 20

/** One session of an archived partition. */
export class ArchiveSession implements Session<bigint> {
  private readonly parts: ArchiveParts
  private open: ArchiveObject | undefined
  /** Offset behind the last record of the object before. */
  private chain = 0n
  /** Offset behind everything that was read. */
  private readTo = 0n
  /** Offset where the group stands. */
  private committed = 0n
  /** Whether nothing is known of what is written behind the committed offset. */
  private isFresh = true
  /** Whether the committed offset may lie within an object: nothing was noted with it by an archive. */
  private isUnsure = true
  /** Whether names are looked at up to the end of the log: where somebody has set the offset, any may be taken and any free. */
  private looksToEnd = true
  private identity: LogIdentity | undefined
  private begins = false
  private wake: () => void = () => undefined

  constructor(parts: ArchiveParts) {
    this.parts = parts
  }

  /** When the open object was begun, in milliseconds since 1970 by our clock; undefined where none is open. */
  get openSinceMs(): number | undefined {
    return this.open?.begunMs
  }

  /** Whether an object is being begun; of a session that has failed, whether it was. */
  get isBeginning(): boolean {
    return this.begins
  }

  /** What the open object holds. */
  get status(): ArchiveObject['status'] | undefined {
    return this.open?.status
  }

  async run(source: Source<bigint>, hooks: SessionHooks<bigint>): Promise<Error | undefined> {
    const values = source.values()[Symbol.asyncIterator]()
    const reader = new TimedReader(values, this.parts, hooks.signal)
    this.wake = () => reader.wake()
    const writing = { source, hooks, patience: new Patience(this.parts, hooks) }
    try {
      for (;;) {
        const next = await reader.next(this.idleMs)
        if (next === 'late') await this.endLate(writing)
        else if (next.done === true) return undefined
        else await this.take(messagesOnly(next.value), writing)
      }
    } catch (error) {
      // Not awaited: a source that waits for input ends only when it is woken.
      void Promise.resolve(values.return?.()).catch(() => undefined)
      if (hooks.stopping.aborted && writing.patience.hasGivenUp) return undefined
      throw error
    }
  }

  /** What is open comes again: its records are in the topic, and the object is to be as large as it can. */
  async finish(): Promise<void> {
    await this.drop()
  }

  async discard(): Promise<void> {
    await this.drop()
  }

  /** Milliseconds until the open object has waited for long enough; undefined where nothing waits. */
  private get idleMs(): number | undefined {
    return this.open?.idleMs(this.parts.clock())
  }

  /** Ends the open object if its time has come, or it has to make room. */
  private async endLate(writing: Writing): Promise<void> {
    const { open } = this
    // Woken for an object that has gone since.
    if (open === undefined) return
    // Whoever has the partition by now reads the same records. A rival that is late is no harm (A3), and no help.
    if (!this.parts.isOurs()) return this.drop()
    // What is only compared ends where the other ends, and needs no room that is worth it.
    const why = open.endAfter(this.readTo) ?? (this.idleMs === 0 ? 'idle' : undefined)
    if (why !== undefined) await this.end(why, this.readTo, writing)
  }

  private async take(value: MessagesValue<bigint>, writing: Writing): Promise<void> {
    if (value.restart !== undefined) await this.restart(value.restart)
    const { values, origins } = value
    let run: Uint8Array[] = []
    let runBytes = 0
    for (const [i, origin] of origins.entries()) {
      const bytes = values[i]
      // Tombstones, and values without a record.
      if (bytes === null || bytes === undefined || bytes.length === 0) continue
      const record = { offset: origin.offset, timeMs: origin.timestampMs, headers: origin.headers, bytes: bytes.length }
      if (runBytes >= mostRunBytes || this.endBefore(record) !== undefined) {
        await this.open!.add(run)
        ;[run, runBytes] = [[], 0]
        const end = this.endBefore(record)
        if (end !== undefined) await this.end(end, record.offset, writing)
      }
      this.open ??= await this.begin(record, value, writing)
      this.open.count(record)
      run.push(bytes)
      runBytes += bytes.length
    }
    if (run.length > 0) await this.open!.add(run)
    this.readTo = value.position
    if (value.isAtEnd === true) this.looksToEnd = false
    this.open?.read(value.position, value.isAtEnd === true, this.parts.clock())
    const end = this.open?.endAfter(value.position)
    if (end !== undefined) await this.end(end, value.position, writing)
    else if (value.isAtEnd === true) await this.passBy(value.position, writing)
  }

  private endBefore(record: ArchivedRecord): ObjectEnd | undefined {
    return this.open?.endBefore(record)
  }

  private async restart({ position, note }: Restart<bigint>): Promise<void> {
    await this.drop()
    const noted = readOffsetNote(note)
    // Between the two there are no records, as long as nobody has set the offset since.
    this.chain = noted !== undefined && noted.behind <= position ? noted.behind : position
    this.readTo = position
    this.committed = position
    this.isFresh = true
    this.isUnsure = noted === undefined
    this.looksToEnd = noted?.mayMeetMore ?? true
    this.identity = undefined
  }

  private async begin(record: ArchivedRecord, { origins }: MessagesValue<bigint>, { patience }: Writing) {
    this.begins = true
    const { topic, partition } = origins[0]!
    const identity = await this.parts.identify()
    const before = this.identity ?? identity
    this.identity = identity
    // Its offsets mean other records from now on; the next takeover finds that the group has none.
    if (before.topicId !== identity.topicId || before.clusterId !== identity.clusterId) {
      throw new Error(`The topic ${topic} was made anew while it was archived.`)
    }
    if (!this.parts.begun.isNoted) await this.noteBegin({ topic, partition, identity }, patience)
    const place = { topic, partition, from: this.chain }
    if (this.isUnsure) await patience.ask(() => refuseMiddle(record, place, { ...this.parts, identity }))
    const looks = { looksFirst: this.isFresh, onMustEnd: this.wake }
    const object = await ArchiveObject.begin(record, place, { ...this.parts, ...looks, identity, patience })
    this.begins = false
    this.parts.onBegun(object.isNew)
    return object
  }

  private async noteBegin(of: Pick<BeginParts, 'topic' | 'partition' | 'identity'>, patience: Patience): Promise<void> {
    const { store, prefix, begun } = this.parts
    const isConditional = await patience.ask(this.parts.isConditional)
    await patience.ask(() => noteBegin({ store, prefix, isConditional, ...of }, this.chain))
    begun.isNoted = true
  }

  /** `position`: where the next record may be. */
  private async end(why: ObjectEnd, position: bigint, { source, hooks }: Writing): Promise<void> {
    const object = this.open!
    const behind = await object.write(why)
    await this.commit(position, behind, source)
    this.isFresh = this.looksToEnd || object.mayMeetMore
    this.isUnsure = false
    await this.drop()
    hooks.onCommit(position)
    object.tell()
  }

  /**
   * Moves the group to the end of the log where nothing is there to archive: a group that stood at a marker would be outside of
   * the log when retention has deleted it, though it lacks nothing. One of which nothing is known stays where it is (A2).
   */
  private async passBy(position: bigint, { source, hooks }: Writing): Promise<void> {
    if (this.open !== undefined || this.isUnsure || position <= this.committed) return
    await this.commit(position, this.chain, source)
    hooks.onCommit(position)
  }

  /** Between `behind` and the position there are markers and tombstones. Whoever goes on there looks as far ahead (A5). */
  private async commit(position: bigint, behind: bigint, source: Source<bigint>): Promise<void> {
    await source.commit(position, offsetNote(behind, this.looksToEnd))
    this.committed = position
    this.chain = behind
  }

  private async drop(): Promise<void> {
    const object = this.open
    this.open = undefined
    await object?.release()
  }
}

/** What an object is written with. */
interface Writing {
  readonly source: Source<bigint>
  readonly hooks: SessionHooks<bigint>
  readonly patience: Patience
}

function messagesOnly(value: SourceValue<bigint>): MessagesValue<bigint> {
  if (value.kind === 'messages') return value
  throw new TypeError('Only messages of a topic can be archived.')
}

/** Reads values, and says when one takes too long. */
class TimedReader {
  private readonly values: AsyncIterator<SourceValue<bigint>>
  private readonly parts: Pick<ArchiveParts, 'startTimer'>
  private readonly signal: AbortSignal
  private pending: Promise<IteratorResult<SourceValue<bigint>>> | undefined
  private isLate: (() => void) | undefined

  constructor(
    values: AsyncIterator<SourceValue<bigint>>,
    parts: Pick<ArchiveParts, 'startTimer'>,
    signal: AbortSignal,
  ) {
    this.values = values
    this.parts = parts
    this.signal = signal
  }

  /** Has the call that waits resolve with `late`, if one does. */
  wake(): void {
    this.isLate?.()
  }

  /** Resolves with `late` after `mostMs`; the value comes with a later call. *Errors*: the signal's reason. */
  async next(mostMs: number | undefined): Promise<IteratorResult<SourceValue<bigint>> | 'late'> {
    this.signal.throwIfAborted()
    this.pending ??= this.values.next()
    this.pending.catch(() => undefined)
    const stops: (() => void)[] = []
    try {
      const other = new Promise<'late'>((resolve, reject) => {
        const onAbort = () => reject(this.signal.reason as Error)
        this.signal.addEventListener('abort', onAbort)
        stops.push(() => this.signal.removeEventListener('abort', onAbort))
        this.isLate = () => resolve('late')
        if (mostMs !== undefined) stops.push(this.parts.startTimer(mostMs, () => resolve('late')))
      })
      const next = await Promise.race([this.pending, other])
      if (next !== 'late') this.pending = undefined
      return next
    } finally {
      this.isLate = undefined
      for (const stop of stops) stop()
    }
  }
}

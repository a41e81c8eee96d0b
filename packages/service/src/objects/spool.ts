// What objects may take while they are built, all of them together: memory, and a folder where one is given. Says when more
// may be added, and which object has to be finished early when there is no room. Called by object-builder.ts; opened by
// ../commands.

import { systemCode, systemReason } from '../errors.ts'
import { startSystemTimer, steadyClock } from '../time.ts'
import type { Clock, StartTimer } from '../time.ts'
import { openSpoolFolder } from './spool-folder.ts'
import type { SpoolFile, SpoolFolder } from './spool-folder.ts'
import { SpooledObject } from './spooled-object.ts'
import type { SpoolAccount } from './spooled-object.ts'

// Nothing that has come is ever refused: it is counted, and the next add() waits. So nothing can wait for itself, and the
// memory is exceeded by what one add() of each object brings, and by no more. Besides, an open object takes what no limit
// counts: a chunk, zlib's window and a piece of its output, about 0.6 MiB. An object that is finished, or told to be, needs
// no room to go: whoever has it must not wait for another add() before it is released.

/** Options of `openSpool`. */
export interface SpoolOptions {
  /** Bytes of memory for lines that are not compressed yet, and for what is to be stored. */
  readonly memoryBytes: number
  /** Where objects grow that are too large for memory. It is made where it is missing, and belongs to one process. */
  readonly folder?: string | undefined
  /** Bytes that may lie there. Default: 1 GiB. */
  readonly maxBytes?: number | undefined
  readonly steadyClock?: Clock
  readonly startTimer?: StartTimer
}

const defaultDiskBytes = 1 << 30
/** Chunks of lines, as they are counted, hashed and compressed: docs/decisions/objects-grow-within-a-spool.md. */
export const chunkBytes = 256 << 10
/** Lines of an object that may wait to be compressed while more are added. */
const mostRawBytes = 2 * chunkBytes
/** The part of memory that stored bytes may take where there is a folder: the rest is for lines. */
const keptShare = 3 / 4
/** As long as such a part of memory is about to come free, nothing more is cut. */
const leavingShare = 1 / 16
/** How long objects that are about to leave are waited for, before others have to; and room, before the spool is called full. */
const patienceMs = 3000
/** How long a folder is left alone that cannot be written, and how long that is told. */
const [diskRestMs, diskToldMs] = [1000, 10_000]

/** One object in the spool. */
interface Held {
  readonly object: SpooledObject
  readonly onMustEnd: () => void
  state: 'open' | 'must end' | 'finished'
  /** When it got into its state. */
  sinceMs: number
}

/** What an object's builder has of the spool. */
export interface SpoolShare {
  readonly object: SpooledObject
  readonly mustEnd: boolean
  /** Resolves when more may be added; soon where it must end, and where it is released. */
  room(): Promise<void>
  /** Something was compressed or stored. */
  changed(): void
  /** Nothing more will be added. */
  finished(): void
  /** Gives everything back. Never throws. */
  release(): Promise<void>
}

interface Waiting {
  readonly held: Held
  readonly resolve: () => void
}

/** Opens a spool. *Errors*: of the folder, `ERR_CONNECTOR_LOCKED` and `ERR_CONNECTOR_CREATE`. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { folder } = options
  return new Spool(options, folder === undefined ? undefined : await openSpoolFolder(folder))
}

/** Memory and disk of the objects under construction. Made by `openSpool`. */
export class Spool implements SpoolAccount {
  private readonly options: SpoolOptions
  private readonly folder: SpoolFolder | undefined
  private readonly now: Clock
  private memory = 0
  private disk = 0
  private readonly objects = new Set<Held>()
  private readonly waiting = new Set<Waiting>()
  /** Since when nobody was let in who waits for room. */
  private shortSinceMs: number | undefined
  private diskFailure: { readonly reason: string; readonly atMs: number } | undefined
  private stopTimer: (() => void) | undefined

  constructor(options: SpoolOptions, folder: SpoolFolder | undefined) {
    this.options = options
    this.folder = folder
    this.now = options.steadyClock ?? steadyClock
  }

  /** Bytes of memory in use. */
  get memoryBytes(): number {
    return this.memory
  }

  /** Bytes of disk in use. */
  get diskBytes(): number {
    return this.disk
  }

  /** Why objects have waited for room for some time, or why the folder is of no use; absent where all is well. */
  get whyFull(): string | undefined {
    const isShort = this.shortSinceMs !== undefined && this.now() - this.shortSinceMs >= patienceMs
    const { diskFailure } = this
    if (diskFailure !== undefined && (isShort || this.now() - diskFailure.atMs < diskToldMs)) return diskFailure.reason
    if (!isShort) return undefined
    if (this.folder === undefined) return `the memory for objects is full: ${this.options.memoryBytes} bytes`
    return `the spool ${this.folder.name} is full: ${this.mostDiskBytes} bytes`
  }

  get hasFolder(): boolean {
    return this.folder !== undefined
  }

  /** Begins an object. `onMustEnd`: called when it has to be finished early, also while nothing is added to it. */
  begin(onMustEnd: () => void = () => undefined): SpoolShare {
    const object = new SpooledObject(this)
    const held: Held = { object, onMustEnd, state: 'open', sinceMs: this.now() }
    this.objects.add(held)
    return {
      object,
      get mustEnd() {
        return held.state === 'must end'
      },
      room: () => this.room(held),
      changed: () => this.letIn(),
      finished: () => {
        this.leave(held, 'finished')
        this.letIn()
      },
      release: () => this.release(held),
    }
  }

  /** Gives the folder back. Every object is released before. Never throws. */
  async close(): Promise<void> {
    this.stopTimer?.()
    await this.folder?.close()
  }

  chargeMemory(bytes: number): void {
    this.memory += bytes
  }

  mayKeep(bytes: number): boolean {
    return this.memory + bytes <= this.options.memoryBytes * keptShare
  }

  takeDisk(bytes: number): boolean {
    if (!this.hasDisk(bytes)) return false
    this.disk += bytes
    return true
  }

  giveDisk(bytes: number): void {
    this.disk -= bytes
  }

  createFile(): Promise<SpoolFile> {
    if (this.folder === undefined) throw new TypeError('The spool has no folder.')
    return this.folder.create()
  }

  diskWorked(): void {
    this.diskFailure = undefined
  }

  diskFailed(error: unknown): void {
    const isFull = ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')
    const state = isFull ? 'is full' : 'cannot be written'
    const reason = `the spool ${this.folder?.name} ${state}: ${systemReason(error)}`
    this.diskFailure = { reason, atMs: this.now() }
  }

  private get mostDiskBytes(): number {
    return this.options.maxBytes ?? defaultDiskBytes
  }

  private hasDisk(bytes: number): boolean {
    const { diskFailure } = this
    if (this.folder === undefined || this.disk + bytes > this.mostDiskBytes) return false
    return diskFailure === undefined || this.now() - diskFailure.atMs >= diskRestMs
  }

  private room(held: Held): Promise<void> {
    if (this.admits(held)) return Promise.resolve()
    return new Promise((resolve) => {
      this.waiting.add({ held, resolve })
      this.letIn()
    })
  }

  /** Whether more may be added to an object: there is room, and what was added before is on its way. */
  private admits({ object, state }: Held): boolean {
    if (state === 'finished') return true
    if (state === 'must end' || !this.isFull) return object.rawBytes < mostRawBytes
    // Of what goes to the folder, memory keeps nothing.
    return this.hasDiskFor(object) && object.rawBytes < chunkBytes
  }

  private get isFull(): boolean {
    return this.memory >= this.options.memoryBytes
  }

  private hasDiskFor(object: SpooledObject): boolean {
    return this.hasDisk(object.unwrittenBytes + chunkBytes)
  }

  /** Whether nobody gets room by waiting for what is being compressed. */
  private get isShort(): boolean {
    if (!this.isFull) return false
    for (const { object, state } of this.objects) {
      if (state !== 'finished' && object.rawBytes >= chunkBytes) return false
    }
    return [...this.waiting].some(({ held }) => held.state === 'open')
  }

  /** Has everybody go on who may, and where nobody gets room, the largest end. */
  private letIn(): void {
    for (const each of this.waiting) {
      if (!this.admits(each.held)) continue
      this.waiting.delete(each)
      this.shortSinceMs = undefined
      each.resolve()
    }
    if (!this.isShort) {
      this.shortSinceMs = undefined
      this.stopTimer?.()
      this.stopTimer = undefined
      return
    }
    this.shortSinceMs ??= this.now()
    this.relieve()
  }

  /** Has the largest object end, unless enough is about to leave. */
  private relieve(): void {
    const { memoryBytes, startTimer = startSystemTimer } = this.options
    const sinceMs = this.now() - patienceMs
    let leaving = 0
    let largest: Held | undefined
    for (const held of this.objects) {
      if (held.state !== 'open') leaving += held.sinceMs > sinceMs ? held.object.bytes : 0
      else if (largest === undefined || held.object.bytes > largest.object.bytes) largest = held
    }
    if (leaving < memoryBytes * leavingShare && largest !== undefined) {
      this.leave(largest, 'must end')
      largest.onMustEnd()
      this.letIn()
      return
    }
    this.stopTimer ??= startTimer(patienceMs, () => {
      this.stopTimer = undefined
      this.letIn()
    })
  }

  private leave(held: Held, state: 'must end' | 'finished'): void {
    held.state = state
    held.sinceMs = this.now()
  }

  private async release(held: Held): Promise<void> {
    this.leave(held, 'finished')
    await held.object.release()
    this.objects.delete(held)
    this.letIn()
  }
}

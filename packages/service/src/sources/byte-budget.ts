// How many bytes may be in flight: one budget for all sources of a process, charged before memory is taken and freed
// when it is given back. Never waits: what does not fit is refused at once, or what is still far from its end gives way
// to what is nearer. Called by sources that are sent data.

/** What gives back everything that it holds when others need it more. */
export interface Yielding {
  /** Bytes that it holds. */
  readonly bytes: number
  /** Returns the bytes that are still to come. Whoever waits for the most gives way first. */
  toCome(): number
  /** Gives back what it holds, before it returns. */
  giveUp(): void
}

/** Bytes that may be held at a time. */
export class ByteBudget {
  readonly total: number
  private taken = 0
  private readonly parent: ByteBudget | undefined
  /** Those of all parts, in the budget that has no parent. */
  private readonly yielding = new Set<Yielding>()

  /** What is taken from this budget is also taken from `parent`, whose total holds for all its parts together. */
  constructor(total: number, parent?: ByteBudget) {
    this.total = total
    this.parent = parent
  }

  /** Bytes that are taken. */
  get used(): number {
    return this.taken
  }

  /** Takes bytes, all or none. Returns whether there was room. */
  tryTake(bytes: number): boolean {
    if (this.taken + bytes > this.total || this.parent?.tryTake(bytes) === false) return false
    this.taken += bytes
    return true
  }

  /** Gives back bytes that were taken. */
  give(bytes: number): void {
    this.taken -= bytes
    this.parent?.give(bytes)
  }

  /** Adds to those that give way, until the returned function is called. */
  register(yielding: Yielding): () => void {
    if (this.parent !== undefined) return this.parent.register(yielding)
    this.yielding.add(yielding)
    return () => this.yielding.delete(yielding)
  }

  /**
   * Returns whether so many bytes are free, after as few as possible of those gave way that have more than `toCome` still
   * to come. Where all of these together would not do, none does. *Cost*: of a look at each of them, when the budget is spent.
   */
  makeRoom(bytes: number, toCome: number): boolean {
    const missing = this.taken + bytes - this.total
    if (this.parent !== undefined) return missing <= 0 && this.parent.makeRoom(bytes, toCome)
    if (missing <= 0) return true
    // Asked by every request that is refused, so without making anything first.
    let held = 0
    for (const each of this.yielding) if (each.toCome() > toCome) held += each.bytes
    if (held < missing) return false
    const weaker = [...this.yielding]
      .map((each) => ({ each, toCome: each.toCome() }))
      .filter((other) => other.toCome > toCome)
      .sort((a, b) => (a.toCome === b.toCome ? b.each.bytes - a.each.bytes : a.toCome > b.toCome ? -1 : 1))
    let freed = 0
    const enough = weaker.findIndex(({ each }) => (freed += each.bytes) >= missing)
    for (const { each } of weaker.slice(0, enough + 1)) each.giveUp()
    return this.taken + bytes <= this.total
  }
}

/** Bytes that a request has still to come which has only begun: only what has stalled gives way to it. */
const justBegun = Number.MAX_VALUE

/** What one request has taken from a budget. */
export class ByteCharge implements Yielding {
  private readonly budget: ByteBudget
  private held = 0
  private isFree = false
  private giveWay: Pick<Yielding, 'toCome' | 'giveUp'> | undefined
  private unregister: (() => void) | undefined

  constructor(budget: ByteBudget) {
    this.budget = budget
  }

  /** Bytes that this charge holds. */
  get bytes(): number {
    return this.held
  }

  /**
   * Takes the first bytes of a request, where there is room for all that it announces. Returns whether there was. What it
   * announces is not held: others may have it before it comes.
   */
  begin(bytes: number, announcedBytes: number): boolean {
    return this.take(bytes, Math.max(bytes, announcedBytes), justBegun)
  }

  /** Takes more. Returns whether there was room; never so after `free()`. */
  grow(bytes: number): boolean {
    return this.take(bytes, bytes, this.toCome())
  }

  /** Gives a part back. */
  shrink(bytes: number): void {
    const given = Math.min(bytes, this.held)
    this.held -= given
    this.budget.give(given)
  }

  /** From now on gives way to whoever has less to come, until `keep()`. `giveUp`: has to lead to `free()`. */
  yieldBy(giveWay: Pick<Yielding, 'toCome' | 'giveUp'>): void {
    if (this.isFree) return
    this.giveWay = giveWay
    this.unregister = this.budget.register(this)
  }

  /** Gives way to nobody any more. */
  keep(): void {
    this.unregister?.()
    this.giveWay = undefined
  }

  /** Bytes that are still to come; 0 where nothing is. */
  toCome(): number {
    return this.giveWay?.toCome() ?? 0
  }

  giveUp(): void {
    this.giveWay?.giveUp()
  }

  /** Gives everything back, for good. Further calls do nothing. */
  free(): void {
    this.isFree = true
    this.keep()
    this.shrink(this.held)
  }

  private take(bytes: number, room: number, toCome: number): boolean {
    if (this.isFree || !this.budget.makeRoom(room, toCome) || !this.budget.tryTake(bytes)) return false
    this.held += bytes
    return true
  }
}

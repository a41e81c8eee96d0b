// How many bytes may be in flight: one budget for all sources of a process, charged before memory is taken and freed
// when it is given back. Never waits: what does not fit is refused at once. Called by sources that are sent data.

/** Bytes that may be held at a time. */
export class ByteBudget {
  readonly total: number
  private taken = 0
  private readonly parent: ByteBudget | undefined

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
}

/** What one request has taken from a budget. */
export class ByteCharge {
  private readonly budget: ByteBudget
  private held = 0
  private isFree = false

  constructor(budget: ByteBudget) {
    this.budget = budget
  }

  /** Bytes that this charge holds. */
  get bytes(): number {
    return this.held
  }

  /** Takes more. Returns whether there was room; never so after `free()`. */
  grow(bytes: number): boolean {
    if (this.isFree || !this.budget.tryTake(bytes)) return false
    this.held += bytes
    return true
  }

  /** Gives a part back. */
  shrink(bytes: number): void {
    const given = Math.min(bytes, this.held)
    this.held -= given
    this.budget.give(given)
  }

  /** Gives everything back, for good. Further calls do nothing. */
  free(): void {
    this.isFree = true
    this.shrink(this.held)
  }
}

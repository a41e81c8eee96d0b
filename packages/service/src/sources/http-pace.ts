// How quickly bodies become safe, and whether one more would still be in time. Without it, a service that is sent more than
// its sinks take fills its whole budget, and answers every body too late: it stores them, and their senders send them
// again. Knows bytes and times only. Called by http-queue.ts.

/** Weight of what was measured before, when there is a new measurement. */
const memory = 0.5
/** While the oldest body waits no longer than this, nothing is refused, however slow it looks: there is no queue. */
const patienceMs = 1_000
/** Share of the time for an answer within which what is held has to become safe. */
const usedShare = 0.5

/** The pace of one source. Times are milliseconds of one clock. */
export class Pace {
  private readonly deadlineMs: number
  private bytes = 0
  private ms = 0
  /** When the last bodies became safe. */
  private lastMs = Number.NEGATIVE_INFINITY

  /** `deadlineMs`: the time that a body has from its end to its answer. */
  constructor(deadlineMs: number) {
    this.deadlineMs = deadlineMs
  }

  /** Takes note that bodies have become safe, the oldest of which was whole at `sinceMs`. */
  safe(bytes: number, sinceMs: number, nowMs: number): void {
    this.bytes = memory * this.bytes + bytes
    this.ms = memory * this.ms + (nowMs - Math.max(sinceMs, this.lastMs))
    this.lastMs = nowMs
  }

  /**
   * Returns whether a body that came now would be answered too late. May say so of one that would be in time, while
   * bodies are few and wait long; never while nothing waits. `heldBytes` is asked only where it matters, since bodies may be many.
   */
  isBehind(heldBytes: () => number, oldestMs: number, nowMs: number): boolean {
    const waitedMs = nowMs - oldestMs
    if (waitedMs <= patienceMs) return false
    const mostMs = usedShare * this.deadlineMs
    // Nothing has become safe yet that could tell.
    if (this.bytes === 0) return waitedMs > mostMs
    return heldBytes() * this.ms > mostMs * this.bytes
  }
}

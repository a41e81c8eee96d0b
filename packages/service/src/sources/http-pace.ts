// How quickly bodies become safe, and whether one more would wait too long. Without it, a service that is sent more than
// its sinks take fills its whole budget, and answers every body too late: it stores them, and their senders send them
// again. Knows bytes and times only. Called by http-queue.ts.

/** Time of commits over which a pace is measured: single ones may be of next to nothing, or of what others have synced. */
const windowMs = 200
/** Time of commits in which the best pace of late loses half of its weight: a sink that stalls is not slow for ever. */
const halfLifeMs = 5_000
/** Weight of a commit in the time of the shortest ones of late, where it took longer. */
const forgetting = 0.1
/** While the oldest body waits no longer than this, there is no crowd, and nothing is refused, however slow it looks. */
const patienceMs = 1_000
/** Share of the time for an answer that a body may wait in a crowd that has just come up, for it may be a burst. */
const burstShare = 0.5
/** By how much less that becomes for each second of a crowd, and again for each since the first refusal. */
const narrowing = 0.5
/** What a body may wait in a crowd that does not pass: then most are answered within a second. */
const shortWaitMs = 800
/** Time without a late body or a refusal from which a crowd is over. */
const calmMs = 5_000
/** Commits that have to fit into the waiting, or a sink that takes long for each, however little it is, gets nothing to do. */
const leastCommits = 2.5

/** Bodies that are late or refused, without much of a pause. */
interface Crowd {
  readonly sinceMs: number
  refusingSinceMs: number
  /** When the last body was late or refused. */
  lastMs: number
}

/** The pace of one source. Times are milliseconds of one clock. */
export class Pace {
  private readonly burstMs: number
  /** Of the commits since the last measurement. */
  private bytes = 0
  private ms = 0
  /** The best of late; 0 before there is one. */
  private bytesPerMs = 0
  /** When the last bodies became safe. */
  private lastMs = Number.NEGATIVE_INFINITY
  /** Time of the shortest commits of late. */
  private commitMs = Number.POSITIVE_INFINITY
  private crowd: Crowd | undefined

  /** `deadlineMs`: the time that a body has from its end to its answer. */
  constructor(deadlineMs: number) {
    this.burstMs = burstShare * deadlineMs
  }

  /** Takes note that bodies have become safe, the oldest of which was whole at `sinceMs`. */
  safe(bytes: number, sinceMs: number, nowMs: number): void {
    const commitMs = nowMs - Math.max(sinceMs, this.lastMs)
    this.lastMs = nowMs
    this.bytes += bytes
    this.ms += commitMs
    if (this.ms >= windowMs) {
      this.bytesPerMs = Math.max(this.bytes / this.ms, this.bytesPerMs * 2 ** (-this.ms / halfLifeMs))
      this.bytes = 0
      this.ms = 0
    }
    if (commitMs < this.commitMs) this.commitMs = commitMs
    // In a crowd commits take long because they are large.
    else if (this.crowdAt(nowMs) === undefined) this.commitMs += forgetting * (commitMs - this.commitMs)
    if (nowMs - sinceMs > patienceMs) this.late(nowMs)
  }

  /**
   * Returns whether a body that came now would have to wait too long. That is half of the time for an answer at first, so
   * that a burst passes, and becomes less while it stays crowded. May say so of one that would be in time, while
   * bodies are few and wait long; never while nothing waits. `heldBytes` is asked only where it matters, since bodies may be many.
   */
  isBehind(heldBytes: () => number, oldestMs: number, nowMs: number): boolean {
    const waitedMs = nowMs - oldestMs
    if (waitedMs > patienceMs) this.late(nowMs)
    const burstMs = this.restOfBurst(nowMs)
    // What is held is flushed at once, perhaps in no time: half of what it may wait shows that it is not.
    if (waitedMs <= (burstMs > shortWaitMs ? patienceMs : shortWaitMs / 2)) return false
    // Nothing has become safe yet that could tell.
    if (this.lastMs === Number.NEGATIVE_INFINITY) return waitedMs > this.burstMs
    const mostMs = Math.min(this.burstMs, Math.max(burstMs, shortWaitMs, leastCommits * this.commitMs))
    const bytesPerMs = this.bytesPerMs === 0 ? this.bytes / Math.max(1, this.ms) : this.bytesPerMs
    if (heldBytes() <= mostMs * bytesPerMs) return false
    const crowd = this.late(nowMs)
    crowd.refusingSinceMs = Math.min(crowd.refusingSinceMs, nowMs)
    return true
  }

  /** Returns what a body may wait for a burst to pass. */
  private restOfBurst(nowMs: number): number {
    const crowd = this.crowdAt(nowMs)
    if (crowd === undefined) return this.burstMs
    const refusingMs = Math.max(0, nowMs - crowd.refusingSinceMs)
    return this.burstMs - narrowing * (nowMs - crowd.sinceMs + refusingMs)
  }

  private crowdAt(nowMs: number): Crowd | undefined {
    return this.crowd !== undefined && nowMs - this.crowd.lastMs <= calmMs ? this.crowd : undefined
  }

  private late(nowMs: number): Crowd {
    const crowd = this.crowdAt(nowMs) ?? { sinceMs: nowMs, refusingSinceMs: Infinity, lastMs: nowMs }
    crowd.lastMs = nowMs
    this.crowd = crowd
    return crowd
  }
}

// How large a send of a partition may be: as much as its topics take, and less at every refusal at the same offset, so that
// what is too large is cut at lines before anybody gives up. Called by kafka-partition.ts.

import { mostSendBytes } from '../kafka/sends.ts'

/** So often what comes of one offset is refused, in ever smaller sends, before nothing smaller is left to try. */
const mostRefusals = 3
/** From 3 MiB in two steps to 3 KiB: hardly more than a line. */
const stepDown = 32

/** Bounds the sends of one partition. */
export class SendSizes {
  /** What the topics take, as far as they told at the last takeover. */
  private taken = mostSendBytes
  private lowered = mostSendBytes
  private refused = { offset: -1n, count: 0 }

  /** Most bytes of a send. */
  get mostBytes(): number {
    return Math.min(this.taken, this.lowered)
  }

  /** Takes note of what the topics take. Where that is less than what was refused, no guess is needed. */
  takenOver(taken: number): void {
    if (taken < this.taken) this.lowered = mostSendBytes
    this.taken = taken
  }

  /** Takes note that what comes of an offset was refused as too large. Returns whether smaller sends are worth a try. */
  refuse(offset: bigint): boolean {
    const count = this.refused.offset === offset ? this.refused.count + 1 : 1
    this.refused = { offset, count }
    if (count >= mostRefusals) return false
    this.lowered = Math.ceil(this.mostBytes / stepDown)
    return true
  }

  /** Begins anew: the topics may have been mended. */
  reset(): void {
    this.lowered = mostSendBytes
    this.refused = { offset: -1n, count: 0 }
  }
}

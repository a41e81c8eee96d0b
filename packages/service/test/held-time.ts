// Time that stands still until a test puts it forward. Called by tests.

import type { Clock, StartTimer } from '#src/time.js'

/** A clock that stands still, and timers that run when it is put forward. */
export class HeldTime {
  now = Date.parse('2026-03-04T05:06:07.890Z')
  private readonly timers = new Set<{ at: number; run: () => void }>()
  /** By how much the time of day was set otherwise. */
  private setMs = 0

  /** The time of day. */
  readonly clock: Clock = () => this.now

  /** The clock that nobody can set; timers go by it. */
  readonly steadyClock: Clock = () => this.now - this.setMs

  readonly startTimer: StartTimer = (ms, run) => {
    const timer = { at: this.steadyClock() + ms, run }
    this.timers.add(timer)
    return () => this.timers.delete(timer)
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.timers.size
  }

  /** Puts the clock forward and runs what is due. */
  forward(ms: number): void {
    this.now += ms
    this.ring()
  }

  /** Sets the time of day otherwise, without any time going by. */
  setClock(byMs: number): void {
    this.now += byMs
    this.setMs += byMs
  }

  /** Runs what is due. */
  ring(): void {
    for (const timer of [...this.timers]) {
      if (timer.at > this.steadyClock()) continue
      this.timers.delete(timer)
      timer.run()
    }
  }
}

/** Has files looked at twice: a change is told when the second look finds it at rest. */
export async function lookTwice(watching: { poll(): Promise<void> }): Promise<void> {
  await watching.poll()
  await watching.poll()
}

// What systemd or a cluster does for a service: starts it again whenever it has ended, and ends it when it says that it is not
// healthy. Called by faults.

import assert from 'node:assert/strict'

import { pause } from './fault.js'
import type { Ending, Served, StartOptions } from './served.js'

/** How a process came to its end. */
export type Death = 'died' | 'unhealthy'

const pollMs = 50

/** *Order of calls*: `start()` or `adopt()`, then `stop()`, after which the last process still runs. */
export class Supervisor {
  /** How the processes ended that were started here, but for the last one; each told once the next one listens. */
  readonly deaths: Death[] = []
  private readonly served: Served
  private readonly options: StartOptions
  private isStopped = false
  private watching: Promise<void> = Promise.resolve()

  constructor(served: Served, options: StartOptions) {
    this.served = served
    this.options = options
  }

  /** Resolves when the first process listens. */
  async start(): Promise<void> {
    await this.startOnce()
    this.adopt()
  }

  /** Takes over a process that runs already. */
  adopt(): void {
    this.isStopped = false
    this.watching = this.watch()
    // Told by stop().
    this.watching.catch(() => undefined)
  }

  /** Rejects when a process did not start. */
  async stop(): Promise<void> {
    this.isStopped = true
    await this.watching
  }

  private async startOnce(): Promise<void> {
    const ending: Ending | undefined = await this.served.start(this.options)
    assert.equal(ending, undefined, `The service did not start: ${this.served.noise.join(' ')}`)
  }

  private async watch(): Promise<void> {
    for (;;) {
      while (this.served.isUp && !this.isStopped && (await this.isHealthy())) await pause(pollMs)
      if (this.isStopped) return
      const death = this.served.isUp ? 'unhealthy' : 'died'
      await this.served.end('SIGTERM')
      await this.startOnce()
      this.deaths.push(death)
    }
  }

  private async isHealthy(): Promise<boolean> {
    try {
      return (await this.served.ask('/healthz')).status === 200
    } catch {
      // It is about to be seen that it has ended.
      return true
    }
  }
}

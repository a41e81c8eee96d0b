// A reader of a followed file whose polls a test makes, so that none has to sleep. Called by tests.

import assert from 'node:assert/strict'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'

import type { Source } from '#src/ports/source.js'
import { openFollowSource } from '#src/sources/follow.js'
import type { FollowSourceOptions } from '#src/sources/follow.js'
import type { FollowPosition } from '#src/sources/follow-state.js'
import { HeldTime } from '../held-time.js'

/** Time between two looks at the file. */
export const pollMs = 1000

/** A source whose values are gathered as they come, and whose polls a test makes. */
export class Follower {
  text = ''
  readonly notices: string[] = []
  private readonly time = new HeldTime()
  private readonly options: FollowSourceOptions
  private source: Source<FollowPosition> | undefined
  private values: AsyncIterator<unknown> | undefined
  private running: Promise<void> = Promise.resolve()
  private failure: Error | undefined
  private isOver = true

  constructor(directory: string, options: Partial<FollowSourceOptions> = {}) {
    this.options = {
      path: path.join(directory, 'access.log'),
      from: 'start',
      follow: true,
      stateFile: path.join(directory, 'state.json'),
      pollMs,
      startTimer: this.time.startTimer,
      onNotice: (message) => this.notices.push(message),
      ...options,
    }
  }

  /** Begins to read, or again after `stop()`. `commits`: whether what was read is committed. */
  async start(commits = true): Promise<this> {
    this.source = await openFollowSource(this.options)
    this.iterate(commits)
    await this.idle()
    return this
  }

  iterate(commits = true): void {
    const source = this.source as Source<FollowPosition>
    const values = source.values()[Symbol.asyncIterator]()
    this.values = values
    this.isOver = false
    const run = async () => {
      for (let next = await values.next(); next.done !== true; next = await values.next()) {
        assert.ok(next.value.kind === 'bytes')
        this.text += Buffer.from(next.value.bytes).toString()
        if (commits) await source.commit(next.value.position)
      }
    }
    this.running = run()
      .catch((error: unknown) => (this.failure = error as Error))
      .then(() => void (this.isOver = true))
  }

  /** Begins another iteration after one that failed, as a pipeline does when that may pass. */
  async again(): Promise<void> {
    this.failure = undefined
    this.iterate()
    await this.idle()
  }

  /** Waits until the source waits for a poll, or is at its end. */
  async idle(): Promise<void> {
    while (this.time.waiting === 0 && !this.isOver) await setImmediate()
    if (this.failure !== undefined) throw this.failure
  }

  /** Has the source look at the file so many times. */
  async poll(times = 1): Promise<void> {
    for (let time = 0; time < times; time++) {
      await this.idle()
      this.time.forward(pollMs)
      await setImmediate()
    }
    await this.idle()
  }

  /** Ends the iteration from outside, as a pipeline does after a fault. */
  async end(): Promise<void> {
    await this.values?.return?.()
    await this.running
  }

  async drain(): Promise<void> {
    this.source?.drain?.()
    await this.running
  }

  async stop(): Promise<void> {
    await this.end()
    await this.source?.close()
    await this.source?.close()
    assert.equal(this.time.waiting, 0)
  }
}

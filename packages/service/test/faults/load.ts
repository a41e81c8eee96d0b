// Senders that post bodies as a CDN does: a whole body again after 429, 5xx and broken connections, up to ten times.
// Judges nothing. Called by faults.

import assert from 'node:assert/strict'
import http from 'node:http'

import type { Random } from '#src/generators/random.js'
import { eventually, pause } from './fault.js'
import type { FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import type { Body } from './ledger.js'
import { openService } from './served.js'
import type { Served } from './served.js'

/** Attempts that a sender makes before it gives a body up. */
const mostAttempts = 10
/** Longest time in milliseconds between two of them; far shorter than a CDN's, so that faults meet more attempts. */
const longestPauseMs = 200

/** What one attempt came to: a status, or a connection that broke. */
export type Attempt = number | 'broken'

/** What a load is made of. */
export interface LoadOptions {
  readonly senders: number
  /** Makes the next body to be sent. */
  readonly next: () => Body
}

/** Senders that go on until they are stopped. */
export class Load {
  /** Bodies that were answered 200. */
  answered = 0
  /** Bodies that were given up. */
  givenUp = 0
  /** Attempts by what they came to. */
  readonly attempts = new Map<Attempt, number>()
  /** Time in milliseconds that each answer of 200 took. */
  readonly timesMs: number[] = []
  private readonly served: Served
  private readonly random: Random
  private readonly agent = new http.Agent({ keepAlive: true })
  private isStopped = false
  private done: Promise<unknown> = Promise.resolve()

  constructor(served: Served, random: Random) {
    this.served = served
    this.random = random
  }

  /** Starts senders. They make no body after `stop()`. */
  start({ senders, next }: LoadOptions): this {
    const send = async () => {
      while (!this.isStopped) await this.deliver(next())
    }
    this.done = Promise.all([this.done, ...Array.from({ length: senders }, send)])
    // Told by stop().
    this.done.catch(() => undefined)
    return this
  }

  /** Resolves when every body that was begun is answered or given up. */
  async stop(): Promise<void> {
    this.isStopped = true
    await this.done
    this.agent.destroy()
  }

  /** Resolves when so many more bodies are answered than now. */
  async more(bodies: number): Promise<void> {
    const wanted = this.answered + bodies
    await Promise.race([this.done, eventually(`${bodies} more bodies are answered`, () => this.answered >= wanted)])
  }

  /** Sends one body until it is answered 200, refused for good or given up. Returns the last attempt. */
  async deliver(body: Body): Promise<Attempt> {
    let last: Attempt = 'broken'
    for (let attempt = 1; attempt <= mostAttempts; attempt++) {
      // A load that is stopped while nothing listens has nothing to wait for.
      await eventually('the service listens', () => this.served.isUp || this.isStopped)
      last = await this.attempt(body)
      if (last === 200) return last
      if (last !== 'broken' && last !== 429 && last < 500) break
      await pause(this.random.below(longestPauseMs))
    }
    this.givenUp++
    return last
  }

  /** Sends one body once. */
  async attempt(body: Body): Promise<Attempt> {
    const began = performance.now()
    const came = await this.post(body)
    this.attempts.set(came, (this.attempts.get(came) ?? 0) + 1)
    if (came === 200) {
      body.isAnswered = true
      this.answered++
      this.timesMs.push(performance.now() - began)
    }
    return came
  }

  private post(body: Body): Promise<Attempt> {
    if (!this.served.isUp) return Promise.resolve('broken')
    const { hostname: host, port, pathname } = this.served.ingest
    body.sent++
    return new Promise((resolve) => {
      const headers = { 'Content-Length': body.bytes.length }
      const request = http.request({ host, port, path: pathname, method: 'POST', agent: this.agent, headers })
      request.on('response', (response) => {
        response.resume().on('error', () => undefined)
        response.on('close', () => resolve(response.statusCode ?? 'broken'))
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') body.sent--
        resolve('broken')
      })
      request.end(body.bytes)
    })
  }
}

/** Bodies of 1 to `most` usual records. */
export function usualBodies(ledger: Ledger, random: Random, most: number): () => Body {
  return () => ledger.body(1 + random.below(most))
}

/** Starts a service with the usual settings, and so many senders of usual bodies beside whom it is harmed. */
export async function serveUnderLoad(
  context: FaultContext,
  senders: number,
): Promise<{ readonly served: Served; readonly ledger: Ledger; readonly load: Load }> {
  const { random } = context
  const served = await openService(context)
  const ledger = new Ledger(random)
  assert.equal(await served.start(), undefined, served.noise.join(' '))
  const load = new Load(served, random).start({ senders, next: usualBodies(ledger, random, 20) })
  return { served, ledger, load }
}

/** Sees that a service takes records: posts a small body until it is answered. Rejects when that takes too long. */
export async function progress(served: Served, ledger: Ledger, random: Random): Promise<void> {
  const load = new Load(served, random)
  await eventually('a body is answered 200', async () => {
    await served.up()
    return (await load.attempt(ledger.body(3))) === 200
  })
  await load.stop()
}

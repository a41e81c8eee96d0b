// What faults around brokers add to the rig: a service that takes bodies by HTTP into the source's topic, and senders that
// post to it. Called by faults.

import assert from 'node:assert/strict'

import { eventually } from './fault.js'
import type { Rig } from './kafka-rig.js'
import { Load, usualBodies } from './load.js'
import { memory } from './process-state.js'
import type { Served } from './served.js'

/** What the service's memory may rise by while brokers are away, in bytes. */
const mostRise = 256 << 20
/** Who posts at the same time. */
const senders = 4

/** The service, its senders, and what is to be seen of both. */
export interface Ingest {
  readonly served: Served
  readonly load: Load
  /** How often a body was answered so far. */
  answers(status: number): number
  /** Resolves when bodies are answered 503, and none 200 any more. */
  isRefusing(): Promise<void>
  /** Ends the senders and the service in order, and sees that memory was bounded. Resolves with what is to be reported. */
  finish(): Promise<string>
}

/** Starts both. `answerWithin`: how long a body may wait, in the words of settings. */
export async function openIngest(rig: Rig, answerWithin: string): Promise<Ingest> {
  const { random, ledger, raw, name, context } = rig
  const served = await rig.open(
    'ingest',
    [
      `source: { http: { listen: "127.0.0.1:0", answerWithinMs: ${answerWithin} } }`,
      'validation: read',
      `routes: { keep: { kafka: { topic: ${raw} } } }`,
      `deadLetter: { kafka: { topic: ${name}-quarantine } }`,
    ].join('\n    '),
  )
  assert.equal(await served.start(), undefined, served.noise.join(' '))
  const load = new Load(served, random).start({ senders, next: usualBodies(ledger, random, 50) })
  context.after(() => load.stop())
  await load.more(50)
  const before = await memory(served.pid, 'VmRSS')
  const answers = (status: number) => load.attempts.get(status) ?? 0
  return {
    ...{ served, load, answers },
    isRefusing: async () => {
      const refused = answers(503)
      await eventually('bodies are refused', () => answers(503) > refused + senders)
      const answered = answers(200)
      const more = answers(503)
      await eventually('more bodies are refused', () => answers(503) > more + senders)
      assert.equal(answers(200), answered, 'A body was acknowledged that nobody has stored.')
    },
    finish: async () => {
      await load.more(20)
      await load.stop()
      const rise = (await memory(served.pid, 'VmHWM')) - before
      assert.ok(rise < mostRise, `The memory of the service rose by ${rise >> 20} MiB.`)
      assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null }, served.noise.join(' '))
      return `${answers(503)} bodies answered 503, memory rose by ${rise >> 20} MiB`
    },
  }
}

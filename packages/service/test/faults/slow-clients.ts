// The fault `slow-clients`: many connections whose heads and bodies hardly arrive, while others post. Called by list.ts and a
// test.

import assert from 'node:assert/strict'
import net from 'node:net'

import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import { Load, progress, usualBodies } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { openService } from './served.js'
import type { Served } from './served.js'

const counts = { reduced: 200, full: 2_000 }
const bodies = { reduced: 200, full: 2_000 }
/**
 * What times under load may grow to is reported; a machine that others use too allows no closer bound. Where others waited for
 * slow connections, it would be for the two seconds and more after which these are closed.
 */
const mostFactor = 10
const allowanceMs = 1_000
/** Whoever has to wait for slow connections does so each time; a machine that stands still for a moment, once. */
const mostMeasures = 3

/** Connections that each stop in the middle of something. */
class Crowd {
  closed = 0
  private readonly sockets: net.Socket[]

  constructor(served: Served, count: number) {
    const { port } = served.ingest
    this.sockets = Array.from({ length: count }, (_, index) => {
      const socket = net.connect(Number(port), '127.0.0.1')
      socket.on('error', () => undefined).on('close', () => this.closed++)
      socket.resume().write('POST /ingest HTTP/1.1\r\nHost: localhost\r\n')
      if (index % 2 === 1) socket.write('Content-Length: 100\r\n\r\n{"id":"slow"')
      return socket
    })
  }

  leave(): void {
    for (const socket of this.sockets) socket.destroy()
  }
}

function p99(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0
}

async function run(context: FaultContext) {
  const { random, scale } = context
  const served = await openService(context, { http: 'headersWithinMs: 2s, requestWithinMs: 3s' })
  const ledger = new Ledger(random)
  assert.equal(await served.start(), undefined, served.noise.join(' '))
  const next = usualBodies(ledger, random, 20)
  const measure = async () => {
    const load = new Load(served, random).start({ senders: 2, next })
    await load.more(bodies[scale])
    await load.stop()
    return p99(load.timesMs)
  }
  // The first bodies find cold code.
  await measure()
  const alone = await measure()
  const measureBeside = async () => {
    const crowd = new Crowd(served, counts[scale])
    try {
      const ms = await measure()
      await eventually('slow connections are closed', () => crowd.closed === counts[scale])
      return ms
    } finally {
      crowd.leave()
    }
  }
  const mostMs = mostFactor * alone + allowanceMs
  let beside = await measureBeside()
  for (let n = 1; n < mostMeasures && beside >= mostMs; n++) beside = await measureBeside()
  await progress(served, ledger, random)
  const times = `p99 ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside ${counts[scale]} slow ones`
  assert.ok(beside < mostMs, times)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  return { ...judge(ledger, await readOutputs(served.outputs)), notes: times }
}

/** See `what`. */
export const slowClients: Fault = {
  name: 'slow-clients',
  what: 'opens many connections that hardly send anything: they are closed in time, and others are served',
  run,
}

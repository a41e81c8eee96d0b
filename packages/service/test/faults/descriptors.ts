// The fault `descriptors`: the process may open hardly any more files while connections crowd in. Called by list.ts and
// a test.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import net from 'node:net'

import type { Fault, FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import { Load, progress, usualBodies } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { openService } from './served.js'

const rounds = { reduced: 1, full: 10 }
const crowd = 60
/** Descriptors that the process may open beyond those that it needs at rest. */
const spare = 10

function limit(pid: number, soft: string): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`])
  assert.equal(status, 0, stderr.toString())
}

/** The limit that a process has, as text. */
async function limitOf(pid: number): Promise<string> {
  return /^Max open files\s+(\S+)/m.exec(await readFile(`/proc/${pid}/limits`, 'utf8'))?.[1] ?? ''
}

/** Opens connections that say nothing. Resolves when each is connected or refused. */
async function crowdIn(port: number): Promise<{ leave: () => void }> {
  const sockets = await Promise.all(
    Array.from({ length: crowd }, () => {
      const socket = net.connect(port, '127.0.0.1')
      return new Promise<net.Socket>((resolve) => {
        socket.resume()
        socket.on('error', () => resolve(socket)).on('connect', () => resolve(socket))
      })
    }),
  )
  return { leave: () => sockets.forEach((socket) => socket.destroy()) }
}

async function run(context: FaultContext) {
  const { random, scale } = context
  const served = await openService(context, { directory: 'maxFileBytes: 16KiB' })
  const ledger = new Ledger(random)
  // A journal that is written anew needs a descriptor, too, and must not come to harm without.
  assert.equal(await served.start({ preloads: ['short-journals'] }), undefined, served.noise.join(' '))
  await progress(served, ledger, random)
  const { pid } = served
  const usual = await limitOf(pid)
  for (let round = 0; round < rounds[scale]; round++) {
    const idle = (await readdir(`/proc/${pid}/fd`)).length
    limit(pid, String(idle + spare))
    const load = new Load(served, random)
    // Its connection is there before the crowd, so that bodies come to where files are opened.
    await load.attempt(ledger.body(1))
    const { leave } = await crowdIn(Number(served.ingest.port))
    try {
      // Small ones, for which only the journal is opened anew; then such that need a new file as well.
      for (const most of [3, 200]) {
        const next = usualBodies(ledger, random, most)
        // Whatever comes of them, the process survives, and nobody is told 200 for nothing.
        for (let attempt = 0; attempt < 20; attempt++) {
          const came = await load.attempt(next())
          assert.ok(came === 'broken' || came === 200 || came === 503, `answered ${came}`)
        }
      }
    } finally {
      leave()
      await load.stop()
    }
    // Still with few descriptors: what is left has to do.
    await progress(served, ledger, random)
    limit(pid, usual)
  }
  await progress(served, ledger, random)
  assert.equal(served.pid, pid)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  return judge(ledger, await readOutputs(served.outputs))
}

/** See `what`. */
export const descriptors: Fault = {
  name: 'descriptors',
  what: 'takes the descriptors away while connections crowd in: 503 or no connection, no crash, and it goes on',
  needs: 'linux',
  run,
}

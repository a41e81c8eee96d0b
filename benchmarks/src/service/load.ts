// The load maker: a process of its own that posts what it is told to (load-protocol.ts) and says what came of it. Judges
// nothing. Started by LoadMaker.

import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { bodiesOf, gzipped, numberedBody, numberedBytes } from './bodies.ts'
import { Connection } from './connection.ts'
import type { Encoding, Target } from './connection.ts'
import type { BurstJob, ClosedJob, FileBodies, Job, LoadResult, OpenJob, SlowJob } from './load-protocol.ts'
import { pause } from './processes.ts'
import { SampledRecords } from './sampled-bodies.ts'

type Outcome = Omit<LoadResult, 'seconds' | 'cpuSeconds'>

/** Made by the last job of the kind `file`. */
let made: { readonly bodies: readonly Uint8Array[]; readonly encoding: Encoding; readonly bytes: number } = {
  bodies: [],
  encoding: 'identity',
  bytes: 0,
}
const nothing: Outcome = {
  posts: 0,
  bytes: 0,
  sentBytes: 0,
  statuses: {},
  latenciesMs: [],
  answers: [],
  connections: 0,
}

function make({ path, bodyBytes, encoding }: FileBodies): Outcome {
  const plain = bodiesOf(path, bodyBytes)
  const bodies = encoding === 'gzip' ? plain.map((body) => gzipped(body)) : plain
  made = { bodies, encoding, bytes: sum(plain) }
  return nothing
}

async function closedLoop({ target, connections }: ClosedJob): Promise<Outcome> {
  const { bodies, encoding, bytes } = made
  const statuses: Record<number, number> = {}
  let next = 0
  const work = async (connection: Connection) => {
    while (next < bodies.length) count(statuses, await connection.post(bodies[next++]!, encoding))
  }
  const all = Array.from({ length: connections }, () => new Connection(target))
  await Promise.all(all.map(work))
  for (const connection of all) connection.close()
  return { ...nothing, posts: bodies.length, bytes, sentBytes: sum(bodies), statuses, connections }
}

/** Milliseconds for which bodies that are due are posted together; what they wait for that counts as their time. */
const tickMs = 1

async function openLoop(job: OpenJob): Promise<Outcome> {
  const { bodiesPerSecond, recordsPerBody, seconds, firstId } = job
  const posts = Math.round(bodiesPerSecond * seconds)
  const latenciesMs = new Array<number>(posts).fill(0)
  const answers = new Array<number>(posts).fill(0)
  const free = Array.from({ length: job.connections }, () => new Connection(job.target))
  const all = [...free]
  const run = { next: 0, done: 0, most: 0 }
  const startedMs = performance.now()
  const dueMs = (index: number): number => startedMs + (index * 1000) / bodiesPerSecond
  const samples = job.samples === undefined ? undefined : new SampledRecords(job.samples)
  let bytes = 0
  const post = async (index: number, connection: Connection) => {
    const first = firstId + index * recordsPerBody
    const body = samples?.body(first, recordsPerBody) ?? numberedBody(first, recordsPerBody)
    bytes += body.length
    const status = await connection.post(body, 'identity')
    answers[index] = status
    latenciesMs[index] = performance.now() - dueMs(index)
    free.push(connection)
    run.done++
  }
  while (run.done < posts) {
    while (run.next < posts && free.length > 0 && dueMs(run.next) <= performance.now()) {
      void post(run.next++, free.pop()!)
    }
    run.most = Math.max(run.most, all.length - free.length)
    await pause(tickMs)
  }
  for (const connection of all) connection.close()
  const statuses: Record<number, number> = {}
  for (const status of answers) count(statuses, status)
  return { posts, bytes, sentBytes: bytes, statuses, latenciesMs, answers, connections: run.most }
}

/** What is announced is charged to the budget: ten thousand such bodies fit into it. */
const slowBodyBytes = 4 << 10
const slowEveryMs = 2_000
/** Connections that are opened together: more would overflow the queue of connections not yet taken. */
const connectAtOnce = 200

async function slowConnections({ target, connections, seconds }: SlowJob): Promise<Outcome> {
  const sockets: Socket[] = []
  const open = new Set<Socket>()
  while (sockets.length < connections) {
    const wanted = Math.min(connectAtOnce, connections - sockets.length)
    const more = await Promise.all(Array.from({ length: wanted }, () => openSlowly(target, open)))
    sockets.push(...more)
  }
  const most = open.size
  const statuses: Record<number, number> = {}
  const quick = new Connection(target)
  const latenciesMs: number[] = []
  const body = numberedBody(0, 100)
  let posts = 0
  const endMs = performance.now() + 1000 * seconds
  for (let lastMs = 0; performance.now() < endMs; await pause(100)) {
    if (performance.now() - lastMs > slowEveryMs) {
      lastMs = performance.now()
      for (const socket of open) socket.write('{')
    }
    const startedMs = performance.now()
    count(statuses, await quick.post(body, 'identity'))
    latenciesMs.push(performance.now() - startedMs)
    posts++
  }
  quick.close()
  for (const socket of sockets) socket.destroy()
  const bytes = posts * body.length
  return { ...nothing, posts, bytes, sentBytes: bytes, statuses, latenciesMs, connections: most }
}

/** Opens a connection, sends the head of a long body, and settles; the connection is in `open` while it stands. */
function openSlowly({ host, port, path }: Target, open: Set<Socket>): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const settle = () => {
      open.delete(socket)
      resolve(socket)
    }
    socket.on('connect', () => {
      open.add(socket)
      socket.write(`POST ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nContent-Length: ${slowBodyBytes}\r\n\r\n`)
      resolve(socket)
    })
    socket.on('error', settle)
    socket.on('close', settle)
    socket.resume()
  })
}

async function burst({ target, connections, body }: BurstJob): Promise<Outcome> {
  const encoding = body.of === 'zeros' ? 'gzip' : 'identity'
  const sent =
    body.of === 'zeros' ? gzipped(Buffer.alloc(body.bytes)) : numberedBody(0, Math.floor(body.bytes / numberedBytes))
  const statuses: Record<number, number> = {}
  const all = Array.from({ length: connections }, () => new Connection(target))
  await Promise.all(all.map(async (connection) => count(statuses, await connection.post(sent, encoding))))
  for (const connection of all) connection.close()
  const sentBytes = connections * sent.length
  return { ...nothing, posts: connections, bytes: connections * body.bytes, sentBytes, statuses, connections }
}

function count(statuses: Record<number, number>, status: number): void {
  statuses[status] = (statuses[status] ?? 0) + 1
}

function sum(parts: readonly Uint8Array[]): number {
  return parts.reduce((bytes, part) => bytes + part.length, 0)
}

async function perform(job: Job): Promise<LoadResult> {
  const startedMs = performance.now()
  const used = process.cpuUsage()
  const outcome = await outcomeOf(job)
  const { user, system } = process.cpuUsage(used)
  return { ...outcome, seconds: (performance.now() - startedMs) / 1000, cpuSeconds: (user + system) / 1e6 }
}

function outcomeOf(job: Job): Outcome | Promise<Outcome> {
  switch (job.kind) {
    case 'file':
      return make(job)
    case 'closed':
      return closedLoop(job)
    case 'open':
      return openLoop(job)
    case 'slow':
      return slowConnections(job)
    case 'burst':
      return burst(job)
  }
}

process.on('message', (job: Job) => {
  perform(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: (error as Error).message }),
  )
})
process.on('disconnect', () => process.exit())

// A proxy between clients and an object store that harms single calls: it refuses them as stores do, cuts, holds or loses
// them, or lets them take effect and loses the answer. What passes is not changed, so signatures stay right. Called by faults and
// tests.

import http from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

import type { Owner } from '../kafka/broker.ts'

/** What a call is for. */
export type StoreOperation = 'put' | 'head' | 'get' | 'list' | 'other'

/** A call that passes. */
export interface PassingCall {
  readonly operation: StoreOperation
  /** Of the object, without the bucket; empty for what is about the bucket. */
  readonly key: string
  /** Who called, as the door says that it came by. */
  readonly client: number | undefined
  /** When it had come whole, in milliseconds of `performance.now()`. */
  readonly atMs: number
  readonly bytes: number
}

/** A client's connection; the time is of `performance.now()`, and absent while it is open. */
export interface Connection {
  closedAtMs?: number
}

/** An answer in place of the store's: its status, and the code that the store would give. */
export interface Refusal {
  readonly status: number
  readonly code: string
  /** Seconds that the client is told to wait. */
  readonly retryAfter?: number
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * What becomes of a call:
 * - `pass`: nothing is done to it.
 * - `reset`: it is cut and never reaches the store.
 * - `hang`: it never reaches the store, and nobody answers until the client gives up.
 * - `lose`: it takes effect, and its answer is lost: the connection is cut.
 * - `swallow`: it takes effect, and the answer never comes until the client gives up.
 * - `hold`: it waits until `release()`, and reaches the store then, even where the client has given up.
 * - `hold-answer`: it takes effect, and the answer waits until `release()`.
 */
export type CallFate = 'pass' | 'reset' | 'hang' | 'lose' | 'swallow' | 'hold' | 'hold-answer' | Refusal

/** Which calls are harmed, and how. */
export interface CallPlan {
  readonly on: StoreOperation | 'all'
  readonly when?: (call: PassingCall) => boolean
  /** How many of those that fit; 1 by default. */
  readonly times?: number
  /** The same for each, or drawn for each. */
  readonly do: CallFate | ((call: PassingCall) => CallFate)
}

/** Harm that is planned, and what came of it. */
export class CallFault {
  readonly plan: CallPlan
  /** Resolves with the first call that it struck: when it has taken effect, where it is to. */
  readonly struck: Promise<PassingCall>
  strikes = 0
  readonly released: Promise<void>
  private letGo!: () => void
  /** Called by the proxy. */
  tellStruck!: (call: PassingCall) => void

  constructor(plan: CallPlan) {
    this.plan = plan
    this.struck = new Promise((resolve) => (this.tellStruck = resolve))
    this.released = new Promise((resolve) => (this.letGo = resolve))
  }

  /** Lets go what it holds. */
  release(): void {
    this.letGo()
  }

  /** Whether it strikes the call. Counts it where it does. */
  strikesAt(call: PassingCall): boolean {
    const { on, when, times = 1 } = this.plan
    if ((on !== 'all' && on !== call.operation) || this.strikes >= times || when?.(call) === false) return false
    this.strikes++
    return true
  }
}

/** A call that has passed or was harmed. */
export interface SeenCall extends PassingCall {
  readonly fate: CallFate
  readonly connection: Connection
  /** What the store or the refusal answered; undefined where nothing came back. */
  status?: number
}

interface Answer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** The proxy. *Order of calls*: `startStoreProxy()`, `open()`; `plan()` and `clear()` at any time. */
export class StoreProxy {
  /** All calls so far, in the order in which they came. */
  readonly calls: SeenCall[] = []
  private readonly target: URL
  private readonly servers: http.Server[] = []
  private readonly agent = new http.Agent({ keepAlive: true })
  private readonly connections = new WeakMap<Socket, Connection>()
  private faults: CallFault[] = []

  /** Made by `startStoreProxy`. */
  constructor(target: string) {
    this.target = new URL(target)
  }

  /** Plans harm. Of several that fit the same call, the first that was planned strikes. */
  plan(plan: CallPlan): CallFault {
    const fault = new CallFault(plan)
    this.faults.push(fault)
    return fault
  }

  /** Forgets what was planned, and lets go what is held. */
  clear(): void {
    for (const fault of this.faults) fault.release()
    this.faults = []
  }

  /** Opens a door and resolves with where clients find it: `http://127.0.0.1:PORT`. `client`: who comes by it. */
  async open(client?: () => number | undefined): Promise<string> {
    const server = http.createServer((request, response) => void this.take(request, response, client))
    server.keepAliveTimeout = 60_000
    server.on('connection', (socket) => {
      const connection: Connection = {}
      this.connections.set(socket, connection)
      socket.once('close', () => (connection.closedAtMs = performance.now()))
    })
    this.servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.clear()
    for (const server of this.servers) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
    this.agent.destroy()
  }

  private async take(
    request: IncomingMessage,
    response: ServerResponse,
    client?: () => number | undefined,
  ): Promise<void> {
    const body = await bodyOf(request).catch(() => undefined)
    // A client that is killed in the middle has not called.
    if (body === undefined) return
    const passing = { ...callOf(request, body.length), client: client?.() }
    const fault = this.faults.find((each) => each.strikesAt(passing))
    const chosen = fault?.plan.do ?? 'pass'
    const fate = typeof chosen === 'function' ? chosen(passing) : chosen
    const call: SeenCall = { ...passing, fate, connection: this.connections.get(request.socket)! }
    this.calls.push(call)
    if (fate !== 'lose' && fate !== 'swallow' && fate !== 'hold-answer') fault?.tellStruck(call)
    if (typeof fate === 'object') return refuse(request, response, call, fate)
    if (fate === 'reset') return void request.socket.destroy()
    if (fate === 'hang') return
    if (fate === 'hold') await fault!.released
    const answer = await this.forward(request, body).catch(() => undefined)
    fault?.tellStruck(call)
    if (fate === 'swallow') return
    if (fate === 'hold-answer') await fault!.released
    if (answer === undefined || fate === 'lose') return void request.socket.destroy()
    call.status = answer.status
    response.writeHead(answer.status, answer.headers as string[])
    response.end(request.method === 'HEAD' ? undefined : answer.body)
  }

  private forward(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const { hostname: host, port } = this.target
    const headers = rawHeadersOf(request)
    const sent = http.request({ host, port, path: request.url, method: request.method, headers, agent: this.agent })
    sent.end(body)
    return new Promise((resolve, reject) => {
      sent.on('error', reject).on('response', (answer) => {
        const done = (found: Buffer) =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.rawHeaders, body: found })
        bodyOf(answer).then(done, reject)
      })
    })
  }
}

/** Makes a proxy before a store, without any door. It is closed when its owner is done. */
export function startStoreProxy(owner: Owner, target: string): StoreProxy {
  const proxy = new StoreProxy(target)
  owner.after(() => proxy.close())
  return proxy
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** What was signed arrives as it was sent; the wish for `100 Continue` was fulfilled here. */
function rawHeadersOf({ rawHeaders }: IncomingMessage): string[] {
  const kept: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!/^(expect|connection)$/i.test(rawHeaders[i]!)) kept.push(rawHeaders[i]!, rawHeaders[i + 1]!)
  }
  return kept
}

/** Addresses are in path style: `/BUCKET/KEY`. */
function callOf({ method, url = '/' }: IncomingMessage, bytes: number): Omit<PassingCall, 'client'> {
  const { pathname, searchParams } = new URL(url, 'http://store')
  const key = decodeURIComponent(pathname.split('/').slice(2).join('/'))
  return { operation: operationOf(method, key, searchParams), key, atMs: performance.now(), bytes }
}

function operationOf(method: string | undefined, key: string, query: URLSearchParams): StoreOperation {
  if (method === 'GET') return query.has('list-type') || key === '' ? 'list' : 'get'
  if (key === '') return 'other'
  return method === 'PUT' ? 'put' : method === 'HEAD' ? 'head' : 'other'
}

function refuse(request: IncomingMessage, response: ServerResponse, call: SeenCall, refusal: Refusal): void {
  const { status, code, retryAfter, headers = {} } = refusal
  call.status = status
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message></Error>`
  response.writeHead(status, {
    'Content-Type': 'application/xml',
    ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : xml)
}

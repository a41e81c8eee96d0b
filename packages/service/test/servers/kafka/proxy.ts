// A proxy between clients and brokers that harms single calls: it delays, holds, drops or cuts the request or the answer of a
// named one. It does not change what passes: brokers are told to advertise its ports instead. What moves the bytes of one
// connection is lanes.ts. Called by tests and faults.

import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

import { startSystemTimer, steadyClock } from '#src/time.js'
import type { Clock, StartTimer } from '#src/time.js'
import type { Owner } from './broker.ts'
import type { ApiName } from './framing.ts'
import { ProxiedConnection } from './lanes.ts'
import type { Fate, PassingFrame } from './lanes.ts'

/**
 * What happens to a frame, and to those behind it in the same direction of its connection:
 * - `pass`: nothing; to be told of it, or to count.
 * - `drop`: it is gone, and the connection stays.
 * - `cut`: it is gone, and the connection is ended on both sides.
 * - `hold`: it waits until `release()`, and so do those behind it. If the client gives up meanwhile, it still arrives.
 * - `strand`, of a request: the client's side is ended at once, and the request waits until `release()` to arrive.
 * - `delayMs`: it and those behind it wait as long.
 */
export type FaultAction = 'pass' | 'drop' | 'cut' | 'hold' | 'strand' | { readonly delayMs: number }

/** Which frames are harmed, and how. */
export interface FaultPlan {
  readonly on: 'request' | 'answer'
  readonly api: ApiName
  /** Looks at those of the call. The request tells most: `requestBytes` holds names of topics, groups and transactions. */
  readonly when?: (frame: PassingFrame) => boolean
  /** The first of those that fit, counted from 1; 1 by default. */
  readonly nth?: number
  /** How many from there on; 1 by default. */
  readonly times?: number
  readonly do: FaultAction
}

/** Harm that is planned, and what came of it. */
export class Fault {
  readonly plan: FaultPlan
  /** Resolves with the first frame that it struck, when that has happened. */
  readonly struck: Promise<PassingFrame>
  /** Frames that fitted, struck or not. */
  fitted = 0
  /** Frames that it struck. */
  strikes = 0
  private readonly released: Promise<void>
  private tellStruck!: (frame: PassingFrame) => void
  private letGo!: () => void

  constructor(plan: FaultPlan) {
    if (plan.do === 'strand' && plan.on === 'answer') throw new Error('Only a request can be stranded.')
    this.plan = plan
    this.struck = new Promise((resolve) => (this.tellStruck = resolve))
    this.released = new Promise((resolve) => (this.letGo = resolve))
  }

  /** Lets go what it holds or stranded; what it strikes from now on passes. */
  release(): void {
    this.letGo()
  }

  /** Whether it strikes the frame. Counts it where it fits. */
  strikesAt(frame: PassingFrame): boolean {
    const { on, api, when, nth = 1, times = 1 } = this.plan
    if (frame.side !== on || frame.request?.api !== api || when?.(frame) === false) return false
    this.fitted++
    return this.fitted >= nth && this.fitted < nth + times
  }

  /** Resolves with what becomes of a frame that it strikes. */
  async strike(frame: PassingFrame, ways: { wait(ms: number): Promise<void>; strand(): void }): Promise<Fate> {
    this.strikes++
    const { do: action } = this.plan
    if (action === 'strand') ways.strand()
    this.tellStruck(frame)
    if (typeof action === 'object') await ways.wait(action.delayMs)
    else if (action === 'drop' || action === 'cut') return action
    else if (action !== 'pass') await this.released
    return 'pass'
  }
}

/** Who measures the time of delays. */
export interface ProxyTime {
  readonly clock?: Clock
  readonly startTimer?: StartTimer
}

/** A port of the proxy. */
export interface DoorOptions {
  /** For bytes that are not Kafka's frames, such as TLS: only what harms whole connections works. */
  readonly isOpaque?: boolean
}

/** Starts a proxy without any port. It is closed when its owner is done. */
export function startProxy(owner: Owner, time: ProxyTime = {}): FaultProxy {
  const proxy = new FaultProxy(time)
  owner.after(() => proxy.close())
  return proxy
}

/** The proxy, with a port for each broker. What is planned holds for all of them. */
export class FaultProxy {
  private readonly clock: Clock
  private readonly startTimer: StartTimer
  private readonly servers: Server[] = []
  private readonly connections = new Set<ProxiedConnection>()
  private readonly requestCounts = new Map<ApiName, number>()
  private faults: Fault[] = []
  private latencyMs = 0
  private isRefusing = false
  private thawed = Promise.resolve()
  private thawNow: (() => void) | undefined
  private opened = 0

  constructor({ clock = steadyClock, startTimer = startSystemTimer }: ProxyTime) {
    this.clock = clock
    this.startTimer = startTimer
  }

  /** Opens a port before a server on 127.0.0.1, which need not be there yet, and resolves with it. */
  async open(target: number, { isOpaque = false }: DoorOptions = {}): Promise<number> {
    const server = createServer((client) => this.accept(client, target, isOpaque))
    this.servers.push(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(0, '127.0.0.1', resolve)
    })
    return (server.address() as AddressInfo).port
  }

  /** Plans harm. Of several that fit the same frame, the first that was planned strikes, and all count it. */
  plan(plan: FaultPlan): Fault {
    const fault = new Fault(plan)
    this.faults.push(fault)
    return fault
  }

  /** Forgets what was planned, and lets go what is held. */
  clear(): void {
    for (const fault of this.faults) fault.release()
    this.faults = []
  }

  /** How many requests of the call have come so far. */
  requests(api: ApiName): number {
    return this.requestCounts.get(api) ?? 0
  }

  /** How many connections there are. */
  get connected(): number {
    return this.connections.size
  }

  /** Ends all connections. */
  cutAll(): void {
    for (const connection of this.connections) connection.cut()
  }

  /** Ends new connections as soon as they come, until it is told otherwise: the broker is away. */
  refuse(isRefusing: boolean): void {
    this.isRefusing = isRefusing
  }

  /** Has nothing pass any more, either way, while connections stay and new ones come: the network is silent. */
  freeze(): void {
    if (this.thawNow !== undefined) return
    this.thawed = new Promise((resolve) => (this.thawNow = resolve))
  }

  /** Has all pass that waited since `freeze()`. */
  thaw(): void {
    this.thawNow?.()
    this.thawNow = undefined
  }

  /** Has every frame take as much longer, each way. */
  slow(latencyMs: number): void {
    this.latencyMs = latencyMs
  }

  /** Ends all connections and closes all ports. */
  async close(): Promise<void> {
    this.refuse(true)
    this.cutAll()
    this.thaw()
    this.clear()
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }

  private accept(client: Socket, target: number, isOpaque: boolean): void {
    if (this.isRefusing) {
      client.destroy()
      return
    }
    const id = ++this.opened
    const connection: ProxiedConnection = new ProxiedConnection({
      ...{ id, client, isOpaque },
      broker: connect(target, '127.0.0.1'),
      clock: this.clock,
      decide: (frame, arrivedMs) => this.decide(connection, frame, arrivedMs),
      onEnd: () => this.connections.delete(connection),
    })
    this.connections.add(connection)
  }

  private async decide(connection: ProxiedConnection, frame: PassingFrame, arrivedMs: number): Promise<Fate> {
    const { request } = frame
    if (frame.side === 'request' && request?.api !== undefined) {
      this.requestCounts.set(request.api, this.requests(request.api) + 1)
    }
    if (this.latencyMs > 0) await this.waitUntil(arrivedMs + this.latencyMs)
    await this.thawed
    const striking = this.faults.filter((fault) => fault.strikesAt(frame))
    const ways = {
      wait: (ms: number) => this.waitUntil(arrivedMs + ms),
      strand: () => connection.strand(),
    }
    const fate = await striking[0]?.strike(frame, ways)
    // What waited through a silence of the network waits on while it is silent.
    await this.thawed
    return fate ?? 'pass'
  }

  private async waitUntil(dueMs: number): Promise<void> {
    const ms = dueMs - this.clock()
    if (ms > 0) await new Promise<void>((resolve) => this.startTimer(ms, resolve))
  }
}

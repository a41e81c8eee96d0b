// One connection through the proxy: two lanes, in each of which frames pass one after another, when it was decided what
// becomes of them. Who decides is proxy.ts, which alone calls this.

import type { Socket } from 'node:net'

import type { Clock } from '#src/time.js'
import { FrameSplitter, answeredId, requestHead } from './framing.ts'
import type { RequestHead } from './framing.ts'

/** A frame on its way. */
export interface PassingFrame {
  readonly side: 'request' | 'answer'
  /** Number of the connection, from 1. */
  readonly connection: number
  /** What was asked; undefined where the bytes are not Kafka's. */
  readonly request: RequestHead | undefined
  /** The request, whole, with its length before it; empty where it is not known. */
  readonly requestBytes: Buffer
  /** The frame itself, whole, with its length before it. */
  readonly bytes: Buffer
}

/** What becomes of a frame. */
export type Fate = 'pass' | 'drop' | 'cut'

/** What makes a connection. */
export interface ConnectionOptions {
  readonly id: number
  readonly client: Socket
  readonly broker: Socket
  readonly isOpaque: boolean
  readonly clock: Clock
  /** Resolves when the frame may go its way. `arrivedMs` is by `clock`. */
  readonly decide: (frame: PassingFrame, arrivedMs: number) => Promise<Fate>
  /** Called once, when both sides are closed. */
  readonly onEnd: () => void
}

interface Asked {
  readonly head: RequestHead
  readonly bytes: Buffer
}

/** A client's connection and the one to the broker that stands for it. */
export class ProxiedConnection {
  private readonly options: ConnectionOptions
  /** By their numbers, those that are not answered. A request that wants no answer stays. */
  private readonly asked = new Map<number, Asked>()
  private closed = 0

  constructor(options: ConnectionOptions) {
    this.options = options
    const { client, broker } = options
    this.join(client, broker, (bytes) => this.requestOf(bytes))
    this.join(broker, client, (bytes) => this.answerOf(bytes))
  }

  /** Ends both sides at once. */
  cut(): void {
    this.options.client.destroy()
    this.options.broker.destroy()
  }

  /** Ends the client's side at once; requests that came before still go to the broker, and then its side is ended. */
  strand(): void {
    this.options.client.destroy()
  }

  private join(from: Socket, to: Socket, read: (bytes: Buffer) => PassingFrame): void {
    const { clock, decide, isOpaque } = this.options
    const lane = new Lane(from, to, async (bytes, arrivedMs) => {
      const fate = await decide(read(bytes), arrivedMs)
      if (fate === 'cut') this.cut()
      return fate === 'pass'
    })
    const splitter = new FrameSplitter()
    from.on('data', (chunk: Buffer) => {
      for (const bytes of isOpaque ? [chunk] : splitter.push(chunk)) lane.add(bytes, clock())
    })
    // A connection that breaks is as one that ends: what has come before passes first.
    from.on('error', () => undefined)
    from.once('close', () => {
      lane.end()
      this.closed++
      if (this.closed === 2) this.options.onEnd()
    })
  }

  private requestOf(bytes: Buffer): PassingFrame {
    const request = this.options.isOpaque ? undefined : requestHead(bytes)
    if (request !== undefined) this.asked.set(request.correlationId, { head: request, bytes })
    return { side: 'request', connection: this.options.id, request, requestBytes: bytes, bytes }
  }

  private answerOf(bytes: Buffer): PassingFrame {
    const id = this.options.isOpaque ? undefined : answeredId(bytes)
    const asked = id === undefined ? undefined : this.asked.get(id)
    if (id !== undefined) this.asked.delete(id)
    const requestBytes = asked?.bytes ?? Buffer.alloc(0)
    return { side: 'answer', connection: this.options.id, request: asked?.head, requestBytes, bytes }
  }
}

/** Beyond it, a lane reads on only when something has passed. */
const mostWaitingBytes = 64 << 20

interface Waiting {
  readonly bytes: Buffer
  readonly arrivedMs: number
}

/** One direction. */
class Lane {
  private readonly from: Socket
  private readonly to: Socket
  private readonly mayPass: (bytes: Buffer, arrivedMs: number) => Promise<boolean>
  private readonly waiting: Waiting[] = []
  private waitingBytes = 0
  private isEnding = false
  private isMoving = false

  constructor(from: Socket, to: Socket, mayPass: (bytes: Buffer, arrivedMs: number) => Promise<boolean>) {
    this.from = from
    this.to = to
    this.mayPass = mayPass
  }

  add(bytes: Buffer, arrivedMs: number): void {
    this.waiting.push({ bytes, arrivedMs })
    this.waitingBytes += bytes.length
    if (this.waitingBytes > mostWaitingBytes) this.from.pause()
    void this.move()
  }

  /** Ends the other side when all that waits has passed. */
  end(): void {
    this.isEnding = true
    void this.move()
  }

  private async move(): Promise<void> {
    if (this.isMoving) return
    this.isMoving = true
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      if (await this.mayPass(next.bytes, next.arrivedMs)) await write(this.to, next.bytes)
      this.waitingBytes -= next.bytes.length
      if (this.waitingBytes <= mostWaitingBytes) this.from.resume()
    }
    this.isMoving = false
    if (this.isEnding) this.to.end()
  }
}

/** Resolves when the socket wants more, or nothing any more. */
async function write(to: Socket, bytes: Buffer): Promise<void> {
  if (to.destroyed || to.writableEnded || to.write(bytes)) return
  await new Promise<void>((resolve) => {
    const go = () => {
      to.off('drain', go)
      to.off('close', go)
      resolve()
    }
    to.on('drain', go)
    to.on('close', go)
  })
}

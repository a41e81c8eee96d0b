// An object store of our own over node:http, in memory: it does what S3 does for the calls that the service makes, and by a
// script what healthy stores never do. It refuses what some real ones refuse: bodies without a length, `aws-chunked`, and
// checksums of the newer kind. It knows access keys, and takes every signature; versitygw.ts is the one that checks those. How
// one call is answered is fake-exchange.ts's.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

import type { Pair } from '../../sources/certificate.ts'
import type { Owner } from '../kafka/broker.ts'
import { Exchange } from './fake-exchange.ts'
import type { FakeObject } from './fake-exchange.ts'
import type { FakeCall, FakeOperation, Misdeed, Script } from './misdeeds.ts'
import { testKeys } from './server.ts'
import type { S3Server } from './server.ts'

/** What a fake should be like. */
export interface FakeS3Options {
  /** Default: `logs`. */
  readonly buckets?: readonly string[]
  /** Whether conditions are ignored, always. */
  readonly ignoresConditions?: boolean
  /** Whether the key may not list: then a missing object is answered 403. */
  readonly hidesMissing?: boolean
  /** How far its clock is ahead. Calls that are signed a quarter of an hour away from it are refused. */
  readonly clockMs?: number
  /** Default: that of `testKeys`; calls that are signed for another are refused. */
  readonly region?: string
  /** Access keys that it knows. Default: that of `testKeys`. */
  readonly accessKeys?: readonly string[]
  /** Objects in one answer to a list. */
  readonly pageSize?: number
  readonly script?: Script
  /** With it, it speaks TLS. */
  readonly certificate?: Pair
}

/** A fake store that runs, until its owner is done. What is mutable may be changed at any time. */
export class FakeS3 implements S3Server {
  readonly accessKey = testKeys.accessKey
  readonly secretKey = testKeys.secretKey
  readonly buckets: Map<string, Map<string, FakeObject>>
  /** Every call that arrived, in order. */
  readonly calls: FakeCall[] = []
  /** Connections that were made, and that are open. */
  connections = 0
  readonly open = new Set<Socket>()
  /** Asked for each call of which nothing is planned by `next()`. */
  script: Script | undefined
  ignoresConditions: boolean
  hidesMissing: boolean
  clockMs: number
  region: string
  accessKeys: readonly string[]
  readonly #pageSize: number
  readonly #certificate: Pair | undefined
  readonly #planned = new Map<FakeOperation, (Misdeed | undefined)[]>()
  readonly #counts = new Map<FakeOperation, number>()
  #server: Server | undefined
  #port = 0

  constructor(options: FakeS3Options = {}) {
    this.buckets = new Map((options.buckets ?? ['logs']).map((name) => [name, new Map()]))
    this.script = options.script
    this.ignoresConditions = options.ignoresConditions ?? false
    this.hidesMissing = options.hidesMissing ?? false
    this.clockMs = options.clockMs ?? 0
    this.region = options.region ?? testKeys.region
    this.accessKeys = options.accessKeys ?? [testKeys.accessKey]
    this.#pageSize = options.pageSize ?? 1000
    this.#certificate = options.certificate
  }

  get endpoint(): string {
    return `${this.#certificate === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`
  }

  /** Objects of a bucket, by key. */
  objects(bucket = 'logs'): Map<string, FakeObject> {
    const found = this.buckets.get(bucket)
    if (found === undefined) throw new Error(`The fake has no bucket ${bucket}.`)
    return found
  }

  /** Plans what becomes of the next calls of an operation, one after another; undefined: what should. */
  next(operation: FakeOperation, ...misdeeds: (Misdeed | undefined)[]): void {
    this.#planned.set(operation, [...(this.#planned.get(operation) ?? []), ...misdeeds])
  }

  /** Calls of an operation so far. */
  callsOf(operation: FakeOperation): FakeCall[] {
    return this.calls.filter((call) => call.operation === operation)
  }

  /** Listens, on the same port as before. */
  async start(): Promise<void> {
    const { certificate: cert, key } = this.#certificate ?? {}
    const server = cert === undefined || key === undefined ? createServer() : createSecureServer({ cert, key })
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#take(request, response, () => undefined),
    )
    server.on(cert === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.connections++
      this.open.add(socket)
      socket.once('close', () => this.open.delete(socket))
    })
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
      this.#take(request, response, () => response.writeContinue()),
    )
    // Connections that are kept are ended by whoever asks, or by `stop()`.
    server.keepAliveTimeout = 0
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Ends every connection; nobody listens until `start()`. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  #take(request: IncomingMessage, response: ServerResponse, goOn: () => void): void {
    // A connection that is ended in the middle is what is tested.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    const call = this.#callOf(request)
    this.calls.push(call)
    const planned = this.#planned.get(call.operation)
    const misdeed = planned !== undefined && planned.length > 0 ? planned.shift() : this.script?.(call)
    const exchange = new Exchange(this, call, { request, response, goOn, pageSize: this.#pageSize })
    exchange.run(misdeed).catch(() => response.destroy())
  }

  #callOf({ method = '', url = '', headers: given }: IncomingMessage): FakeCall {
    const { pathname, searchParams } = new URL(url, this.endpoint)
    const [, bucket = '', ...rest] = pathname.split('/').map(decodeURIComponent)
    const key = rest.join('/')
    const operation = operationOf(method, bucket, key)
    const index = this.#counts.get(operation) ?? 0
    this.#counts.set(operation, index + 1)
    const headers = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]))
    return { operation, index, bucket, key, query: Object.fromEntries(searchParams), headers, bodyBytes: 0 }
  }
}

function operationOf(method: string, bucket: string, key: string): FakeOperation {
  if (bucket === '') return 'buckets'
  if (key === '') return method === 'PUT' ? 'make' : 'list'
  if (method === 'PUT') return 'put'
  if (method === 'HEAD') return 'head'
  return method === 'DELETE' ? 'delete' : 'get'
}

/** Starts a fake, which is ended with its owner. */
export async function startFakeS3(owner: Owner, options: FakeS3Options = {}): Promise<FakeS3> {
  const fake = new FakeS3(options)
  owner.after(() => fake.stop())
  await fake.start()
  return fake
}

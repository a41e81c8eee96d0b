// The admin port: listens, judges who asks, finds the path, and answers. Bounds what a request may cost: connections,
// head, body, time. What is answered is in api.ts. Called by ../commands.

import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

import { limits } from '@weir/engine'

import { isLoopback, listenError } from '../address.ts'
import type { ListenAddress } from '../address.ts'
import { ConfigError, systemCode } from '../errors.ts'
import { hasBody, hostPolicy, refuseForeign, refuseFraming } from '../request-head.ts'
import type { HostPolicy } from '../request-head.ts'
import type { StructuredLog } from '../structured-log.ts'
import type { StartTimer } from '../time.ts'
import { AdminRefusal, rawRefusal, refusal, writeAnswer } from './answers.ts'
import type { Answer } from './answers.ts'
import { endpoints } from './api.ts'
import type { AdminFacts, AdminRequest, Endpoint, Handler } from './api.ts'
import { bearerOf, Tokens } from './tokens.ts'

/** Bounds of what those who ask may cost. Times in milliseconds. */
export const adminBounds = {
  /** Connections; more are closed at once. */
  connections: 128,
  headBytes: 16 << 10,
  /** Time for the head of a request, and for all of it. */
  headMs: 10_000,
  requestMs: 60_000,
  /** Time that a connection may wait for its next request. */
  keepAliveMs: 15_000,
  /** How often these times are looked at. */
  checkMs: 5_000,
  /** Bodies that are read at a time, each as large as a rule file may be. */
  bodies: 2,
  /** Time that answers have when the port is closed. */
  closeMs: 2_000,
} as const

/** The same, by name. */
export type AdminBounds = { readonly [Name in keyof typeof adminBounds]: number }

/** What the admin port needs. */
export interface AdminOptions extends AdminFacts {
  /** Port 0 takes any that is free. */
  readonly listen: ListenAddress
  /** File with the tokens, one a line. Absent: everything is open, which is for loopback addresses only. */
  readonly tokenFile?: string
  /** Names by which a service that listens on a loopback address may be called, besides `localhost`. */
  readonly hosts?: readonly string[]
  readonly log: StructuredLog
  /** Only tests set them. */
  readonly bounds?: Partial<AdminBounds>
  readonly pollMs?: number
  readonly startTimer?: StartTimer
}

/** The admin port, listening. */
export interface AdminServer {
  readonly address: ListenAddress
  /** Looks at the token file now, instead of at the next time. */
  poll(): Promise<void>
  /** Ends it: requests that are being answered have two seconds. */
  close(): Promise<void>
}

/**
 * Opens the admin port. *Errors*: `ERR_CONNECTOR_LISTEN`; `ERR_CONFIG_TOKEN`, also where others than this machine could
 * ask and there are no tokens.
 */
export async function openAdminServer(options: AdminOptions): Promise<AdminServer> {
  const { listen } = options
  if (options.tokenFile === undefined && !isLoopback(listen)) {
    throw new ConfigError(
      'ERR_CONFIG_TOKEN',
      `The admin port is to listen on ${listen.host}, where others reach it, and has no token file.`,
    )
  }
  const { log, metrics, pollMs, startTimer, tokenFile } = options
  const watching = { ...(pollMs === undefined ? {} : { pollMs }), ...(startTimer === undefined ? {} : { startTimer }) }
  const tokens = tokenFile === undefined ? undefined : await Tokens.open(tokenFile, { log, metrics, ...watching })
  const admin = new Admin(options, tokens)
  try {
    const address = await admin.listen(listen)
    return { address, poll: async () => tokens?.poll(), close: () => admin.close() }
  } catch (error) {
    await tokens?.close()
    throw error
  }
}

class Admin {
  readonly #options: AdminOptions
  readonly #tokens: Tokens | undefined
  readonly #policy: HostPolicy
  readonly #bounds: AdminBounds
  readonly #server: Server
  #bodies = 0

  constructor(options: AdminOptions, tokens: Tokens | undefined) {
    this.#options = options
    this.#tokens = tokens
    const bounds = { ...adminBounds, ...options.bounds }
    this.#bounds = bounds
    this.#policy = hostPolicy(options.listen, options.hosts)
    const onRequest = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response)
    this.#server = createServer(
      {
        maxHeaderSize: bounds.headBytes,
        headersTimeout: bounds.headMs,
        requestTimeout: bounds.requestMs,
        keepAliveTimeout: bounds.keepAliveMs,
        connectionsCheckingInterval: bounds.checkMs,
        // A missing one is refused by us, in the form of all answers.
        requireHostHeader: false,
      },
      onRequest,
    )
    this.#server.maxConnections = bounds.connections
    // All of them: what is judged by headers must not be hidden behind others. Their bytes are limited.
    this.#server.maxHeadersCount = 0
    // The body is asked for when the request is known to be good.
    this.#server.on('checkContinue', onRequest)
    this.#server.on('checkExpectation', onRequest)
    this.#server.on('clientError', refuseRaw)
  }

  async listen({ host, port }: ListenAddress): Promise<ListenAddress> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(listenError({ host, port }, error)))
      this.#server.listen({ host, port }, resolve)
    })
    // Accepting may fail while descriptors are short; what is open goes on.
    this.#server.on('error', (error) => this.#options.log.error('The admin port cannot take a connection.', { error }))
    const address = this.#server.address() as AddressInfo
    return { host: address.address, port: address.port }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const timer = setTimeout(() => this.#server.closeAllConnections(), this.#bounds.closeMs)
    await closed
    clearTimeout(timer)
    await this.#tokens?.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = new URL(`http://weir${request.url?.startsWith('/') === true ? request.url : '/'}`)
    const endpoint = Object.hasOwn(endpoints, target.pathname) ? endpoints[target.pathname] : undefined
    let answer: Answer
    try {
      answer = await this.#find(endpoint, request, response, target.searchParams)
    } catch (error) {
      answer = this.#failure(error, target.pathname)
    }
    this.#options.metrics.adminRequest(endpoint === undefined ? 'other' : target.pathname, answer.status)
    // What was not read of a body would be taken for the next request.
    writeAnswer(response, answer, hasBody(request) && !request.complete)
  }

  #find(
    endpoint: Endpoint | undefined,
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
  ): Answer | Promise<Answer> {
    // A whole URL is what proxies are sent, and this is none.
    const isPath = request.url?.startsWith('/') === true
    const refused = isPath ? (refuseFraming(request) ?? refuseForeign(request, this.#policy)) : 'bad-framing'
    if (refused !== undefined) return refusal(refused)
    if (endpoint === undefined) return refusal('unknown-path')
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const handler = method === 'GET' || method === 'POST' ? endpoint[method] : undefined
    if (handler === undefined) return { ...refusal('wrong-method'), headers: { Allow: allowed(endpoint) } }
    const line = this.#lineOfToken(request)
    if (!endpoint.isOpen && line === 'none') return refusal('unauthorized')
    return this.#handle(handler, request, response, query, line)
  }

  #handle(
    handler: Handler,
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
    line: string,
  ): Answer | Promise<Answer> {
    const asked: AdminRequest = {
      query,
      type: request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase(),
      who: `admin port, ${request.socket.remoteAddress ?? 'unknown'}, token ${line}`,
      body: () => this.#body(request, response),
    }
    return handler(this.#options, asked)
  }

  /** Number of the line of the request's token; `not needed` where there are none to be had. */
  #lineOfToken(request: IncomingMessage): string {
    if (this.#tokens === undefined) return 'not needed'
    const line = this.#tokens.lineOf(bearerOf(request) ?? '')
    return line === undefined ? 'none' : `of line ${line}`
  }

  async #body(request: IncomingMessage, response: ServerResponse): Promise<Buffer> {
    const encoding = request.headers['content-encoding'] ?? 'identity'
    if (encoding.trim().toLowerCase() !== 'identity') throw new AdminRefusal('unknown-encoding')
    if (Number(request.headers['content-length'] ?? 0) > limits.ruleFileBytes) throw new AdminRefusal('body-too-large')
    if (this.#bodies >= this.#bounds.bodies) throw new AdminRefusal('busy')
    this.#bodies++
    try {
      if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue()
      return await readBody(request)
    } finally {
      this.#bodies--
    }
  }

  /** Rules that are refused are the sender's to mend; everything else is a fault, and its text is not the sender's. */
  #failure(error: unknown, path: string): Answer {
    if (error instanceof AdminRefusal) return refusal(error.code)
    // The sender went away in the middle of a body: nobody hears the answer.
    if (systemCode(error) === 'ECONNRESET') return refusal('bad-framing')
    const { code, message, issues, details } = error as { [K in 'code' | 'message' | 'issues' | 'details']?: unknown }
    if (typeof code === 'string' && /^ERR_(RULESET|CONFIG|ENGINE|CONNECTOR)_/.test(code)) {
      const told = Array.isArray(issues) && issues.length > 0 ? { issues } : { details }
      return { status: statusOf(code), body: { code, message, ...told } }
    }
    this.#options.log.error('A request to the admin port failed.', { path, error })
    return refusal('internal')
  }
}

function statusOf(code: string): number {
  if (code === 'ERR_CONFIG_RULES_READ_ONLY') return 409
  if (code === 'ERR_ENGINE_CLOSED') return 503
  return /^ERR_(RULESET|CONFIG)_/.test(code) ? 422 : 500
}

function allowed({ GET, POST }: Endpoint): string {
  return [...(GET === undefined ? [] : ['GET', 'HEAD']), ...(POST === undefined ? [] : ['POST'])].join(', ')
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  // Not ended by leaving the loop: that would close the connection before the answer is out.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += (chunk as Buffer).length
    if (length > limits.ruleFileBytes) throw new AdminRefusal('body-too-large')
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

/** Answers what is no request: the parser gave up. */
function refuseRaw(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  if (error.code === 'HPE_HEADER_OVERFLOW') socket.end(rawRefusal('head-too-large', 'Request Header Fields Too Large'))
  else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') socket.end(rawRefusal('timed-out', 'Request Timeout'))
  else socket.end(rawRefusal('bad-framing', 'Bad Request'))
}

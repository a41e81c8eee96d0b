// The listening half of the http source: Node's server with our limits, connections that are too many, and answers to
// what Node's strict parser refuses, in the same form as all others. Knows no records. Called by http.ts.

import { readFile, readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { listenError } from '../address.ts'
import type { ListenAddress } from '../address.ts'
import { watchValue } from '../watched-value.ts'
import type { WatchedNews, WatchedValue } from '../watched-value.ts'
import type { ExchangeContext, HttpExchange } from './http-exchange.ts'
import { httpResponses, rawAnswer, retryAfter } from './http-responses.ts'
import type { HttpCode } from './http-responses.ts'
import { readTls } from './http-tls.ts'
import type { TlsFiles } from './http-tls.ts'

/** How long connections may take to end by themselves when the server closes. */
const closingMs = 500
/** Descriptors that are left to everything but connections, where the process has enough of them. */
const reservedDescriptors = 64

/** What `HttpServer` is made with. */
export interface HttpServerOptions {
  readonly listen: ListenAddress
  readonly tls?: TlsFiles
  readonly context: ExchangeContext
  /** Takes a request whose head has come. `expectsContinue`: its body comes after `writeContinue()` only. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => void
  /** Takes faults that concern no request: a connection that cannot be accepted. */
  readonly report: (error: unknown) => void
  /** Takes what became of a certificate that has changed. */
  readonly reportTls: (news: WatchedNews) => void
}

type TlsServer = ReturnType<typeof createTlsServer>

/** What is known of a connection. */
interface Connection {
  readonly exchanges: Set<HttpExchange>
  /** Its bytes make no sense any more, or it was one too many: nothing further is read from it. */
  broken: HttpCode | undefined
  /** It ends with an answer that was given: whoever framed that request otherwise must not have another one read here. */
  isEnding: boolean
}

/** A server that listens. */
export class HttpServer {
  private readonly options: HttpServerOptions
  private readonly connections = new WeakMap<Duplex, Connection>()
  /** Those that are open, also in the handshake of TLS, of which Node's server knows nothing. */
  private readonly sockets = new Set<Socket>()
  private most = 0
  private server: Server | undefined
  private certificates: WatchedValue<void> | undefined
  private listensAt: ListenAddress

  private constructor(options: HttpServerOptions) {
    this.options = options
    this.listensAt = options.listen
  }

  /** *Errors*: `ERR_CONNECTOR_LISTEN`, `ERR_CONFIG_TLS`. */
  static async open(options: HttpServerOptions): Promise<HttpServer> {
    const opened = new HttpServer(options)
    try {
      opened.most = Math.min(options.context.limits.connections, await freeDescriptors())
      opened.server = await opened.create()
      await opened.listen(opened.server)
      return opened
    } catch (error) {
      await opened.close()
      throw error
    }
  }

  /** Where it listens: the port that the system chose where 0 was asked for. */
  get address(): ListenAddress {
    return this.listensAt
  }

  /** Looks whether the certificate has changed, without waiting for the next time. */
  async poll(): Promise<void> {
    await this.certificates?.poll()
  }

  /** Takes note of a request that will be answered. */
  track(exchange: HttpExchange, response: ServerResponse): void {
    const { socket } = exchange.request
    const connection = this.connectionOf(socket)
    connection.exchanges.add(exchange)
    exchange.onLast = () => (connection.isEnding = true)
    response.on('close', () => {
      connection.exchanges.delete(exchange)
      if (connection.broken !== undefined && connection.exchanges.size === 0) this.answerRaw(socket, connection.broken)
    })
  }

  /** Stops listening, and ends connections: those that do not end by themselves, soon. Never rejects. */
  async close(): Promise<void> {
    await this.certificates?.close()
    const { server } = this
    if (server === undefined || !server.listening) return
    const timer = setTimeout(() => {
      for (const socket of this.sockets) socket.destroy()
    }, closingMs)
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
    })
    clearTimeout(timer)
  }

  private async create(): Promise<Server> {
    const { tls, context, onRequest } = this.options
    const { limits } = context
    const options: ServerOptions = {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
      // A missing one is refused by us, in the form of all answers.
      requireHostHeader: false,
      insecureHTTPParser: false,
      noDelay: true,
    }
    const server =
      tls === undefined
        ? createServer(options)
        : createTlsServer({ ...options, handshakeTimeout: limits.headersTimeoutMs })
    // All of them: a length that Node's parser goes by, and we do not see, would make a body an empty one. Their bytes are limited.
    server.maxHeadersCount = 0
    if (tls !== undefined) await this.certify(server as TlsServer, tls)
    const take = (expectsContinue: boolean) => (request: IncomingMessage, response: ServerResponse) => {
      const { broken, isEnding } = this.connectionOf(request.socket)
      if (broken === undefined && !isEnding) onRequest(request, response, expectsContinue)
    }
    server.on('request', take(false))
    server.on('checkContinue', take(true))
    // What else may be expected need not be understood.
    server.on('checkExpectation', take(false))
    server.on('connect', ({ socket }: IncomingMessage) => this.refuseTunnel(socket))
    server.on('connection', (socket: Socket) => this.accept(socket, tls !== undefined))
    server.on('clientError', (error, socket) => this.refuse(error, socket))
    return server
  }

  /** Gives the server its certificate, and a new one when the files change. */
  private async certify(server: TlsServer, tls: TlsFiles): Promise<void> {
    const { reportTls, context } = this.options
    this.certificates = await watchValue({
      paths: [tls.certificate, tls.key],
      read: async () => server.setSecureContext(await readTls(tls)),
      report: reportTls,
      pollMs: context.limits.pollMs,
      startTimer: context.startTimer,
    })
  }

  private async listen(server: Server): Promise<void> {
    const { listen } = this.options
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(listen.port, listen.host, () => {
          server.off('error', reject)
          resolve()
        })
      })
    } catch (error) {
      throw listenError(listen, error)
    }
    const bound = server.address() as AddressInfo
    this.listensAt = { host: bound.address, port: bound.port }
    // Accepting may fail for want of memory or descriptors; the server goes on.
    server.on('error', (error) => this.options.report(error))
  }

  private accept(socket: Socket, isTls: boolean): void {
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    if (this.sockets.size <= this.most) return
    this.connectionOf(socket).broken = 'too-many-connections'
    // There is no way to answer before the handshake of TLS, which is what has to be saved.
    if (isTls) socket.destroy()
    else this.answerRaw(socket, 'too-many-connections')
  }

  /** Node has given up reading a connection: bytes that are no HTTP, a time-out, or it is gone. */
  private refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
    const isTimeout = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
    // A sender that stops in the middle has gone away, and will come back.
    const isFraming = error.code?.startsWith('HPE_') === true && error.code !== 'HPE_INVALID_EOF_STATE'
    const connection = this.connectionOf(socket)
    // Opened ahead of need, or to see whether somebody listens.
    const isSilent = isTimeout && (socket as Socket).bytesRead === 0
    if (!socket.writable || isSilent || !(isTimeout || isFraming)) {
      socket.destroy()
      return
    }
    if (connection.broken !== undefined) return
    connection.broken = isTimeout ? 'timed-out' : 'bad-framing'
    const unread = [...connection.exchanges].find(({ isRead }) => !isRead)
    if (unread?.isAnswered === true) socket.destroy()
    else if (unread !== undefined) unread.answer(connection.broken, { isBroken: true })
    // Requests before it, on the same connection, get their own answers first.
    else if (connection.exchanges.size === 0) this.answerRaw(socket, connection.broken)
  }

  /** A request to be a tunnel, `CONNECT`, takes the connection from Node's server; others before it are answered first. */
  private refuseTunnel(socket: Socket): void {
    const connection = this.connectionOf(socket)
    if (connection.broken !== undefined) return
    connection.broken = 'wrong-method'
    if (connection.exchanges.size === 0) this.answerRaw(socket, connection.broken)
  }

  /** Answers where there is no request, and closes. */
  private answerRaw(socket: Duplex, code: HttpCode): void {
    if (!socket.writable) return
    const { limits, random, observe } = this.options.context
    observe?.answered({ status: httpResponses[code].status, code, compressedBytes: 0, inflatedBytes: 0, seconds: 0 })
    socket.on('error', () => undefined)
    socket.end(rawAnswer(code, retryAfter(limits, random)), () => socket.destroy())
  }

  private connectionOf(socket: Duplex): Connection {
    let connection = this.connections.get(socket)
    if (connection === undefined) {
      connection = { exchanges: new Set(), broken: undefined, isEnding: false }
      this.connections.set(socket, connection)
    }
    return connection
  }
}

/** Returns how many connections the process has descriptors for. Known on Linux only; elsewhere without bound. */
async function freeDescriptors(): Promise<number> {
  try {
    const limits = await readFile('/proc/self/limits', 'utf8')
    const most = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity)
    const free = most - (await readdir('/proc/self/fd')).length
    return Math.max(1, free - Math.min(reservedDescriptors, Math.floor(free / 2)))
  } catch {
    return Infinity
  }
}

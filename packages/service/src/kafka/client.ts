// One instance of the client library with sockets of its own, so that it can be given up at once: what it has under way
// fails, and it never comes back. Credentials are those of the moment in which a connection is opened. Called by
// producer.ts, member.ts and admin.ts.

import { connect, isIP } from 'node:net'
import type { OnReadOpts, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

import type { ISocketFactory, Kafka, LogEntry, Mechanism } from 'kafkajs'
import type { StructuredLog } from '../structured-log.ts'
import type { LibraryCluster } from './admin.ts'
import type { Credentials } from './credentials.ts'
import { fetchMemory } from './fetch-memory.ts'
import { FrameReader } from './frames.ts'
import { library } from './library.ts'
import type { Library } from './library.ts'

/** What all instances of one cluster share. */
export interface ClientSettings {
  readonly brokers: readonly Place[]
  readonly clientId: string
  readonly credentials: () => Credentials
  readonly requestMs: number
  readonly log: StructuredLog | undefined
}

/** Where something listens. */
export interface Place {
  readonly host: string
  readonly port: number
}

/** How long opening a connection may take. */
const connectMs = 5_000

/** The library's default, 300 ms at first, halves what transactions carry. */
const retry = { initialRetryTime: 10, maxRetryTime: 500, multiplier: 2, factor: 0.2 }

/** With the times above about a quarter of a minute. */
const mostRetries = 30

/** What the library calls its way to an object for the cluster. */
const createCluster = 'private:Kafka:createCluster'

/** The library's default: how long it believes what it knows of leaders, in milliseconds. */
const metadataMaxAge = 300_000

/** A connection is asked for its life after that long without a word. */
const keepAliveMs = 30_000

/** What the library has for each mechanism: given credentials, it returns what authenticates a connection. */
type SaslProvider = (credentials: object) => Mechanism['authenticationProvider']

/** The library's modules by mechanism. */
const saslParts: Readonly<Record<string, string>> = {
  plain: 'broker/saslAuthenticator/plain.js',
  'scram-sha-256': 'broker/saslAuthenticator/scram256.js',
  'scram-sha-512': 'broker/saslAuthenticator/scram512.js',
}

/** An instance of the library. */
export class Client {
  readonly kafka: Kafka
  readonly library: Library
  readonly #settings: ClientSettings
  readonly #sockets = new Set<Socket>()
  readonly #mostRetries: number
  #isDiscarded = false
  #said = ''

  constructor(settings: ClientSettings, retries = mostRetries) {
    this.#settings = settings
    this.#mostRetries = retries
    this.library = library()
    const { sasl, tls } = settings.credentials()
    this.kafka = new this.library.kafkajs.Kafka({
      clientId: settings.clientId,
      brokers: this.#seeds(),
      connectionTimeout: connectMs,
      authenticationTimeout: connectMs,
      requestTimeout: settings.requestMs,
      retry: { ...retry, retries: this.#retries() },
      ssl: tls !== undefined,
      ...(sasl === undefined ? {} : { sasl: this.#sasl(sasl.mechanism) }),
      socketFactory: this.#openSocket,
      logLevel: this.library.kafkajs.logLevel.WARN,
      logCreator: () => this.#log,
    })
  }

  /** Whether it was given up. */
  get isDiscarded(): boolean {
    return this.#isDiscarded
  }

  /** What the library complained of last, as the end of a sentence; empty where it was content. */
  get lastSaid(): string {
    return this.#said === '' ? '' : `; the last trouble was: ${this.#said.replace(/\.$/, '')}`
  }

  /** Returns the library's inner face of the cluster, which its public ones hide. `isolation`: 0 sees what is not committed. */
  openCluster(isolation: number): LibraryCluster {
    const hidden = Object.getOwnPropertySymbols(this.kafka).find((symbol) => symbol.description === createCluster)!
    const kafka = this.kafka as unknown as Record<symbol, (given: object) => LibraryCluster>
    return kafka[hidden]!({ allowAutoTopicCreation: false, isolationLevel: isolation, metadataMaxAge })
  }

  /** Gives the connections up, at once. The library learns it as a lost connection, and tries nothing again. */
  discard(): void {
    this.#isDiscarded = true
    for (const socket of this.#sockets) socket.destroy(new Error('The connection was given up.'))
  }

  /** A number for the library that falls when the client is given up: it is compared at each failure. */
  #retries(): number {
    const count = { valueOf: () => (this.#isDiscarded ? 0 : this.#mostRetries) }
    return count as unknown as number
  }

  /**
   * Returns the brokers to begin with, from any of them on. The library takes an address apart at its first colon, so it
   * gets a number for each, and the socket the address.
   */
  #seeds(): string[] {
    const { length } = this.#settings.brokers
    const first = Math.floor(Math.random() * length)
    return Array.from({ length }, (_, i) => `${(first + i) % length}:0`)
  }

  /** What the library calls for each connection, and again when what was agreed has expired. */
  #sasl(mechanism: string): Mechanism {
    const provider = this.library.part(saslParts[mechanism]!) as SaslProvider
    return {
      mechanism,
      authenticationProvider: (connection) => provider(this.#settings.credentials().sasl!)(connection),
    }
  }

  readonly #openSocket: ISocketFactory = ({ host, port, onConnect }) => {
    if (this.#isDiscarded) throw new Error('the client was given up')
    const place = port === 0 ? this.#settings.brokers[Number(host)]! : { host, port }
    const { tls } = this.#settings.credentials()
    const name = isIP(place.host) === 0 ? { servername: place.host } : {}
    const onread = inFrames(
      (frame) => socket.emit('data', frame),
      (error) => socket.destroy(error),
    )
    const socket: Socket =
      tls === undefined
        ? connect({ ...place, onread }, onConnect)
        : connectTls({ ...place, ...name, ...tls, ...({ onread } as object) }, onConnect)
    socket.setKeepAlive(true, keepAliveMs)
    // Requests are small and waited for.
    socket.setNoDelay(true)
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }

  /** What is an error is told by whoever made the call; the last one where the call was given up. */
  readonly #log = ({ level, namespace, log: { message, broker, clientId } }: LogEntry): void => {
    if (level === this.library.kafkajs.logLevel.ERROR) this.#said = message
    this.#settings.log?.debug('The Kafka client says something.', { part: namespace, said: message, broker, clientId })
  }
}

/** Has a connection read whole frames, each into memory of its own. */
function inFrames(onFrame: (frame: Buffer) => void, onFault: (error: Error) => void): OnReadOpts {
  const reader = new FrameReader({ onFrame, take: (bytes) => fetchMemory.take(bytes) })
  return {
    buffer: () => reader.next(),
    callback: (bytes) => {
      try {
        reader.took(bytes)
        return true
      } catch (error) {
        onFault(error as Error)
        return false
      }
    },
  }
}

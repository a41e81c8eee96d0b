// An object store on the AWS SDK: the port of ../ports/object-store.ts. What errors mean is refusals.ts's, when a call is
// made again attempts.ts's, what the SDK is told client.ts's. Called by ../sinks, ../pipeline, ../archive and ../commands,
// through the port.

import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'

import type { ListObjectsV2CommandInput, PutObjectCommand } from '@aws-sdk/client-s3'

import type { StructuredLog } from '../structured-log.ts'
import { S3Error } from '../errors.ts'
import type { S3ErrorCode } from '../errors.ts'
import type { ListedObject, NewObject, ObjectBody, ObjectStore, StoredObject } from '../ports/object-store.ts'
import { startSystemTimer, steadyClock } from '../time.ts'
import type { StartTimer } from '../time.ts'
import type { WatchedNews } from '../watched-value.ts'
import { Caller, OwnFault } from './attempts.ts'
import type { CallOptions, CallSettings, ObservedCall } from './attempts.ts'
import { openClient } from './client.ts'
import type { Client } from './client.ts'
import { openKeys } from './credentials.ts'
import { closedStore, lateCall, s3Error, statusOf } from './refusals.ts'
import type { S3Call } from './refusals.ts'

/** What a write may take beyond the limit of every call: as much as its bytes need on a way of a mebibyte a second. */
const leastBytesPerSecond = 1 << 20

/** Bytes of a body that are hashed before others have their turn. */
const mostTurnBytes = 1 << 20

/**
 * So long a bucket that was found is taken to be there, where an object is not: the next write says so if it is gone. Each of 64
 * partitions that are taken over looks for two objects, and would have asked twice more.
 */
const foundForMs = 10_000

/** Which bucket, where it is, and how it is asked. */
export interface StoreOptions {
  readonly bucket: string
  readonly region: string
  /** Absent: AWS. */
  readonly endpoint?: string
  /** Whether the bucket is a folder of the path, and no part of the host's name. Default: where there is an endpoint. */
  readonly pathStyle?: boolean
  /** Path of a file with the keys, which is read again when it changes. Absent: where the SDK always looks. */
  readonly credentials?: string
  /** How long an attempt of a call may take, and of a read its head, and each silence after it. */
  readonly requestMs: number
  readonly log?: StructuredLog
  /** How often files are looked at. */
  readonly pollMs?: number
  /** Told of what became of a file that changed. */
  readonly onCredentials?: (news: WatchedNews) => void
  readonly observe?: (call: ObservedCall) => void
  readonly startTimer?: StartTimer
  /** Between 0 and 1. */
  readonly random?: () => number
}

/**
 * Opens a store. Reads the keys and loads the SDK; nothing is connected yet. *Errors*: `ERR_CONFIG_S3`. What a body cannot be
 * read for is passed on as it is.
 */
export async function openStore(options: StoreOptions): Promise<ObjectStore> {
  const { bucket, endpoint, region, credentials, log, pollMs, onCredentials, startTimer } = options
  const name = `s3://${bucket} at ${endpoint === undefined ? `AWS, ${region}` : new URL(endpoint).origin}`
  const report = (news: WatchedNews) => {
    const fields = { store: name, ...(news.error === undefined ? {} : { error: news.error }) }
    if (news.error === undefined) log?.info('Changed credentials for the object store serve new calls.', fields)
    else log?.error('Changed credentials for the object store cannot be used; those before stay in force.', fields)
    onCredentials?.(news)
  }
  const watching = { ...(pollMs === undefined ? {} : { pollMs }), ...(startTimer === undefined ? {} : { startTimer }) }
  const keys = credentials === undefined ? undefined : await openKeys({ path: credentials, report, ...watching })
  const client = openClient({
    ...{ region, pathStyle: options.pathStyle ?? endpoint !== undefined },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(keys === undefined ? {} : { keys: () => keys.current }),
  })
  const close = () => {
    client.close()
    void keys?.close()
  }
  return new S3Store(name, options, { client, close })
}

/** Why a body was not taken, when its sender was not told. */
const reasons = new Set<S3ErrorCode>(['ERR_S3_CREDENTIALS', 'ERR_S3_BUCKET', 'ERR_S3_REGION', 'ERR_S3_CLOCK'])

interface PutOptions extends CallOptions<'written' | 'exists'> {
  /** Whether an object that is there is left as it is. */
  readonly isConditional: boolean
}

type ListInput = Omit<ListObjectsV2CommandInput, 'Bucket'>

interface StoreParts {
  readonly client: Client
  readonly close: () => void
}

class S3Store implements ObjectStore {
  readonly name: string
  readonly #bucket: string
  readonly #region: string
  readonly #endpoint: string | undefined
  readonly #settings: CallSettings
  /** Over TLS nobody changes a body on its way. Otherwise it is signed, which takes its hash beforehand. */
  readonly #isSigned: boolean
  readonly #client: Client
  readonly #caller: Caller
  readonly #close: () => void
  readonly #bodies = new Set<Readable>()
  /** When the bucket was found last, by a steady clock. */
  #foundMs = -Infinity

  constructor(name: string, options: StoreOptions, { client, close }: StoreParts) {
    this.name = name
    this.#bucket = options.bucket
    this.#region = options.region
    this.#endpoint = options.endpoint
    this.#settings = options
    this.#isSigned = options.endpoint?.startsWith('http:') === true
    this.#client = client
    this.#caller = new Caller(options)
    this.#close = close
  }

  async create(object: NewObject): Promise<'written' | 'exists'> {
    return this.#put(object, { isConditional: true, afterSilence: () => this.#foundAfterSilence(object.key) })
  }

  async overwrite(object: NewObject): Promise<void> {
    await this.#put(object, { isConditional: false })
  }

  async head(key: string): Promise<StoredObject | undefined> {
    return this.#lookWell(key)
  }

  async #lookWell(key: string, attempts?: number): Promise<StoredObject | undefined> {
    let refusal: S3Error | undefined
    try {
      const found = await this.#look(key, attempts)
      if (found !== undefined) return found
      if (steadyClock() - this.#foundMs < foundForMs) return undefined
    } catch (error) {
      if (!(error instanceof S3Error) || error.details['word'] !== undefined) throw error
      if (![301, 400, 403].includes(error.details['status'] as number)) throw error
      refusal = error
    }
    await this.#explain(key, refusal, attempts)
    return undefined
  }

  /** An answer to HEAD has no body, and so no reason: a list has one. Rejects unless there simply is no such object. */
  async #explain(key: string, refusal: S3Error | undefined, attempts?: number): Promise<void> {
    let mayList = true
    try {
      await this.#listPage(this.#callOf(`Looking for ${key} in`), { Prefix: key, MaxKeys: 1 }, attempts)
    } catch (error) {
      if (!(error instanceof S3Error) || error.code !== 'ERR_S3_DENIED') throw error
      mayList = false
    }
    if (refusal === undefined) return
    const hint = mayList
      ? 'The access key may list objects, and lacks the right to read them'
      : 'The access key lacks the right to read objects; or there is none of that name, and it lacks the right to list them'
    const { code, details, retryable } = refusal
    throw new S3Error(code, `${refusal.message} ${hint}.`, { details, retryable, cause: refusal.cause })
  }

  async *list(prefix: string, after?: string): AsyncIterable<ListedObject> {
    const call = this.#callOf(`Listing ${prefix === '' ? 'all' : prefix} of`)
    for (let token: string | undefined; ;) {
      const start = after === undefined || token !== undefined ? {} : { StartAfter: after }
      const goOn = token === undefined ? {} : { ContinuationToken: token }
      const page = await this.#listPage(call, { Prefix: prefix, ...start, ...goOn })
      for (const { Key, Size = 0, LastModified } of page.Contents ?? []) {
        if (Key !== undefined) yield { key: Key, bytes: Size, modifiedMs: LastModified?.getTime() ?? 0 }
      }
      if (page.IsTruncated !== true) return
      token = page.NextContinuationToken
    }
  }

  async read(key: string): Promise<Readable> {
    const call = this.#callOf(`Reading ${key} from`)
    const { GetObjectCommand } = this.#client.sdk
    const body = await this.#caller.run('get', call, async (signal) => {
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }), signal)
      return Body as Readable
    })
    this.#bodies.add(body)
    body.once('close', () => this.#bodies.delete(body))
    // Who reads is told of it, if somebody reads.
    body.on('error', () => undefined)
    const stream = Readable.from(watched(body, call, this.#settings), { objectMode: false })
    return stream.once('close', () => body.destroy())
  }

  async probe(key: string): Promise<boolean> {
    const text = Buffer.from('This object shows whether the store refuses to write what is there already.\n')
    const body: ObjectBody = { bytes: text.length, read: () => Readable.from([text], { objectMode: false }) }
    const object = { key, body, metadata: {}, contentType: 'text/plain' }
    // Only a refusal shows it, and never that the object is there.
    const isRefused = async () => (await this.#put(object, { isConditional: true })) === 'exists'
    try {
      return (await isRefused()) || (await isRefused())
    } catch (error) {
      if (error instanceof S3Error && error.details['word'] === 'NotImplemented') return false
      throw error
    }
  }

  close(): void {
    this.#caller.close()
    for (const body of this.#bodies) body.destroy(closedStore)
    this.#close()
  }

  async #put(object: NewObject, { isConditional, ...options }: PutOptions): Promise<'written' | 'exists'> {
    const { key, body, metadata, contentType } = object
    const { PutObjectCommand } = this.#client.sdk
    const digest = this.#isSigned ? await digestOf(body) : undefined
    const work = async (signal: AbortSignal): Promise<'written' | 'exists'> => {
      const reading = readBody(body)
      const command = new PutObjectCommand({
        ...{ Bucket: this.#bucket, Key: key, Body: reading.stream, ContentLength: body.bytes },
        ...{ ContentType: contentType, Metadata: { ...metadata } },
        ...(isConditional ? { IfNoneMatch: '*' } : {}),
      })
      if (digest !== undefined) signBody(command, digest)
      // Not `AbortSignal.any`: what is told of its end would be kept for good, an answer with each object.
      const sending = new AbortController()
      const giveUp = () => {
        // Before the SDK is done with it: whoever has the body gives its memory back when the call is over.
        reading.stream.destroy()
        sending.abort(signal.reason)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      try {
        const { ETag } = await Promise.race([this.#client.send(command, sending.signal), reading.failed])
        // Whatever answers 200 to everything has stored nothing.
        if (ETag === undefined) throw this.#noStore(key)
        this.#foundMs = steadyClock()
        return 'written'
      } catch (error) {
        if (isConditional && statusOf(error) === 412) return 'exists'
        throw error
      } finally {
        // An answer that came before the end of the body leaves a connection that nobody else can use.
        if (!reading.stream.readableEnded) sending.abort()
        reading.stream.destroy()
      }
    }
    const call = { ...this.#callOf(`Writing ${key} to`), bodyBytes: body.bytes }
    // A large object on a narrow way would never arrive otherwise.
    const requestMs = call.requestMs + Math.floor(body.bytes / leastBytesPerSecond) * 1000
    return this.#caller.run('put', { ...call, requestMs }, work, options)
  }

  /**
   * A connection that breaks while a body is sent may hide the answer: stores that refuse a call for its head send their
   * answer and hang up. So they are asked without a body, for the object or for why not.
   */
  async #foundAfterSilence(key: string): Promise<'exists' | undefined> {
    try {
      return (await this.#lookWell(key, 1)) === undefined ? undefined : 'exists'
    } catch (error) {
      // A store that wants to be left alone is not asked again at once.
      if (error instanceof S3Error && (reasons.has(error.code) || error.retryAfterMs !== undefined)) throw error
      return undefined
    }
  }

  async #look(key: string, attempts?: number): Promise<StoredObject | undefined> {
    const { HeadObjectCommand } = this.#client.sdk
    const call = { ...this.#callOf(`Looking for ${key} in`), isMute: true } as const
    const work = async (signal: AbortSignal) => {
      try {
        const command = new HeadObjectCommand({ Bucket: this.#bucket, Key: key })
        const { ContentLength = 0, Metadata = {}, LastModified } = await this.#client.send(command, signal)
        return { key, bytes: ContentLength, metadata: Metadata, modifiedMs: LastModified?.getTime() ?? 0 }
      } catch (error) {
        if (statusOf(error) === 404) return undefined
        throw error
      }
    }
    return this.#caller.run('head', call, work, attempts === undefined ? {} : { attempts })
  }

  async #listPage(call: S3Call, input: ListInput, attempts?: number) {
    const { ListObjectsV2Command } = this.#client.sdk
    const work = async (signal: AbortSignal) => {
      return this.#client.send(new ListObjectsV2Command({ Bucket: this.#bucket, ...input }), signal)
    }
    const page = await this.#caller.run('list', call, work, attempts === undefined ? {} : { attempts })
    // An answer of something else would pass for an empty list, and one that cannot be gone on with for a whole one.
    if (page.IsTruncated !== undefined && (!page.IsTruncated || page.NextContinuationToken !== undefined)) {
      this.#foundMs = steadyClock()
      return page
    }
    const message = `${call.doing} failed: the answer is no list of objects, or lacks how to go on.`
    throw new S3Error('ERR_S3_SERVER', message, { retryable: true })
  }

  #noStore(key: string): S3Error {
    const message = `Writing ${key} to ${this.name} failed: the answer has no ETag, so it is not that of an object store; look at \`endpoint\`.`
    return new S3Error('ERR_S3_SERVER', message, { retryable: true, details: { key } })
  }

  #callOf(doing: string): S3Call {
    const endpoint = this.#endpoint === undefined ? {} : { endpoint: this.#endpoint }
    return { doing: `${doing} ${this.name}`, region: this.#region, requestMs: this.#settings.requestMs, ...endpoint }
  }
}

/** Begins to read a body. `failed` rejects where that fails, and never resolves. */
function readBody(body: ObjectBody): { readonly stream: Readable; readonly failed: Promise<never> } {
  let stream: Readable
  try {
    stream = body.read()
  } catch (error) {
    throw new OwnFault(error)
  }
  const failed = new Promise<never>((_, reject) => {
    stream.once('error', (error) => reject(new OwnFault(error)))
  })
  // Where the call has ended before, nobody asks.
  failed.catch(() => undefined)
  return { stream, failed }
}

/** Returns the SHA-256 of a body in hexadecimal, by a reading of its own. */
async function digestOf(body: ObjectBody): Promise<string> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of body.read()) {
    hash.update(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes < mostTurnBytes) continue
    // What lies in memory is read without a pause: all else would wait for a hash of 60 MB.
    await setImmediate()
    bytes = 0
  }
  return hash.digest('hex')
}

/** Has the request signed with its body, of which the SDK does not take the hash of a stream. */
function signBody(command: PutObjectCommand, digest: string): void {
  command.middlewareStack.add(
    (next) => async (args) => {
      const { headers } = args.request as { headers: Record<string, string> }
      headers['x-amz-content-sha256'] = digest
      return next(args)
    },
    { step: 'build', name: 'weirSignBody' },
  )
}

/** The bytes of an answer; each silence as long as a call may be. */
async function* watched(body: Readable, call: S3Call, { requestMs, startTimer }: CallSettings): AsyncIterable<Buffer> {
  const start: StartTimer = startTimer ?? startSystemTimer
  let stop = () => undefined as void
  const expectMore = () => (stop = start(requestMs, () => body.destroy(lateCall)))
  try {
    expectMore()
    for await (const chunk of body as AsyncIterable<Buffer>) {
      stop()
      yield chunk
      expectMore()
    }
  } catch (error) {
    throw s3Error(error, call)
  } finally {
    stop()
    body.destroy()
  }
}

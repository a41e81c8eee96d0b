// The client of the AWS SDK, as this service wants it: nothing that the environment could set otherwise, one attempt a call,
// and answers looked into that the SDK takes for good ones. The only file that loads the SDK, when the first store is opened.
// Called by store.ts.

import { createRequire } from 'node:module'
import { Readable } from 'node:stream'

import type * as sdk from '@aws-sdk/client-s3'

import type { S3Keys } from './credentials.ts'

// Not an import: what the command has kept of its bundle cannot make one at run time.
const require = createRequire(import.meta.url)

/** What a client is made with. */
export interface ClientSettings {
  readonly region: string
  /** Absent: AWS. */
  readonly endpoint?: string
  /** Whether the bucket is a folder of the path, and no part of the host's name. */
  readonly pathStyle: boolean
  /** Asked for every call. Absent: the SDK looks for keys where it always does. */
  readonly keys?: () => S3Keys
}

/** The SDK and a client of it. */
export interface Client {
  readonly sdk: typeof sdk
  /** Sends a command once. *Errors*: the SDK's. */
  send<Input extends sdk.ServiceInputTypes, Output extends sdk.ServiceOutputTypes>(
    command: Command<Input, Output>,
    signal: AbortSignal,
  ): Promise<Output>
  close(): void
}

type Command<Input extends sdk.ServiceInputTypes, Output extends sdk.ServiceOutputTypes> = Parameters<
  typeof sdk.S3Client.prototype.send<Input, Output>
>[0]

const connectMs = 5000
/** Of connections that are kept; calls at once are fewer. */
const mostSockets = 64
/** A body of at least so many bytes is sent when the store wants it: not where it has the object, or refuses the key. */
const askedFirstBytes = 2 << 20
/** Answers to what is no read are shorter, but for lists. */
const mostAnswerBytes = 16 << 20

/** Loads the SDK, which takes a tenth of a second and 20 MB, and makes a client. Nothing is connected yet. */
export function openClient(settings: ClientSettings): Client {
  const module = require('@aws-sdk/client-s3') as typeof sdk
  const client = withoutWarning(() => new module.S3Client(configOf(settings)))
  return {
    sdk: module,
    send: (command, signal) => {
      watchAnswer(command, signal)
      return client.send(command, { abortSignal: signal })
    },
    close: () => client.destroy(),
  }
}

function configOf({ region, endpoint, pathStyle, keys }: ClientSettings): sdk.S3ClientConfig {
  const agent = { keepAlive: true, maxSockets: mostSockets }
  return {
    region,
    forcePathStyle: pathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(keys === undefined ? {} : { credentials: () => Promise.resolve(signingKeys(keys())) }),
    // Attempts are attempts.ts's: each takes the body anew.
    maxAttempts: 1,
    retryMode: 'standard',
    defaultsMode: 'standard',
    // By default a body that is a stream is framed as `aws-chunked`, which not every store takes.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: connectMs, httpAgent: agent, httpsAgent: agent },
    expectContinueHeader: askedFirstBytes,
    // Said here, or the SDK looks for them in the environment and in files of the user.
    ...{ useFipsEndpoint: false, useDualstackEndpoint: false, useArnRegion: false, followRegionRedirects: false },
    ...{ disableS3ExpressSessionAuth: true, disableMultiregionAccessPoints: true, authSchemePreference: ['sigv4'] },
    ...{ userAgentAppId: 'weir', logger: silent },
  }
}

/** As long over as they are taken, so that the SDK asks for them again: they may be others by then. */
function signingKeys({ accessKey, secretKey, sessionToken }: S3Keys) {
  return {
    ...{ accessKeyId: accessKey, secretAccessKey: secretKey, expiration: new Date(0) },
    ...(sessionToken === undefined ? {} : { sessionToken }),
  }
}

const nothing = () => undefined
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }

/**
 * On Node 20 the SDK warns, on standard error where the log is, that its versions of 2027 will not run there; ours is pinned,
 * and does. It looks for this in the environment only.
 */
function withoutWarning<T>(make: () => T): T {
  const name = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'
  const before = process.env[name]
  process.env[name] = 'true'
  try {
    return make()
  } finally {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  }
}

interface Answer {
  statusCode?: number
  body?: unknown
}

/**
 * Has the answer to a command looked at before the SDK does: its body is given up with the signal, and an answer of 200 that
 * holds an error is one of 500. (The SDK knows such answers only where nothing stands behind the error.)
 */
function watchAnswer<Input extends sdk.ServiceInputTypes, Output extends sdk.ServiceOutputTypes>(
  command: Command<Input, Output>,
  signal: AbortSignal,
): void {
  const isRead = command.constructor.name === 'GetObjectCommand'
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const answer = result.response as Answer
      if (!isRead && answer.statusCode === 200) await lookInside(answer, signal)
      else if (!isRead || answer.statusCode !== 200) endWith(signal, answer.body)
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'weirWatchAnswer' },
  )
}

async function lookInside(answer: Answer, signal: AbortSignal): Promise<void> {
  endWith(signal, answer.body)
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    if ((bytes += chunk.length) > mostAnswerBytes) throw new Error(`the answer is larger than ${mostAnswerBytes} bytes`)
  }
  const body = Buffer.concat(chunks)
  answer.body = body
  if (/^\s*(<\?xml[^>]*>\s*)?<Error[\s>]/.test(body.toString('latin1', 0, 1024))) answer.statusCode = 500
}

/** Destroys a body with the signal: an answer that stops in the middle would be waited for, for ever. */
function endWith(signal: AbortSignal, body: unknown): void {
  if (!(body instanceof Readable)) return
  // The SDK hears of it where it still reads.
  body.on('error', () => undefined)
  signal.addEventListener('abort', () => body.destroy(signal.reason as Error), { once: true })
}

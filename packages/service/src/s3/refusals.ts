// Errors of the AWS SDK, of stores and of connections to them, as errors of ours: which code, and what may help. No message
// tells more of a request than its key and bucket. Called by store.ts and attempts.ts.

import { S3Error, systemReason } from '../errors.ts'
import type { S3ErrorCode } from '../errors.ts'

/** What failed, for the message. */
export interface S3Call {
  /** As the beginning of a sentence: `Writing logs/a.gz to s3://logs at http://127.0.0.1:7070`. */
  readonly doing: string
  /** For which calls are signed. */
  readonly region: string
  /** How long it may take. */
  readonly requestMs: number
  /** Whether its answers have no body, and so no word of why it is refused. */
  readonly isMute?: true
  /** The setting of that name; absent: AWS. */
  readonly endpoint?: string
  /** Whether the endpoint has ever answered: a connection that breaks then says nothing about how it is spoken to. */
  readonly hasAnswered?: boolean
  /** Of the object that is written, as it is stored. */
  readonly bodyBytes?: number
}

/** What is read of an error of the SDK. */
interface SdkError {
  /** The store's own word, where the answer had one. */
  readonly name?: string
  readonly message?: string
  /** The system's name, or Node's. */
  readonly code?: unknown
  readonly errno?: number
  readonly Region?: unknown
  readonly $metadata?: {
    readonly httpStatusCode?: number
    readonly requestId?: string
    readonly clockSkewCorrected?: boolean
  }
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> }
}

/** What ends a call from our side, as the reason of its signal. */
export const lateCall = new Error('there was no answer in time')
export const closedStore = new Error('the store was closed')

/** Words of stores. */
const codeOfWord: Readonly<Record<string, S3ErrorCode>> = {
  ...all('ERR_S3_CREDENTIALS', 'InvalidAccessKeyId SignatureDoesNotMatch InvalidToken ExpiredToken InvalidSecurity'),
  // versitygw's, for a key that it does not know.
  ...all('ERR_S3_CREDENTIALS', 'XAdminUserNotFound'),
  ...all(
    'ERR_S3_CREDENTIALS',
    'TokenRefreshRequired MissingSecurityHeader InvalidClientTokenId UnrecognizedClientException',
  ),
  ...all('ERR_S3_CREDENTIALS', 'CredentialsProviderError ProviderError TokenProviderError'),
  ...all('ERR_S3_DENIED', 'AccessDenied AllAccessDisabled AccountProblem NotSignedUp QuotaExceeded UserSuspended'),
  ...all('ERR_S3_BUCKET', 'NoSuchBucket InvalidBucketName'),
  ...all('ERR_S3_REGION', 'PermanentRedirect IllegalLocationConstraintException AuthorizationHeaderMalformed'),
  ...all('ERR_S3_CLOCK', 'RequestTimeTooSkewed RequestExpired'),
  ...all('ERR_S3_BUSY', 'SlowDown ServiceUnavailable Busy TooManyRequests RequestLimitExceeded Throttling'),
  ...all('ERR_S3_BUSY', 'ThrottlingException RequestThrottled ConditionalRequestConflict OperationAborted'),
  // While the name of a new bucket becomes known.
  ...all('ERR_S3_BUSY', 'TemporaryRedirect'),
  ...all('ERR_S3_TIMEOUT', 'RequestTimeout RequestTimeoutException'),
  // The body came damaged, or not whole.
  ...all('ERR_S3_CONNECT', 'IncompleteBody BadDigest XAmzContentSHA256Mismatch'),
  ...all('ERR_S3_SERVER', 'InternalError'),
  ...all('ERR_S3_REQUEST', 'NotImplemented NoSuchKey'),
}

function all(code: S3ErrorCode, words: string): Record<string, S3ErrorCode> {
  return Object.fromEntries(words.split(' ').map((word) => [word, code]))
}

/** What neither passes nor is mended without a change of the settings or of what is in the bucket. */
const final = new Set<S3ErrorCode>(['ERR_S3_CONFLICT', 'ERR_S3_REQUEST'])

/** Returns the error as one of ours. */
export function s3Error(error: unknown, call: S3Call): S3Error {
  if (error instanceof S3Error) return error
  const sdk = (error ?? {}) as SdkError
  const status = statusOf(error)
  const word = wordOf(sdk, status)
  const code = codeOf(error, { status, word, call })
  const retryAfterMs = status === undefined ? undefined : retryAfter(sdk.$response?.headers, Date.now())
  const { requestId } = sdk.$metadata ?? {}
  const details = {
    ...(status === undefined ? {} : { status }),
    ...(word === undefined ? {} : { word }),
    ...(requestId === undefined ? {} : { requestId }),
  }
  const message = `${call.doing} failed: ${reasonOf(error, { status, word, call })}.${hintOf(error, code, { status, word, call })}`
  return new S3Error(code, message, {
    ...{ retryable: !final.has(code), details, cause: error },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** Returns the status of the answer; undefined where there was none. */
export function statusOf(error: unknown): number | undefined {
  const { $response, $metadata } = (error ?? {}) as SdkError
  return $response?.statusCode ?? $metadata?.httpStatusCode
}

/** Returns whether the same call may go better now because the SDK has learned the store's time from the answer. */
export function isClockMended(error: unknown): boolean {
  return (error as SdkError | null)?.$metadata?.clockSkewCorrected === true
}

/** Returns what the store calls it: not what the SDK makes of an answer that says nothing. */
function wordOf({ name }: SdkError, status: number | undefined): string | undefined {
  if (name === undefined || !/^[A-Z][A-Za-z]+$/.test(name)) return undefined
  if (status === undefined) return name.endsWith('ProviderError') ? name : undefined
  return /^(Unknown|UnknownError|NotFound|Error|\w*SyntaxError|TypeError|RangeError)$/.test(name) ? undefined : name
}

interface Told {
  readonly status: number | undefined
  readonly word: string | undefined
  readonly call: S3Call
}

function codeOf(error: unknown, { status, word, call }: Told): S3ErrorCode {
  if (error === lateCall) return 'ERR_S3_TIMEOUT'
  if (word !== undefined && Object.hasOwn(codeOfWord, word)) return codeOfWord[word]!
  if (status === undefined)
    return (error as SdkError | null)?.code === 'ETIMEDOUT' ? 'ERR_S3_TIMEOUT' : 'ERR_S3_CONNECT'
  if (status === 429 || status === 503) return 'ERR_S3_BUSY'
  if (status === 501) return 'ERR_S3_REQUEST'
  if (status === 401 || status === 403) return 'ERR_S3_DENIED'
  if (status === 301) return 'ERR_S3_REGION'
  // Without a word it is no answer of a store, but of something on the way to it.
  if (status >= 500 || (word === undefined && call.isMute !== true)) return 'ERR_S3_SERVER'
  return status === 409 ? 'ERR_S3_CONFLICT' : 'ERR_S3_REQUEST'
}

/** The SDK's message for an error that came without any, such as radosgw's. */
const unsaid = 'UnknownError'

function reasonOf(error: unknown, { status, word, call }: Told): string {
  if (error === lateCall) return `there was no answer within ${call.requestMs / 1000} s`
  const { message = '' } = error as SdkError
  if (status === undefined) return (word === undefined ? systemReason(told(error)) : message).replace(/\.$/, '')
  if (word === undefined) return `it is answered ${status}, without an error of S3`
  const said = ['', word, unsaid].includes(message) ? 'the store says no more' : message.replace(/[.\s]+$/, '')
  return `${said} (${word}, ${status})`
}

/** Of several addresses that were tried, the first tells; together they have no message. */
function told(error: unknown): unknown {
  const { errors } = error as { errors?: readonly unknown[] }
  return errors?.[0] ?? error
}

/** What may help, as sentences behind a space. Stores may say nothing but the word. */
function hintOf(error: unknown, code: S3ErrorCode, { status, word, call }: Told): string {
  if (code === 'ERR_S3_CLOCK') return ' The clock of this machine and that of the store differ too much.'
  if (code === 'ERR_S3_REGION') return regionHint(error as SdkError, call)
  if (status === undefined && code === 'ERR_S3_CREDENTIALS') return keysHint
  if (status === 413 || (word !== undefined && tooLarge.has(word))) return sizeHint(call)
  return schemeHint(error, { status, word, call })
}

function regionHint({ Region, message = '', $response }: SdkError, { region }: S3Call): string {
  const named = $response?.headers?.['x-amz-bucket-region'] ?? Region ?? /expecting '([\w-]+)'/.exec(message)?.[1]
  return typeof named === 'string' && named !== region
    ? ` The bucket is in region ${named}, and calls are signed for ${region}.`
    : ` Calls are signed for region ${region}.`
}

/** Of the SDK, which was given no keys, and has found none by itself. */
const keysHint =
  " Name a file of keys by `credentials`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; without either, the files of AWS's own programs (AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE) and the role of the machine are asked, and had none."

/** Words for an object that is larger than the store takes. */
const tooLarge = new Set(['EntityTooLarge', 'MaxMessageLengthExceeded', 'RequestEntityTooLarge'])

function sizeHint({ bodyBytes }: S3Call): string {
  if (bodyBytes === undefined) return ''
  return ` The object has ${bodyBytes} bytes as it is stored. Lower \`maxObjectBytes\`, which counts before they are compressed, or have the store, or what stands before it, take more at a time.`
}

/** Words of TLS about an answer that is none of it. */
const noTls = /wrong version number|packet length too long|http request|before secure TLS connection was established/i

/** What to look at where one end speaks TLS and the other does not, as far as a failure shows it. */
function schemeHint(error: unknown, { status, word, call }: Told): string {
  const { endpoint, hasAnswered = false, isMute = false } = call
  if (endpoint === undefined) return ''
  const { code, message = '' } = (told(error) ?? {}) as SdkError
  if (endpoint.startsWith('https:')) {
    const isPlain = status === undefined && (code === 'EPROTO' || noTls.test(message))
    return isPlain ? ' What answers speaks no TLS: write `http://` in `endpoint`, or give the port that does.' : ''
  }
  // Answers in TLS are no HTTP; some hang up without any, and some say so in HTTP.
  const isNoHttp = String(code).startsWith('HPE_') || (code === 'ECONNRESET' && !hasAnswered)
  const isAnswered = status === 400 && word === undefined && !isMute
  const mayBeTls = isAnswered || (status === undefined && isNoHttp)
  return mayBeTls ? ' Where the port speaks TLS, write `https://` in `endpoint`.' : ''
}

/** Longest that a store's wish is taken for: somebody may mean a moment, and write the time of a clock that is wrong. */
const mostRetryAfterMs = 3600_000

/** Returns what a store says by Retry-After, in seconds or as a date; undefined where it says nothing. */
function retryAfter(headers: Readonly<Record<string, string>> | undefined, nowMs: number): number | undefined {
  const value = headers?.['retry-after']?.trim()
  if (value === undefined || value === '') return undefined
  // The date in the answer is of the same clock.
  const sent = Date.parse(headers?.['date'] ?? '')
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - (Number.isNaN(sent) ? nowMs : sent)
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), mostRetryAfterMs)
}

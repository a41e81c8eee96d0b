// Faults of the service: settings that cannot be used, connectors that fail, Kafka, S3, each with a code of error-codes.ts.
// Faults of the engine and of rule sets are the engine's own classes. Used by every layer above.

import { getSystemErrorMap } from 'node:util'

import { errorCodes } from './error-codes.ts'
import type { ErrorCode, ErrorCodeRow } from './error-codes.ts'

export { errorCodes }
export type { ErrorCode, ErrorCodeRow }

type CodesOf<K extends ErrorCodeRow['kind']> = {
  [C in ErrorCode]: (typeof errorCodes)[C]['kind'] extends K ? C : never
}[ErrorCode]

/** One problem of settings that come from several places, or what only looks wrong. */
export interface SettingsIssue {
  /** Which setting, as `pipelines.default.source.http.listen`; empty where the text itself is wrong. */
  readonly path: string
  /** What is wrong, one sentence, ending in a full stop. Never the value of a secret. */
  readonly message: string
  /** What to write instead, where a likely cure is known. */
  readonly suggestion?: string
  /** Where the setting was given: a file, a variable of the environment, `--set PATH`. */
  readonly file: string
  /** 1-based line, where it is a file. */
  readonly line?: number
  /** 1-based column, where it is a file. */
  readonly column?: number
}

/** A setting is wrong: fix the settings or the command line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code: CodesOf<'config'>
  /** Plain data about the error. */
  readonly details: Readonly<Record<string, unknown>>
  /** All problems of settings, in order of place; empty where the message says it all. */
  readonly issues: readonly SettingsIssue[]
  /** What else looks wrong. */
  readonly warnings: readonly SettingsIssue[]

  constructor(
    code: CodesOf<'config'>,
    message: string,
    details: Record<string, unknown> = {},
    found: {
      readonly issues?: readonly SettingsIssue[]
      readonly warnings?: readonly SettingsIssue[]
      /** What the system said, where a file could not be read. */
      readonly cause?: unknown
    } = {},
  ) {
    super(message, found.cause === undefined ? undefined : { cause: found.cause })
    this.code = code
    this.details = details
    this.issues = found.issues ?? []
    this.warnings = found.warnings ?? []
  }
}

/** What a `ConnectorError` is made with besides its code and message. */
export interface ConnectorErrorOptions {
  /** Whether the same call may succeed later, and has not been done in part. Default: no. */
  readonly retryable?: boolean
  readonly details?: Record<string, unknown>
  readonly cause?: unknown
}

/** A source or sink failed: retry when `retryable`, else give up. */
export class ConnectorError extends Error {
  override readonly name = 'ConnectorError'
  readonly code: CodesOf<'connector'>
  /**
   * Whether the same call may succeed later. Of a write, a part of which may stand in the output, only where the sink,
   * opened anew, takes that part back.
   */
  readonly retryable: boolean
  /** Plain data about the error. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: CodesOf<'connector'>, message: string, options: ConnectorErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.details = options.details ?? {}
  }
}

/** A code of Kafka's faults. */
export type KafkaErrorCode = CodesOf<'kafka'>

/** Kafka failed, or refused. What the caller does next, the code says; `retryable` only whether waiting may help. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError'
  readonly code: KafkaErrorCode
  /** Whether the same call, on new connections, may succeed later without a change of anything. */
  readonly retryable: boolean
  /** Plain data about the error. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: KafkaErrorCode, message: string, options: ConnectorErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.details = options.details ?? {}
  }
}

/** A code of an object store's faults. */
export type S3ErrorCode = CodesOf<'s3'>

/** What an `S3Error` is made with besides its code and message. */
export interface S3ErrorOptions extends ConnectorErrorOptions {
  /** How long the store asks to be left alone. */
  readonly retryAfterMs?: number
}

/** An object store failed, or refused. */
export class S3Error extends Error {
  override readonly name = 'S3Error'
  readonly code: S3ErrorCode
  /** Whether the same call may succeed later, whether by itself or when somebody has mended something. */
  readonly retryable: boolean
  /** How long the store asks to be left alone; absent where it does not say. */
  readonly retryAfterMs?: number
  /** Plain data about the error. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: S3ErrorCode, message: string, options: S3ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.details = options.details ?? {}
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
  }
}

/** Returns what the system said, in words and with its name: `no such file or directory (ENOENT)`. */
export function systemReason(error: unknown): string {
  const { code, errno, message } = error as NodeJS.ErrnoException
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno)
  if (known !== undefined) return `${known[1]} (${known[0]})`
  return code === undefined ? (message ?? String(error)) : `${message} (${code})`
}

/** What passes when somebody makes room, closes files or lets go: too many open files, no space, a busy device. */
const passingCodes = new Set(
  'EAGAIN EBUSY EDQUOT EINTR EMFILE ENFILE ENOBUFS ENOMEM ENOSPC ETIMEDOUT ETXTBSY'.split(' '),
)

/** Returns whether what the system refused may succeed later without a change of the command. */
export function mayPass(error: unknown): boolean {
  return passingCodes.has(systemCode(error) ?? '')
}

/**
 * Returns whether a connector only lacks what may come by itself: room, descriptors, memory, a broker. False where it was
 * told something that may pass as well, but has a cure: a folder that belongs to another process.
 */
export function isLack(error: unknown): error is ConnectorError | KafkaError {
  return error instanceof KafkaError ? error.retryable : error instanceof ConnectorError && mayPass(error.cause)
}

/** Returns the system's name of an error (`ENOENT`), or nothing when it has none. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | null)?.code
  return typeof code === 'string' ? code : undefined
}

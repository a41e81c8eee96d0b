// What a scripted store does to a call instead of what it should: what healthy servers never answer, or never when a test
// wants it. Types and the answers' texts. Called by fake-s3.ts and those who script it.

/** What a call asks for. */
export type FakeOperation = 'put' | 'head' | 'get' | 'list' | 'delete' | 'make' | 'buckets'

/** A call as it arrived; `answered` when the fake is done with it. */
export interface FakeCall {
  readonly operation: FakeOperation
  /** How many of this operation came before, since the fake was started. */
  readonly index: number
  readonly bucket: string
  readonly key: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  /** Body that was received, as far as it came. */
  bodyBytes: number
  /** Of the answer; absent where there was none. */
  status?: number
  /** Whether it changed or made an object. */
  stored?: true
}

/** What is done to a call. */
export type Misdeed =
  /** Refuses it, with an error of S3, and stores nothing. `code` absent: an answer without a body. */
  | {
      readonly does: 'refuse'
      readonly status: number
      readonly code?: string
      /** Empty: the error has none, as radosgw's have none. */
      readonly message?: string
      /** Seconds, or a date of HTTP. */
      readonly retryAfter?: number | string
      readonly headers?: Readonly<Record<string, string>>
      /** Elements within the error, as `<Region>`. */
      readonly inside?: Readonly<Record<string, string>>
    }
  /** Ends the connection when the head is there: nothing is stored, nothing answered. */
  | { readonly does: 'reset' }
  /** Ends it when this much of the body is there. */
  | { readonly does: 'reset-after'; readonly bodyBytes: number }
  /** Answers nothing, and keeps the connection. `stores`: but does what was asked. */
  | { readonly does: 'hang'; readonly stores?: boolean }
  /** Does what was asked, and ends the connection without an answer. */
  | { readonly does: 'lose-answer' }
  /** Writes although there is one. */
  | { readonly does: 'ignore-condition' }
  /** Answers 200 with an error as its body. `stores`: but does what was asked. */
  | { readonly does: 'error-inside'; readonly code?: string; readonly stores?: boolean }
  /** Sends half of the body of its answer; then nothing more, or ends the connection. */
  | { readonly does: 'stall-body' | 'cut-body' }
  /** Answers after so long; without `until`, never before the test says so. */
  | { readonly does: 'wait'; readonly until: Promise<unknown> }

/** Returns what is to be done to a call; undefined: nothing. */
export type Script = (call: FakeCall) => Misdeed | undefined

/** Shorthands. */
export const refusals = {
  slowDown: (retryAfter?: number | string): Misdeed => ({
    ...{ does: 'refuse', status: 503, code: 'SlowDown' },
    ...(retryAfter === undefined ? {} : { retryAfter }),
  }),
  tooMany: { does: 'refuse', status: 429, code: 'TooManyRequests' },
  internal: { does: 'refuse', status: 500, code: 'InternalError' },
  unavailable: { does: 'refuse', status: 503, code: 'ServiceUnavailable' },
  /** As a proxy answers, in no language of S3. */
  badGateway: { does: 'refuse', status: 502 },
  denied: { does: 'refuse', status: 403, code: 'AccessDenied' },
  busy: { does: 'refuse', status: 409, code: 'ConditionalRequestConflict' },
  parentIsFile: { does: 'refuse', status: 409, code: 'ObjectParentIsFile' },
} as const

/** Returns the body of an error; without a message where that is empty. */
export function errorBody(code: string, message: string, inside: Readonly<Record<string, string>> = {}): string {
  const elements = Object.entries(inside).map(([name, value]) => `<${name}>${escaped(value)}</${name}>`)
  const said = message === '' ? '' : `<Message>${escaped(message)}</Message>`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${escaped(code)}</Code>${said}${elements.join('')}<RequestId>0000000000000001</RequestId></Error>\n`
}

/** Returns text as XML holds it. */
export function escaped(text: string): string {
  return text.replace(/[&<>"'\r]/g, (mark) => `&#${mark.charCodeAt(0)};`)
}

// What the admin port answers when it refuses: one table of codes, which docs/operating.md is held equal to by a test; and
// how any answer is written. Called by the files beside it.

import type { ServerResponse } from 'node:http'

import { foreignRefusals } from '../request-head.ts'

interface AnswerRow {
  readonly status: number
  readonly message: string
}

/** Every refusal of the admin port itself. Refused rules carry a code of docs/errors.md instead. */
export const adminAnswers = {
  'bad-framing': { status: 400, message: 'The request is no HTTP/1.1 as its standard has it.' },
  'not-utf8': { status: 400, message: 'The body is no UTF-8.' },
  'which-pipeline': { status: 400, message: 'There are several pipelines: name one, as ?pipeline=NAME.' },
  unauthorized: { status: 401, message: 'The request has no token that is known here.' },
  ...foreignRefusals,
  'unknown-path': { status: 404, message: 'There is nothing at this path.' },
  'unknown-pipeline': { status: 404, message: 'There is no pipeline of that name.' },
  'wrong-method': {
    status: 405,
    message: 'The path is not for this method; the header Allow has those that it is for.',
  },
  'timed-out': { status: 408, message: 'The request did not arrive in time.' },
  'body-too-large': { status: 413, message: 'The body is longer than a rule file may be.' },
  'unknown-type': { status: 415, message: 'Rules are sent as application/yaml or application/json.' },
  'unknown-encoding': { status: 415, message: 'The body is compressed; send it as it is.' },
  'head-too-large': { status: 431, message: 'The head of the request is too long.' },
  internal: { status: 500, message: 'An unexpected fault; the log has it.' },
  busy: { status: 503, message: 'As many rule sets are being sent as may be at a time.' },
} as const satisfies Record<string, AnswerRow>

/** A code of the table. */
export type AdminCode = keyof typeof adminAnswers

/** A refusal of the table; thrown by what handles a request. */
export class AdminRefusal extends Error {
  readonly code: AdminCode

  constructor(code: AdminCode) {
    super(adminAnswers[code].message)
    this.code = code
  }
}

/** An answer to be written. */
export interface Answer {
  readonly status: number
  /** Text, or what becomes JSON. */
  readonly body: string | object
  /** Of a text. Default: that of JSON. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Nothing here is for browsers to show, keep, frame or hand on. */
const safetyHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

/** Returns the answer of a refusal. */
export function refusal(code: AdminCode): Answer {
  const { status, message } = adminAnswers[code]
  const headers: Record<string, string> = {
    ...(code === 'unauthorized' ? { 'WWW-Authenticate': 'Bearer realm="weir"' } : {}),
    ...(code === 'busy' ? { 'Retry-After': '1' } : {}),
  }
  return { status, body: { code, message }, headers }
}

/** Writes an answer; of one to HEAD, only the head. `isLast`: no further request is read from the connection. */
export function writeAnswer(response: ServerResponse, { status, body, type, headers }: Answer, isLast: boolean): void {
  const text = typeof body === 'string' ? body : jsonText(body)
  response.writeHead(status, {
    ...safetyHeaders,
    'Content-Type': type ?? 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
    ...(isLast ? { Connection: 'close' } : {}),
  })
  response.end(text)
}

/** Returns a refusal as it is written where there is no request that could be answered. */
export function rawRefusal(code: AdminCode, reason: string): string {
  const text = jsonText(refusal(code).body as object)
  const head = { ...safetyHeaders, 'Content-Type': 'application/json; charset=utf-8', Connection: 'close' }
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`)
  const status = `HTTP/1.1 ${adminAnswers[code].status} ${reason}`
  return [status, ...lines, `Content-Length: ${Buffer.byteLength(text)}`, '', text].join('\r\n')
}

/** Positions may be larger than JSON's numbers are exact: they become text. */
function jsonText(value: object): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? each.toString() : each)) + '\n'
}

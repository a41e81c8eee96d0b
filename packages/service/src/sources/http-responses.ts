// What the http source answers: one table of codes, which docs/ingest.md is held equal to by a test, and how an answer
// is written where there is no request to answer. Called by the http source.

import { STATUS_CODES } from 'node:http'

import { foreignRefusals } from '../request-head.ts'

/** One row: the status, and what the sender is told. */
interface ResponseRow {
  readonly status: number
  readonly message: string
}

/** Every answer. A sender repeats its request after 429 and 5xx, and gives it up after any other 4xx. */
export const httpResponses = {
  ok: { status: 200, message: 'Every record of the body is safe.' },
  'bad-framing': {
    status: 400,
    message: 'The request is no HTTP/1.1 as its standard has it, or its head is too long.',
  },
  'corrupt-gzip': {
    status: 400,
    message: 'The gzip body is damaged, ends too early or goes on behind its end; it was set aside.',
  },
  unauthorized: { status: 401, message: 'The request has no credentials that are known here.' },
  ...foreignRefusals,
  'unknown-path': { status: 404, message: 'There is nothing at this path.' },
  'wrong-method': { status: 405, message: 'Records are sent with POST.' },
  'body-too-large': { status: 413, message: 'The body is longer than is allowed.' },
  'inflated-too-large': { status: 413, message: 'The body is longer than is allowed once it is inflated.' },
  'ratio-too-high': { status: 413, message: 'The body inflates to more than its length allows.' },
  'unknown-encoding': { status: 415, message: 'The body is compressed in another way than with gzip.' },
  'double-encoding': { status: 415, message: 'The body is compressed more than once.' },
  'rate-exceeded': { status: 429, message: 'The credential has sent more than its rate.' },
  'budget-spent': { status: 503, message: 'As many bytes are in flight as may be.' },
  behind: { status: 503, message: 'More is waiting than can be stored in time.' },
  'credentials-busy': { status: 503, message: 'As many credentials are being checked as may be at a time.' },
  deadline: { status: 503, message: 'The records were not safe in time; they may be stored all the same.' },
  draining: { status: 503, message: 'The service is shutting down.' },
  internal: { status: 503, message: 'An unexpected fault; the log has it.' },
  'not-delivered': { status: 503, message: 'The records could not be stored.' },
  'quarantine-failed': { status: 503, message: 'The damaged body could not be set aside.' },
  'timed-out': { status: 503, message: 'The request did not arrive in time.' },
  'too-many-connections': { status: 503, message: 'As many connections are open as may be.' },
  unavailable: { status: 503, message: 'Records cannot be stored at the moment.' },
} as const satisfies Record<string, ResponseRow>

/** A code of the table. */
export type HttpCode = keyof typeof httpResponses

/** Returns the body of an answer: nothing for `ok`, else `{"code", "message"}`. `detail` takes the place of the message. */
export function answerBody(code: HttpCode, detail?: string): string {
  return code === 'ok' ? '' : `${JSON.stringify({ code, message: detail ?? httpResponses[code].message })}\n`
}

/** Returns seconds between the bounds, drawn, so that senders which failed together do not come back together. */
export function retryAfter(
  bounds: { retryAfterLeastSeconds: number; retryAfterMostSeconds: number },
  random: () => number,
): number {
  const { retryAfterLeastSeconds: least, retryAfterMostSeconds: most } = bounds
  return Math.min(most, least + Math.floor(random() * (most - least + 1)))
}

/** Returns a whole answer as text, after which the connection is closed: for what is no request that could be answered. */
export function rawAnswer(code: HttpCode, retryAfterSeconds: number): string {
  const body = answerBody(code)
  const { status } = httpResponses[code]
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 503 ? [`Retry-After: ${retryAfterSeconds}`] : []),
    ...(status === 405 ? ['Allow: POST'] : []),
    'Connection: close',
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

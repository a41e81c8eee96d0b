// An http source for a test, what it hands out, and a client that writes requests byte by byte. Called by tests.

import http from 'node:http'
import net from 'node:net'
import type { TestContext } from 'node:test'

import type { DeadLetter } from '#src/ports/dead-letters.js'
import { ByteBudget } from '#src/sources/byte-budget.js'
import { openHttpSource } from '#src/sources/http.js'
import type { HttpOutcome, HttpSource, HttpSourceOptions } from '#src/sources/http.js'

/** A source, and what it told. */
export interface Opened {
  readonly source: HttpSource
  readonly budget: ByteBudget
  readonly outcomes: HttpOutcome[]
  readonly letters: DeadLetter[]
  readonly reported: unknown[]
}

/** Opens a source on a port of its own, which closes after the test. */
export async function openSource(t: TestContext, options: Partial<HttpSourceOptions> = {}): Promise<Opened> {
  const outcomes: HttpOutcome[] = []
  const letters: DeadLetter[] = []
  const reported: unknown[] = []
  const budget = options.budget ?? new ByteBudget(256 << 20)
  const source = await openHttpSource({
    name: 'test',
    listen: { host: '127.0.0.1', port: 0 },
    budget,
    quarantine: async (letter) => {
      letters.push({ ...letter, bytes: letter.bytes.map((bytes) => Uint8Array.from(bytes)) })
      return true
    },
    observe: { answered: (outcome) => outcomes.push(outcome) },
    report: (error) => reported.push(error),
    reportFile: (file, { error }) => reported.push(error ?? `${file} in force`),
    random: () => 0,
    ...options,
  })
  t.after(() => source.close())
  return { source, budget, outcomes, letters, reported }
}

/** What was handed out, as long as it is read. */
export interface Reading {
  /** One text for each position that was committed or could be. */
  readonly bodies: string[]
  /** Ends the iteration as a pipeline does whose sink failed. */
  stop(): Promise<void>
  /** Resolves when the iteration has ended. */
  readonly ended: Promise<void>
}

/** Iterates over a source. `commits`: acknowledges each body as soon as it is there. `handedOutBefore`: bodies. */
export function read(source: HttpSource, commits = true, handedOutBefore = 0): Reading {
  const bodies: string[] = []
  const iterator = source.values()[Symbol.asyncIterator]()
  const ended = (async () => {
    let text = ''
    let last = handedOutBefore
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      if (next.value.kind !== 'bytes') throw new Error('no file is expected')
      text += Buffer.from(next.value.bytes).toString()
      const position = next.value.position
      if (position === last) continue
      last = position
      bodies.push(text)
      text = ''
      if (commits) await source.commit(position)
    }
  })()
  return {
    bodies,
    ended,
    stop: async () => {
      await iterator.return?.()
      await ended
    },
  }
}

/** An answer. */
export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
  /** The code of its body. */
  readonly code: string | undefined
}

/** Posts a body, with an agent of its own unless one is given. */
export async function post(
  source: HttpSource,
  body: Uint8Array | string,
  options: http.RequestOptions & { readonly chunked?: boolean } = {},
): Promise<Answer> {
  const { chunked, ...rest } = options
  const length = chunked === true ? {} : { 'Content-Length': Buffer.byteLength(body) }
  const { host, port } = source.address
  return new Promise((resolve, reject) => {
    const headers = { ...length, ...(rest.headers as http.OutgoingHttpHeaders | undefined) }
    const request = http.request({ host, port, path: '/ingest', method: 'POST', agent: false, ...rest, headers })
    request.on('response', (response) => void answerOf(response).then(resolve, reject))
    request.on('error', reject)
    request.end(body)
  })
}

/** Reads an answer to its end. */
export async function answerOf(response: http.IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  const text = Buffer.concat(parts).toString()
  const code = text === '' ? undefined : (JSON.parse(text) as { code: string }).code
  return { status: response.statusCode ?? 0, headers: response.headers, text, code }
}

/** A connection that sends what it is told. */
export class RawClient {
  readonly socket: net.Socket
  received = ''
  private onChange: (() => void) | undefined
  isClosed = false

  constructor(source: HttpSource, t: TestContext) {
    const { host, port } = source.address
    this.socket = net.connect(port, host)
    t.after(() => this.socket.destroy())
    this.socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1')
      this.onChange?.()
    })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.isClosed = true
      this.onChange?.()
    })
  }

  send(text: string | Uint8Array): this {
    this.socket.write(text)
    return this
  }

  /** Resolves when the condition holds of what came. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.onChange = resolve))
  }

  /** Resolves with everything that came, when the server has closed. */
  async closed(): Promise<string> {
    await this.until(() => this.isClosed)
    return this.received
  }

  /** Statuses of the answers that came, in order. */
  get statuses(): number[] {
    return [...this.received.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map((match) => Number(match[1]))
  }
}

/** A request as text, with a length unless headers name one. */
export function requestText(body: string, headers: readonly string[] = [], target = '/ingest'): string {
  const lines = [`POST ${target} HTTP/1.1`, 'Host: localhost', ...headers]
  if (!headers.some((line) => /^(content-length|transfer-encoding):/i.test(line))) {
    lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Resolves when the condition holds, which other sockets or threads bring about. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve))
}

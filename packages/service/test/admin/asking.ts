// An admin server for a test, and ways to ask it: by Node's client, and by raw bytes for what no client would send.
// Called by tests beside it.

import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import path from 'node:path'
import type { TestContext } from 'node:test'

import { createEngine } from '@weir/engine'

import { openAdminServer } from '#src/admin/server.js'
import type { AdminOptions, AdminServer } from '#src/admin/server.js'
import { createMetrics } from '#src/metrics.js'
import type { Metrics } from '#src/metrics.js'
import { openRulesControl } from '#src/pipeline/rules-control.js'
import type { RulesControl } from '#src/pipeline/rules-control.js'
import { openLog } from '#src/structured-log.js'

/** A token as a token file has it. */
export const token = 'a-token-that-nobody-guesses'
/** Rules that keep records whose `s` is this. */
export const rulesFor = (value: string) =>
  `version: 1\ndefault: drop\nrules:\n  - { id: only-${value}, when: { field: s, equals: ${value} }, then: keep }\n`

/** A control of rules in a file of the pipeline's name, with an engine. */
export async function controlFor(t: TestContext, directory: string, pipeline: string): Promise<RulesControl> {
  const file = path.join(directory, `${pipeline}.yaml`)
  await writeFile(file, rulesFor('a'))
  const metrics = createMetrics({ version: '0' })
  t.after(() => metrics.close())
  const control = await openRulesControl({
    ...{ pipeline, rules: { file }, checkRoutes: () => [], metrics: metrics.pipeline(pipeline) },
    log: openLog({ level: 'silent', format: 'json', write: () => undefined }),
    startTimer: () => () => undefined,
  })
  t.after(() => control.close())
  const engine = await createEngine({ rules: control.source, threads: 1, kernel: 'portable' })
  t.after(() => engine.close())
  control.attach(engine)
  return control
}

/** An answer, read whole. */
export interface Told {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** Of a body that is JSON. */
  readonly json: Record<string, unknown>
}

/** How something is asked. */
export interface Question {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
}

/** A server that listens on a port of its own, until the test ends. */
export interface Asked {
  readonly server: AdminServer
  readonly metrics: Metrics
  readonly logged: () => string
  ask(path: string, question?: Question): Promise<Told>
  /** Sends bytes on a connection of its own, and returns everything that comes back until it is closed. */
  raw(bytes: string): Promise<string>
}

/** Opens a server with these options, and facts that a healthy process would tell. */
export async function adminFor(t: TestContext, options: Partial<AdminOptions> = {}): Promise<Asked> {
  let log = ''
  const metrics = createMetrics({ version: '1.2.3' })
  t.after(() => metrics.close())
  const server = await openAdminServer({
    listen: { host: '127.0.0.1', port: 0 },
    metrics,
    health: () => ({ healthy: true, reasons: [] }),
    readiness: () => ({ ready: true, reasons: [] }),
    status: () => ({ position: 2n ** 60n }),
    settings: () => ({ admin: { token: 'file' } }),
    rules: [],
    log: openLog({ level: 'debug', format: 'json', write: (text) => void (log += text) }),
    startTimer: () => () => undefined,
    ...options,
  })
  t.after(() => server.close())
  const { port } = server.address
  return {
    ...{ server, metrics, logged: () => log },
    ask: (path, question) => ask(port, path, question ?? {}),
    raw: (bytes) => raw(port, bytes),
  }
}

async function ask(port: number, path: string, { method = 'GET', headers = {}, body }: Question): Promise<Told> {
  const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false })
  asked.end(body)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}
  return { status: response.statusCode ?? 0, headers: response.headers, text, json }
}

async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', (more: string) => void (text += more))
  socket.write(bytes)
  await once(socket, 'close')
  return text
}

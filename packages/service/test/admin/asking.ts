// An admin server for a test, and ways to ask it: by Node's client, and by raw bytes for what no client would send.
// Called by tests beside it.

import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'

import { openAdminServer } from '#src/admin/server.js'
import type { AdminOptions, AdminServer } from '#src/admin/server.js'
import { createMetrics } from '#src/metrics.js'
import type { Metrics } from '#src/metrics.js'
import { openLog } from '#src/structured-log.js'

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

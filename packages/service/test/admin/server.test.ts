// The admin port as those who ask see it: real HTTP on loopback, and raw bytes where no client would send them.

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { openRulesControl } from '#src/pipeline/rules-control.js'
import type { RulesControl } from '#src/pipeline/rules-control.js'
import { createMetrics } from '#src/metrics.js'
import { openLog } from '#src/structured-log.js'
import { eventually } from '../faults/fault.js'
import { folder } from '../running.js'
import { adminFor, controlFor, rulesFor, token } from './asking.js'
import type { Asked } from './asking.js'

async function withRules(t: TestContext, ...pipelines: string[]): Promise<{ asked: Asked; directory: string }> {
  const directory = await folder(t)
  const rules: RulesControl[] = []
  for (const name of pipelines) rules.push(await controlFor(t, directory, name))
  return { asked: await adminFor(t, { rules }), directory }
}

test('health and readiness are told with their reasons', async (t) => {
  const reasons = ['the disk is full']
  const { ask } = await adminFor(t, { readiness: () => ({ ready: false, reasons }) })
  const health = await ask('/healthz')
  assert.deepEqual([health.status, health.json], [200, { healthy: true, reasons: [] }])
  const readiness = await ask('/readyz')
  assert.deepEqual([readiness.status, readiness.json], [503, { ready: false, reasons }])
})

test('metrics are Prometheus text, and count what is asked here by known paths only', async (t) => {
  const { ask } = await adminFor(t)
  for (const each of ['/a', '/b?c', '/readyz']) await ask(each)
  const { status, headers, text } = await ask('/metrics')
  assert.equal(status, 200)
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/)
  assert.match(text, /^weir_admin_requests_total\{path="other",code="404"\} 2$/m)
  assert.match(text, /^weir_admin_requests_total\{path="\/readyz",code="200"\} 1$/m)
})

test('the status has what the process tells, also numbers beyond JSON’s, and the rules of every pipeline', async (t) => {
  const { asked } = await withRules(t, 'web')
  const { json } = await asked.ask('/api/status')
  assert.equal(json['position'], '1152921504606846976')
  const [rules] = json['rules'] as Record<string, unknown>[]
  assert.equal(rules?.['pipeline'], 'web')
  assert.match(String(rules?.['version']), /^[0-9a-f]{16}$/)
  assert.deepEqual((await asked.ask('/api/settings')).json, { admin: { token: 'file' } })
})

test('every answer keeps browsers from showing, keeping or framing it', async (t) => {
  const { ask } = await adminFor(t)
  for (const each of ['/healthz', '/nothing']) {
    const { headers } = await ask(each)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['cache-control'], 'no-store')
    assert.match(String(headers['content-security-policy']), /default-src 'none'/)
    assert.equal(headers['access-control-allow-origin'], undefined)
  }
})

test('HEAD is answered as GET without a body, and other methods are told which there are', async (t) => {
  const { ask, raw } = await adminFor(t)
  const head = await raw('HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(head, /\r\nContent-Length: 30\r\n/)
  assert.ok(head.endsWith('\r\n\r\n'))
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH']) {
    const { status, headers, json } = await ask('/healthz', { method })
    assert.deepEqual([status, headers['allow'], json['code']], [405, 'GET, HEAD', 'wrong-method'], method)
  }
  assert.equal((await ask('/api/rules', { method: 'PUT' })).headers['allow'], 'GET, HEAD, POST')
  assert.deepEqual((await ask('/constructor')).json['code'], 'unknown-path')
})

test('tokens that cannot be used, a busy port and an open port without tokens are refused at the start', async (t) => {
  const directory = await folder(t)
  const tokenFile = path.join(directory, 'token')
  await assert.rejects(adminFor(t, { tokenFile }), { code: 'ERR_CONFIG_TOKEN', message: /cannot be read: .*ENOENT/ })
  await writeFile(tokenFile, `${token}\nshort\n`)
  await assert.rejects(adminFor(t, { tokenFile }), { code: 'ERR_CONFIG_TOKEN', message: /^Line 2 of / })
  await assert.rejects(adminFor(t, { listen: { host: '0.0.0.0', port: 0 } }), { code: 'ERR_CONFIG_TOKEN' })
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  t.after(() => other.close())
  const { port } = other.address() as AddressInfo
  await assert.rejects(adminFor(t, { listen: { host: '127.0.0.1', port } }), {
    code: 'ERR_CONNECTOR_LISTEN',
    message: /EADDRINUSE/,
  })
})

test('rules are told with their text, posted, and reloaded, each pipeline by its name', async (t) => {
  const { asked, directory } = await withRules(t, 'one', 'two')
  const { json } = await asked.ask('/api/rules')
  assert.deepEqual(
    (json['rules'] as { pipeline: string }[]).map(({ pipeline }) => pipeline),
    ['one', 'two'],
  )
  assert.equal((await asked.ask('/api/rules?pipeline=two')).json['text'], rulesFor('a'))
  const headers = { 'content-type': 'application/yaml; charset=utf-8' }
  const posted = await asked.ask('/api/rules?pipeline=two', { method: 'POST', headers, body: rulesFor('b') })
  assert.deepEqual([posted.status, posted.json['outcome'], posted.json['pipeline']], [200, 'loaded', 'two'])
  assert.equal(await readFile(path.join(directory, 'two.yaml'), 'utf8'), rulesFor('b'))
  assert.equal(await readFile(path.join(directory, 'one.yaml'), 'utf8'), rulesFor('a'))
  const audit = await readFile(path.join(directory, 'two.yaml.audit.ndjson'), 'utf8')
  assert.match(audit, /"who":"admin port, 127\.0\.0\.1, token not needed"/)
  await writeFile(path.join(directory, 'one.yaml'), rulesFor('c'))
  const reloaded = await asked.ask('/api/rules/reload?pipeline=one', { method: 'POST' })
  assert.deepEqual([reloaded.status, reloaded.json['outcome']], [200, 'loaded'])
  assert.equal((await asked.ask('/api/rules/reload', { method: 'POST' })).json['code'], 'which-pipeline')
  assert.equal((await asked.ask('/api/rules?pipeline=three')).json['code'], 'unknown-pipeline')
})

test('rules that are refused come back with every issue and a code', async (t) => {
  const { asked } = await withRules(t, 'web')
  const post = (body: string | Buffer, headers: Record<string, string> = { 'content-type': 'application/yaml' }) =>
    asked.ask('/api/rules', { method: 'POST', headers, body })
  const bad = await post(rulesFor('b').replace('drop', 'drp').replace('equals', 'equal'))
  assert.deepEqual(
    [bad.status, bad.json['code'], (bad.json['issues'] as unknown[]).length],
    [422, 'ERR_RULESET_INVALID', 2],
  )
  const file = await post(rulesFor('b').replace('equals: b', 'in: { file: /etc/passwd }'))
  assert.equal(file.status, 422)
  assert.match(JSON.stringify(file.json['issues']), /List files are refused here/)
  for (const [code, status, body, headers] of [
    ['unknown-type', 415, rulesFor('b'), { 'content-type': 'text/plain' }],
    ['unknown-type', 415, rulesFor('b'), { 'content-type': 'application/x-www-form-urlencoded' }],
    ['unknown-type', 415, rulesFor('b'), {}],
    ['unknown-encoding', 415, rulesFor('b'), { 'content-type': 'application/yaml', 'content-encoding': 'gzip' }],
    ['not-utf8', 400, Buffer.from([0xff]), { 'content-type': 'application/yaml' }],
  ] as const) {
    const told = await post(body, headers)
    assert.deepEqual([told.status, told.json['code']], [status, code])
  }
})

test('rules that stand in the settings answer 409', async (t) => {
  const metrics = createMetrics({ version: '0' })
  t.after(() => metrics.close())
  const control = await openRulesControl({
    ...{ pipeline: 'web', rules: { inline: { version: 1, default: 'keep', rules: [] } }, checkRoutes: () => [] },
    metrics: metrics.pipeline('web'),
    log: openLog({ level: 'silent', format: 'json', write: () => undefined }),
  })
  const { ask } = await adminFor(t, { rules: [control] })
  const headers = { 'content-type': 'application/json' }
  const told = await ask('/api/rules', { method: 'POST', headers, body: '{}' })
  assert.deepEqual([told.status, told.json['code']], [409, 'ERR_CONFIG_RULES_READ_ONLY'])
})

test('a body that is too large is refused before it is read, or where it exceeds what is allowed', async (t) => {
  const { asked } = await withRules(t, 'web')
  const head = 'POST /api/rules HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\n'
  const announced = await asked.raw(`${head}Content-Length: 16777217\r\nExpect: 100-continue\r\n\r\n`)
  assert.match(announced, /^HTTP\/1\.1 413 /)
  assert.match(announced, /\r\nConnection: close\r\n/)
  const chunk = `1000000\r\n${' '.repeat(16 << 20)}\r\n`
  assert.match(await asked.raw(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}1\r\n \r\n`), /^HTTP\/1\.1 413 /)
})

test('a body is asked for only when its sender may send one', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'token'), `${token}\n`)
  const rules = [await controlFor(t, directory, 'web')]
  const { raw } = await adminFor(t, { rules, tokenFile: path.join(directory, 'token') })
  const body = rulesFor('b')
  const head = `POST /api/rules HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\nContent-Length: ${body.length}\r\n`
  const refused = await raw(`${head}Expect: 100-continue\r\n\r\n`)
  assert.match(refused, /^HTTP\/1\.1 401 /)
  const taken = await raw(
    `${head}Expect: 100-continue\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n${body}`,
  )
  assert.match(taken, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
})

test('a head or a body that does not come in time is refused, and the port goes on', async (t) => {
  const rules = [await controlFor(t, await folder(t), 'web')]
  const { ask, raw } = await adminFor(t, { rules, bounds: { headMs: 40, requestMs: 40, checkMs: 10 } })
  const head = 'POST /api/rules HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\n'
  for (const bytes of ['GET /metrics HTTP/1.1\r\nHost:', `${head}Content-Length: 99\r\n\r\nversion`]) {
    const told = await raw(bytes)
    assert.match(told, /^HTTP\/1\.1 408 Request Timeout\r\n/)
    assert.match(told, /"code":"timed-out"/)
  }
  // This one may itself come too late, where it has to wait for a processor.
  const isAnswered = async () =>
    ask('/healthz').then(
      ({ status }) => status === 200,
      () => false,
    )
  await eventually('the port answers', isAnswered)
})

test('connections and bodies beyond their number are turned away', async (t) => {
  const { connect } = await import('node:net')
  const rules = [await controlFor(t, await folder(t), 'web')]
  const { ask, raw, server } = await adminFor(t, { rules, bounds: { connections: 3, bodies: 1 } })
  const open = connect(server.address.port, '127.0.0.1')
  t.after(() => open.destroy())
  const head = 'POST /api/rules HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\nContent-Length: 99\r\n'
  const asked = new Promise((resolve) => open.once('data', resolve))
  open.write(`${head}Expect: 100-continue\r\n\r\n`)
  await asked
  const busy = await raw(`${head}\r\n`)
  assert.match(busy, /^HTTP\/1\.1 503 /)
  assert.match(busy, /\r\nRetry-After: 1\r\n/)
  const others = [1, 2].map(() => connect(server.address.port, '127.0.0.1'))
  for (const other of others) {
    t.after(() => other.destroy())
    await new Promise((resolve) => other.once('connect', resolve))
  }
  await assert.rejects(ask('/healthz'), { code: 'ECONNRESET' })
})

test('a sender that goes away in the middle of a body harms nobody', async (t) => {
  const { asked, directory } = await withRules(t, 'web')
  const { connect } = await import('node:net')
  for (let i = 0; i < 5; i++) {
    const socket = connect(asked.server.address.port, '127.0.0.1')
    socket.write(
      'POST /api/rules HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\nContent-Length: 99\r\n\r\nversion',
    )
    await new Promise((resolve) => socket.once('ready', () => setImmediate(resolve)))
    socket.destroy()
  }
  const headers = { 'content-type': 'application/yaml' }
  let told
  // Until the server has noticed that the senders are gone, bodies are as many as may be.
  do told = await asked.ask('/api/rules', { method: 'POST', headers, body: rulesFor('b') })
  while (told.status === 503)
  assert.equal(told.status, 200)
  assert.equal(await readFile(path.join(directory, 'web.yaml'), 'utf8'), rulesFor('b'))
})

test('a fault of ours is a plain 500, and its text stands in the log only', async (t) => {
  const { ask, logged } = await adminFor(t, {
    status: () => {
      throw new TypeError('the inner life of the service')
    },
  })
  const { status, json, text } = await ask('/api/status')
  assert.deepEqual([status, json['code']], [500, 'internal'])
  assert.ok(!text.includes('inner life'))
  assert.match(logged(), /the inner life of the service/)
})

test('closing waits for an answer that is under way, and takes nothing new', async (t) => {
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  let begin = (): void => undefined
  const begun = new Promise<void>((resolve) => (begin = resolve))
  const render = async () => {
    begin()
    await held
    return 'x 1\n'
  }
  const { server, ask } = await adminFor(t, {
    metrics: { render, contentType: 'text/plain', adminRequest: () => undefined, adminTokens: () => undefined },
  })
  const told = ask('/metrics')
  await begun
  const closed = server.close()
  await assert.rejects(ask('/healthz'), { code: 'ECONNREFUSED' })
  release()
  assert.equal((await told).text, 'x 1\n')
  await closed
})

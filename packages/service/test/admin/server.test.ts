// The admin port as those who ask see it: real HTTP on loopback, and raw bytes where no client would send them.

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { createEngine } from '@weir/engine'

import { openRulesControl } from '#src/pipeline/rules-control.js'
import type { RulesControl } from '#src/pipeline/rules-control.js'
import { createMetrics } from '#src/metrics.js'
import { openLog } from '#src/structured-log.js'
import { folder } from '../running.js'
import { adminFor } from './asking.js'
import type { Asked } from './asking.js'

const token = 'a-token-that-nobody-guesses'
const rulesFor = (value: string) =>
  `version: 1\ndefault: drop\nrules:\n  - { id: only-${value}, when: { field: s, equals: ${value} }, then: keep }\n`

async function controlFor(t: TestContext, directory: string, pipeline: string): Promise<RulesControl> {
  const file = path.join(directory, `${pipeline}.yaml`)
  await writeFile(file, rulesFor('a'))
  const metrics = createMetrics({ version: '0' })
  t.after(() => metrics.close())
  const control = await openRulesControl({
    ...{ pipeline, rules: { file }, hasSinkFor: () => true, metrics: metrics.pipeline(pipeline) },
    log: openLog({ level: 'silent', format: 'json', write: () => undefined }),
    startTimer: () => () => undefined,
  })
  t.after(() => control.close())
  const engine = await createEngine({ rules: control.source, threads: 1, kernel: 'portable' })
  t.after(() => engine.close())
  control.attach(engine)
  return control
}

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

test('behind a token only health, readiness and metrics are open, and the token works in its header alone', async (t) => {
  const tokenFile = path.join(await folder(t), 'token')
  await writeFile(tokenFile, `${token}\n`)
  const { ask } = await adminFor(t, { tokenFile })
  for (const each of ['/healthz', '/readyz', '/metrics']) assert.equal((await ask(each)).status, 200)
  for (const each of ['/api/status', '/api/rules', '/api/settings', `/api/status?token=${token}`]) {
    const { status, headers, json } = await ask(each)
    assert.deepEqual([status, headers['www-authenticate'], json['code']], [401, 'Bearer realm="weir"', 'unauthorized'])
  }
  for (const authorization of [
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
    'Bearer',
    'Bearer ',
    `Basic ${token}`,
    token,
  ]) {
    assert.equal((await ask('/api/status', { headers: { authorization } })).status, 401, authorization)
  }
  assert.equal((await ask('/api/status', { headers: { authorization: `Bearer ${token}` } })).status, 200)
})

test('a changed token file is read anew, two tokens are valid at once, and a bad file leaves those before', async (t) => {
  const tokenFile = path.join(await folder(t), 'token')
  await writeFile(tokenFile, `${token}\n`)
  const { ask, server, logged } = await adminFor(t, { tokenFile })
  const statusWith = async (each: string) =>
    (await ask('/api/status', { headers: { authorization: `Bearer ${each}` } })).status
  const change = async (text: string) => {
    await writeFile(`${tokenFile}.next`, text)
    await rename(`${tokenFile}.next`, tokenFile)
    await server.poll()
    await server.poll()
  }
  const next = 'the-token-that-comes-next'
  await change(`${token}\n${next}\n`)
  assert.deepEqual([await statusWith(token), await statusWith(next)], [200, 200])
  await change(`${next}\n`)
  assert.deepEqual([await statusWith(token), await statusWith(next)], [401, 200])
  for (const bad of ['', 'too short\n', `${token} with more\n`]) {
    await change(bad)
    assert.equal(await statusWith(next), 200)
  }
  for (const each of [token, next, 'too short', 'with more']) assert.ok(!logged().includes(each), each)
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

const asked = (host: string, more = '') => `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`

test('a page whose name was made to point here is refused, and addresses and known names are not', async (t) => {
  const { raw } = await adminFor(t, { hosts: ['Weir.Example'] })
  const own = [
    '127.0.0.1',
    '127.0.0.1:9881',
    'localhost',
    'LOCALHOST:9881',
    '[::1]:9881',
    '10.1.2.3',
    'weir.example:9881',
  ]
  for (const host of own) assert.match(await raw(asked(host)), /^HTTP\/1\.1 200 /, host)
  const foreign = [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '',
    'user@localhost',
    '[evil]',
    '1',
  ]
  for (const host of foreign) {
    const told = await raw(asked(host))
    assert.match(told, /^HTTP\/1\.1 403 /, host)
    assert.match(told, /"code":"foreign-host"/)
  }
})

test('a page of another origin is refused, whatever it sends, and a link from anywhere may be followed', async (t) => {
  const { raw, server } = await adminFor(t)
  const host = `localhost:${server.address.port}`
  for (const [status, head] of [
    [403, 'Origin: http://evil.example\r\n'],
    [403, 'Origin: null\r\n'],
    [403, `Origin: http://localhost:1\r\n`],
    [403, 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n'],
    [403, 'Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n'],
    [200, 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n'],
    [200, `Origin: http://${host}\r\nSec-Fetch-Site: same-origin\r\n`],
    [200, 'Sec-Fetch-Site: none\r\n'],
  ] as const) {
    assert.match(await raw(asked(host, head)), new RegExp(`^HTTP/1\\.1 ${status} `), head)
  }
})

test('what is no request that could be judged is refused, and its connection closed', async (t) => {
  const { raw } = await adminFor(t)
  const head = 'Connection: close\r\n\r\n'
  for (const [status, bytes] of [
    [400, `GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n${head}`],
    [400, `GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n${head}`],
    [400, `GET /metrics HTTP/1.1\r\n${head}`],
    [400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    [400, 'nonsense\r\n\r\n'],
    [
      400,
      'POST /api/rules HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [431, `GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n${head}`],
  ] as const) {
    assert.match(await raw(bytes), new RegExp(`^HTTP/1\\.1 ${status} `), bytes.slice(0, 80))
  }
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
    ...{ pipeline: 'web', rules: { inline: { version: 1, default: 'keep', rules: [] } }, hasSinkFor: () => true },
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
    assert.match(told, /"code":"too-slow"/)
  }
  assert.equal((await ask('/healthz')).status, 200)
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

test('no credential that is sent, right or wrong, appears in a log, an answer, an audit or a metric', async (t) => {
  const directory = await folder(t)
  const tokenFile = path.join(directory, 'token')
  await writeFile(tokenFile, `${token}\n`)
  const rules = [await controlFor(t, directory, 'web')]
  const { ask, raw, metrics, logged } = await adminFor(t, { rules, tokenFile })
  const wrong = 'dTpzM2NyM3QtcGFzc3dvcmQ'
  const seen: string[] = []
  for (const authorization of [`Bearer ${token}`, `Bearer ${wrong}`, `Basic ${wrong}`]) {
    for (const [method, body] of [
      ['GET', undefined],
      ['POST', rulesFor('b')],
      ['POST', 'bad'],
    ] as const) {
      const headers = { authorization, 'content-type': 'application/yaml' }
      const told = await ask('/api/rules', { method, headers, ...(body === undefined ? {} : { body }) })
      seen.push(told.text, JSON.stringify(told.headers))
    }
  }
  seen.push(
    await raw(
      `GET /api/rules?token=${token} HTTP/1.1\r\nHost: evil\r\nAuthorization: Bearer ${wrong}\r\nConnection: close\r\n\r\n`,
    ),
  )
  seen.push(await raw(`bad ${token} ${wrong}\r\n\r\n`))
  seen.push(logged(), await metrics.render(), await readFile(path.join(directory, 'web.yaml.audit.ndjson'), 'utf8'))
  for (const text of seen) for (const each of [token, wrong]) assert.ok(!text.includes(each), text)
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
    metrics: { render, contentType: 'text/plain', adminRequest: () => undefined },
  })
  const told = ask('/metrics')
  await begun
  const closed = server.close()
  await assert.rejects(ask('/healthz'), { code: 'ECONNREFUSED' })
  release()
  assert.equal((await told).text, 'x 1\n')
  await closed
})

// The tokens of the admin port: what they open, how they are changed, and that none is ever told.

import assert from 'node:assert/strict'
import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { folder } from '../running.js'
import { adminFor, controlFor, rulesFor, token } from './asking.js'

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
  const { ask, server, logged, metrics } = await adminFor(t, { tokenFile })
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
  assert.match(await metrics.render(), /^weir_admin_token_stale 1$/m)
  await change(`${next}\n`)
  assert.match(await metrics.render(), /^weir_admin_token_stale 0$/m)
  for (const each of [token, next, 'too short', 'with more']) assert.ok(!logged().includes(each), each)
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

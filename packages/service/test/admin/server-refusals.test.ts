// Whom the admin port refuses before it looks at what they ask for: pages of browsers, and bytes that are no request.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { adminFor } from './asking.js'

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
    assert.match(await raw(bytes), new RegExp(`^HTTP/1\\.1 ${status} [^]*\\r\\n\\r\\n\\{"code":`), bytes.slice(0, 80))
  }
})

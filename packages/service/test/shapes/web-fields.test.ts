// Lines of web servers: the record that is made of each, and which lines are none.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { generateWeb } from '#src/generators/web.js'
import { RecordWriter, writeWebRecord } from '#src/shapes/web-fields.js'
import type { WebFormat } from '#src/shapes/web-fields.js'

/** The line's record, or undefined when it has none. */
function recordOf(line: string | Buffer, format: WebFormat = 'combined'): Record<string, unknown> | undefined {
  const bytes = Buffer.from(line)
  const out = new RecordWriter(16)
  // Not at the start, as most lines.
  const isRecord = writeWebRecord(Buffer.concat([Buffer.from('x\n'), bytes]), 2, 2 + bytes.length, format, out)
  const text = out.bytes.toString('utf8', 0, out.length)
  assert.equal(text === '', !isRecord)
  if (!isRecord) return undefined
  assert.ok(text.endsWith('}\n') && text.indexOf('\n') === text.length - 1)
  return JSON.parse(text) as Record<string, unknown>
}

const time = '[23/Apr/2024:01:31:39 +0545]'

test('a combined line becomes a record with every field, in order', () => {
  const record = recordOf(
    `217.168.17.5 - jo [23/Apr/2024:01:31:39 +0545] "GET /downloads/product_2 HTTP/1.1" 200 03316 "http://a/" "curl/8"`,
  )
  assert.deepEqual(Object.entries(record ?? {}), [
    ['ip_address', '217.168.17.5'],
    ['username', 'jo'],
    ['is_user', 'User Exists'],
    ['timestamp', '2024-04-23T01:31:39+05:45'],
    ['timezone', '+05:45'],
    ['operation', 'GET'],
    ['source', '/downloads/product_2'],
    ['network_protocol', 'HTTP/1.1'],
    ['status_code', '200'],
    ['status', 'Successful'],
    ['bytes', 3316],
    ['referrer', 'http://a/'],
    ['user_agent', 'curl/8'],
  ])
})

test('a common line ends with its bytes; a dash is no user and no bytes', () => {
  const line = `::1 - - ${time} "HEAD / HTTP/2.0" 304 -`
  const record = recordOf(line, 'common')
  assert.equal(record?.['is_user'], 'Anonymous')
  assert.equal(record?.['username'], '-')
  assert.equal(record?.['bytes'], 0)
  assert.deepEqual(Object.keys(record ?? {}).at(-1), 'bytes')
  assert.equal(recordOf(line), undefined)
  assert.equal(recordOf(`${line} "-" "-"`, 'common'), undefined)
})

test('a status has the name of its first digit, where that has one', () => {
  for (const [code, name] of [
    ['101', 'informational'],
    ['204', 'Successful'],
    ['307', 'Redirection'],
    ['499', 'Client Error'],
    ['503', 'Server Error'],
    ['000', undefined],
    ['999', undefined],
  ] as const) {
    const record = recordOf(`h - - ${time} "-" ${code} 1`, 'common')
    assert.equal(record?.['status_code'], code)
    assert.equal(record?.['status'], name)
  }
  assert.ok(!('status_code' in (recordOf(`h - - ${time} "-" - 1`, 'common') ?? {})))
})

test('a request is method, target and protocol, or kept whole where it is not', () => {
  const requestOf = (request: string) => {
    const { operation, source, network_protocol, request: whole } = recordOf(`h - - ${time} "${request}" 400 0`, 'common') ?? {} // prettier-ignore
    return [operation, source, network_protocol, whole]
  }
  const none = undefined
  assert.deepEqual(requestOf('GET /a b?c HTTP/1.0'), ['GET', '/a b?c', 'HTTP/1.0', none])
  assert.deepEqual(requestOf('GET /a'), ['GET', '/a', none, none])
  assert.deepEqual(requestOf('GET HTTP/1.1'), ['GET', 'HTTP/1.1', none, none])
  assert.deepEqual(requestOf('-'), [none, none, none, none])
  assert.deepEqual(requestOf(''), [none, none, none, ''])
  assert.deepEqual(requestOf('GET '), [none, none, none, 'GET '])
  assert.deepEqual(requestOf('\\x16\\x03\\x01 /'), [none, none, none, '\u0016\u0003\u0001 /'])
  assert.deepEqual(requestOf('get'), [none, none, none, 'get'])
})

test('escapes of nginx and Apache are decoded, others stay, and what is no UTF-8 becomes U+FFFD', () => {
  const agentOf = (agent: string | Buffer) =>
    recordOf(Buffer.concat([Buffer.from(`h - - ${time} "-" 200 1 "-" "`), Buffer.from(agent), Buffer.from('"')]))?.['user_agent'] // prettier-ignore
  for (const [written, text] of [
    ['say \\"hi\\" \\\\o/', 'say "hi" \\o/'],
    ['\\x22\\xc3\\xA9', '"é'],
    ['\\xff\\xc3', '\ufffd\ufffd'],
    ['\\t\\n\\r\\b\\v', '\t\n\r\b\v'],
    ['\\q\\x4\\xzz\\', '\\q\\x4\\xzz\\'],
    ['tab\tü€😀\u007f', 'tab\tü€😀\u007f'],
    ['%22+%C3', '%22+%C3'],
  ] as const) {
    // A lone backslash at the end would escape the quote.
    if (!written.endsWith('\\')) assert.equal(agentOf(written), text, written)
  }
  assert.equal(agentOf(Buffer.from([0xff, 0x41, 0xe2, 0x82])), '\ufffdA\ufffd')
  assert.equal(agentOf('x\\'), undefined)
})

test('a user may hold spaces, quotes and brackets', () => {
  const userOf = (user: string) => recordOf(`h - ${user} ${time} "-" 200 1`, 'common')?.['username']
  for (const user of ['a b', '[x]', 'a [1/2] "b"', '-x', '[23/Apr/2024:01:31:39 0000]']) {
    assert.equal(userOf(user), user)
  }
  assert.equal(userOf('j\\xc3\\xb6'), 'jö')
})

test('times are checked and written with their exact zone', () => {
  const timeOf = (text: string) => recordOf(`h - - [${text}] "-" 200 1`, 'common')?.['timestamp']
  assert.equal(timeOf('29/Feb/2024:23:59:60 -0930'), '2024-02-29T23:59:60-09:30')
  assert.equal(timeOf('29/Feb/2000:00:00:00 +0000'), '2000-02-29T00:00:00+00:00')
  for (const wrong of [
    '29/Feb/2023:01:31:39 +0000',
    '29/Feb/1900:01:31:39 +0000',
    '31/Apr/2024:01:31:39 +0000',
    '00/Apr/2024:01:31:39 +0000',
    '23/apr/2024:01:31:39 +0000',
    '23/Apr/2024:24:31:39 +0000',
    '23/Apr/2024:01:60:39 +0000',
    '23/Apr/2024:01:31:61 +0000',
    '23/Apr/2024:01:31:39 +2400',
    '23/Apr/2024:01:31:39  0000',
    '23/Apr/2024 01:31:39 +0000',
    '3/Apr/2024:01:31:39 +0000',
  ]) {
    assert.equal(timeOf(wrong), undefined, wrong)
  }
})

test('what is not of the format has no record, wherever it breaks', () => {
  const line = `h - - ${time} "GET / HTTP/1.1" 200 1 "-" "a"`
  assert.ok(recordOf(line) !== undefined)
  for (let end = 0; end < line.length; end++) assert.equal(recordOf(line.slice(0, end)), undefined, line.slice(0, end))
  for (const wrong of [
    `${line} `,
    `${line} "x"`,
    ` ${line}`,
    line.replace('h - - ', 'h - '),
    line.replace('h - - ', 'h  - '),
    line.replace(' 200 ', ' 20 '),
    line.replace(' 200 ', ' 2x0 '),
    line.replace(' 1 ', ' -1 '),
    line.replace(' 1 ', '  '),
    line.replace('"GET', '"G"T'),
    line.replace('"-" "a"', '- "a"'),
    line.replace('"-" "a"', '"-""a"'),
  ]) {
    assert.equal(recordOf(wrong), undefined, wrong)
  }
})

test('every generated line is read, and no spoiled one', () => {
  for (const format of ['combined', 'common'] as const) {
    const text = Buffer.concat([...generateWeb({ format, records: 500, seed: 2 })]).toString()
    const spoiled = Buffer.concat([...generateWeb({ format, records: 500, seed: 2, errorRate: 0.3 })]).toString()
    const whole = text.trimEnd().split('\n')
    spoiled.trimEnd().split('\n').forEach((line, index) => {
      assert.equal(recordOf(line, format) !== undefined, line === whole[index], line)
    }) // prettier-ignore
  }
})

test('a line with the name of its server in front, or with more behind the agent, is none', () => {
  const rest = `${time} "GET / HTTP/1.1" 200 1 "-" "curl/8"`
  for (const front of [
    'site:443 1.2.3.4 - alice',
    'site 1.2.3.4 - -',
    'site:80 ::1 - -',
    'site:443 host.example - -',
  ]) {
    assert.equal(recordOf(`${front} ${rest}`), undefined, front)
  }
  for (const [front, user] of [
    ['::1 - jo', 'jo'],
    ['1.2.3.4:5678 - jo doe', 'jo doe'],
    ['1.2.3.4 - - jo', '- jo'],
    ['host ident a b', 'a b'],
    ['site:443 1.2.3.4 -', '-'],
  ] as const) {
    assert.equal(recordOf(`${front} ${rest}`)?.['username'], user, front)
  }
  assert.equal(recordOf(`1.2.3.4 - - ${rest} "-"`), undefined)
})

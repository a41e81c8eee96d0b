// The structured log: its two forms, its levels, and what never gets into it.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { batchIds, openLog, withoutCredentials } from '#src/structured-log.js'
import type { LogFormat, LogLevel, StructuredLog } from '#src/structured-log.js'

function logInto(format: LogFormat, level: LogLevel = 'debug'): { log: StructuredLog; lines: () => string[] } {
  let text = ''
  const log = openLog({ format, level, write: (more) => void (text += more), now: () => 0 })
  return { log, lines: () => text.split('\n').slice(0, -1) }
}

test('JSON has one object a line, with time, level, message and fields', () => {
  const { log, lines } = logInto('json')
  log
    .child({ pipeline: 'web' })
    .child({ batch: 'a-1' })
    .info('Delivered.', { records: 5, position: 2n ** 60n })
  const [line = ''] = lines()
  assert.deepEqual(JSON.parse(line), {
    level: 'info',
    time: '1970-01-01T00:00:00.000Z',
    pipeline: 'web',
    batch: 'a-1',
    records: 5,
    position: '1152921504606846976',
    msg: 'Delivered.',
  })
})

test('text has one event a line, and control characters in it are visible', () => {
  const { log, lines } = logInto('text')
  log.child({ pipeline: 'web' }).warn('Odd\u001b[31m\nname.', { file: 'a b', plain: 'x', list: [1, 'y\u202e'] })
  assert.deepEqual(lines(), [
    '1970-01-01T00:00:00.000Z warn  Odd\\u001b[31m\\u000aname. pipeline=web file="a b" plain=x list=[1,"y\\u202e"]',
  ])
})

test('JSON cannot steer a terminal either, and reads back as what it was', () => {
  const { log, lines } = logInto('json')
  log.info('\u009b31m', { name: '\u202e\u007f' })
  assert.match(lines()[0] ?? '', /^[\u0020-\u007e]*$/)
  assert.equal((JSON.parse(lines()[0] ?? '') as { name: string }).name, '\u202e\u007f')
})

test('a level hides what is below it', () => {
  for (const [level, told] of Object.entries({ debug: 4, info: 3, warn: 2, error: 1, silent: 0 })) {
    const { log, lines } = logInto('json', level as LogLevel)
    log.debug('a')
    log.child({ b: 1 }).info('b')
    log.warn('c')
    log.error('d')
    assert.equal(lines().length, told, level)
  }
})

test('an error of ours is told by code, message and issues, and only an unknown one with its stack', () => {
  const { log, lines } = logInto('json')
  const issues = [{ path: 'rules[0]', message: 'Bad.' }]
  log.error('a', { error: Object.assign(new Error('No.', { cause: new Error('Why.') }), { code: 'ERR_X', issues }) })
  log.error('b', { error: new TypeError('x is not a function') })
  const [known, unknown] = lines().map((line) => (JSON.parse(line) as { error: Record<string, unknown> }).error)
  assert.deepEqual(known, { code: 'ERR_X', message: 'No.', issues, cause: 'Why.' })
  assert.equal(unknown?.['name'], 'TypeError')
  assert.match(String(unknown?.['stack']), /structured-log\.test/)
})

const secret = 'Zm9vOmJhcmJheg-s3cr3t'

test('no credential gets through, by whatever name or in whatever text it comes', () => {
  for (const format of ['json', 'text'] as const) {
    const { log, lines } = logInto(format)
    const named = {
      ...{ authorization: secret, Password: secret, token: secret, accessToken: secret, client_secret: secret },
      ...{ headers: { 'Proxy-Authorization': secret, cookie: secret, 'set-cookie': [secret] }, apiKey: secret },
    }
    log.info('By name.', { ...named, deep: [{ deeper: named }] })
    log.child(named).info('In a child.')
    const texts = [`Authorization: Basic ${secret}`, `bearer ${secret}`, `https://user:${secret}@host/path`]
    log.info(texts.join(' '), { texts, error: new Error(texts[0]) })
    log.info('A line of credentials.', { line: `web:scrypt:16384:8:1:c2FsdA==:${secret}` })
    assert.equal(lines().length, 4)
    assert.ok(!lines().join('\n').includes(secret), lines().join('\n'))
  }
})

test('what is no credential stays as it is', () => {
  for (const text of ['GET /basic auth', 'http://host/a@b', 'basic', 'a@b.example', 'the bearer of it']) {
    assert.equal(withoutCredentials(text), text)
  }
  const advice = 'line 1: it is not name:scrypt:N:r:p:salt:hash.'
  assert.equal(withoutCredentials(advice), advice)
  for (const hash of ['N:r:p:salt:hash9', 'N:r:p:salt:hash:x', '16:1:1:salt:hash', 'N:r:p:c2FsdA==:eA==']) {
    assert.equal(withoutCredentials(`a:scrypt:${hash}`), 'a:scrypt:[redacted]')
  }
})

test('bytes are told by their number only', () => {
  const { log, lines } = logInto('text')
  log.info('Bytes.', { record: Buffer.from('{"secret":"record"}') })
  assert.match(lines()[0] ?? '', /record="19 bytes"$/)
})

test('ids of batches are short, and distinct within a process and between processes', () => {
  const [mine, others] = [batchIds(), batchIds()]
  const ids = [mine(), mine(), others(), others()]
  assert.equal(new Set(ids).size, 4)
  for (const id of ids) assert.match(id, /^[0-9a-f]{6}-[0-9a-z]+$/)
  assert.equal(batchIds('p')(), 'p-1')
})

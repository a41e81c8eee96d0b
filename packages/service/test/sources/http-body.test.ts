// Bodies that are compressed: gzip in every form that is taken, and what is refused or set aside.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'

import { ByteBudget } from '#src/sources/byte-budget.js'
import { Random } from '#src/generators/random.js'
import { RawClient, openSource, post, read, requestText, until } from './http-client.js'

const lines = Array.from({ length: 20_000 }, (_, index) => `{"n":${index},"x":"${(index * 7919) % 1009}"}\n`).join('')
const gzip = { headers: { 'Content-Encoding': 'gzip' } }

test('gzip is inflated, declared or not, in one member or several', async (t) => {
  const { source, outcomes } = await openSource(t)
  const reading = read(source)
  const packed = gzipSync(lines)
  assert.equal((await post(source, packed, gzip)).status, 200)
  assert.equal((await post(source, packed)).status, 200)
  assert.equal((await post(source, packed, { headers: { 'Content-Encoding': 'X-GZIP' }, chunked: true })).status, 200)
  const half = lines.indexOf('\n', lines.length / 2) - 3
  const members = Buffer.concat([gzipSync(lines.slice(0, half)), gzipSync(''), gzipSync(lines.slice(half))])
  assert.equal((await post(source, members)).status, 200)
  assert.equal(reading.bodies.length, 4)
  for (const text of reading.bodies) assert.ok(text === lines)
  assert.deepEqual([outcomes[0]?.compressedBytes, outcomes[0]?.inflatedBytes], [packed.length, lines.length])
  assert.equal((await post(source, gzipSync(''), gzip)).status, 200)
  assert.equal((await post(source, '', gzip)).status, 200)
  assert.equal(reading.bodies.length, 4)
  assert.equal(source.inFlightBytes, 0)
})

test('gzip that comes byte by byte is the same', async (t) => {
  const { source } = await openSource(t)
  const reading = read(source)
  const packed = gzipSync('{"a":1}\n')
  const client = new RawClient(source, t).send(requestText('', ['Transfer-Encoding: chunked']))
  for (const byte of packed) client.send(Buffer.concat([Buffer.from('1\r\n'), Buffer.of(byte), Buffer.from('\r\n')]))
  client.send('0\r\n\r\n')
  await client.until(() => client.statuses.length === 1)
  assert.deepEqual(reading.bodies, ['{"a":1}\n'])
})

const packed = gzipSync(Buffer.from(lines))
const noise = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * index * 31 + (index >> 3)) & 0xff))
const longPacked = gzipSync(noise, { level: 1 })
const damaged = (bytes: Buffer, at: number) => {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 0x55
  return copy
}

for (const [what, bytes] of [
  ['cut off', packed.subarray(0, -20)],
  ['cut off in its trailer', packed.subarray(0, -1)],
  ['with a wrong checksum', damaged(packed, packed.length - 8)],
  ['with a wrong length', damaged(packed, packed.length - 1)],
  ['damaged in its middle', damaged(packed, packed.length >> 1)],
  ['long and damaged at its begin', damaged(longPacked, 30)],
  ['with bytes behind its end', Buffer.concat([packed, Buffer.from('x')])],
  ['with zeros behind its end', Buffer.concat([packed, Buffer.alloc(3)])],
  ['with zeros and a member behind its end', Buffer.concat([packed, Buffer.alloc(3), packed])],
  ['with half a member behind its end', Buffer.concat([packed, packed.subarray(0, 5)])],
  ['that is no gzip at all', Buffer.from('{"a":1}\n')],
] as const) {
  test(`a body ${what} is set aside whole and answered 400`, async (t) => {
    const { source, letters } = await openSource(t)
    const reading = read(source)
    const { status, code } = await post(source, bytes, gzip)
    assert.deepEqual([status, code], [400, 'corrupt-gzip'])
    assert.deepEqual(reading.bodies, [])
    const [letter] = letters
    assert.equal(letters.length, 1)
    assert.equal(letter?.reason, 'quarantine')
    assert.equal(letter?.source, source.name)
    assert.match(letter?.detail ?? '', /^The gzip body cannot be inflated: .+\.$/)
    assert.ok(Buffer.concat(letter?.bytes ?? []).equals(bytes))
    assert.equal(source.inFlightBytes, 0)
  })
}

test('the sender of a damaged body is told where it is not kept', async (t) => {
  const { source } = await openSource(t, { quarantine: async () => false })
  read(source)
  const { status, text } = await post(source, 'x', gzip)
  assert.equal(status, 400)
  assert.match(text, /It is not kept: there are no dead letters here\."/)
})

test('a damaged body that cannot be set aside is answered 503', async (t) => {
  const fault = new Error('disk full')
  const { source, reported } = await openSource(t, { quarantine: () => Promise.reject(fault) })
  read(source)
  assert.equal((await post(source, 'x', gzip)).code, 'quarantine-failed')
  assert.deepEqual(reported, [fault])
  assert.equal(source.inFlightBytes, 0)
})

test('a damaged body whose sender goes away before its end is not set aside', async (t) => {
  const { source, letters, outcomes } = await openSource(t)
  read(source)
  const client = new RawClient(source, t).send(requestText('', ['Content-Length: 300000', 'Content-Encoding: gzip']))
  client.send(damaged(longPacked, 30))
  await until(() => source.inFlightBytes > longPacked.length)
  client.socket.destroy()
  await until(() => outcomes.length === 1)
  assert.deepEqual(letters, [])
  assert.equal(source.inFlightBytes, 0)
})

test('gzip in gzip is refused, declared once or not at all', async (t) => {
  const { source } = await openSource(t)
  read(source)
  const twice = gzipSync(gzipSync(lines))
  for (const options of [gzip, {}]) assert.equal((await post(source, twice, options)).code, 'double-encoding')
})

test('zlib without gzip is not recognised, and goes on as lines that nobody can read', async (t) => {
  const { source } = await openSource(t)
  const reading = read(source)
  assert.equal((await post(source, deflateSync('{}\n'))).status, 200)
  assert.equal(reading.bodies.length, 1)
})

test('a bomb is refused by its ratio before it takes memory', async (t) => {
  const bomb = gzipSync(Buffer.alloc(100 << 20), { level: 9 })
  let most = 0
  const budget = new (class extends ByteBudget {
    override tryTake(bytes: number): boolean {
      const isTaken = super.tryTake(bytes)
      most = Math.max(most, this.used)
      return isTaken
    }
  })(256 << 20)
  const { source } = await openSource(t, { budget })
  read(source)
  assert.equal((await post(source, bomb)).code, 'ratio-too-high')
  assert.ok(most < 4 << 20, `${most} bytes were taken`)
  assert.equal(source.inFlightBytes, 0)
})

test('what inflates beyond the limit is refused, and what just does not is taken', async (t) => {
  const { source } = await openSource(t, { limits: { inflatedBytes: lines.length } })
  read(source)
  assert.equal((await post(source, packed)).status, 200)
  assert.equal((await post(source, Buffer.concat([packed, gzipSync('\n')]))).code, 'inflated-too-large')
})

test('below the bytes from which it counts the ratio may be any', async (t) => {
  const { source } = await openSource(t, { limits: { ratioFromBytes: 1 << 20 } })
  const reading = read(source)
  assert.equal((await post(source, gzipSync(`${' '.repeat((1 << 20) - 2)}\n`))).status, 200)
  assert.equal(reading.bodies.length, 1)
})

test('a budget that is spent in the middle of inflating is 503 at once', async (t) => {
  const random = new Random(1)
  const text = Array.from({ length: 100_000 }, () => `{"n":${random.below(1e9)}}\n`).join('')
  const { source, budget } = await openSource(t, { budget: new ByteBudget(1 << 20) })
  read(source)
  const { status, code } = await post(source, gzipSync(text))
  assert.deepEqual([status, code], [503, 'budget-spent'])
  assert.equal(budget.used, 0)
})

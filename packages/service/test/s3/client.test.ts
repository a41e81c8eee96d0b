// What the SDK is told, seen from the wire: that nothing comes from the environment, how bodies are signed, how many
// calls and connections there are, and that nobody loads it who needs no store.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import path from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { queryObjects } from 'node:v8'

import { eventually } from '../faults/fault.js'
import { objectOf, linesOf } from '../contract/object-store.js'
import { finished, folder } from '../running.js'
import { startFakeS3 } from '../servers/s3/fake-s3.js'
import { credentialsText, testKeys } from '../servers/s3/server.js'
import { makePair } from '../sources/certificate.js'
import { open } from './opening.js'

test('a body is signed where others could change it on its way, and not read for that where they cannot', async (t) => {
  const plain = await startFakeS3(t)
  const store = await open(t, plain)
  for (const bytes of [100, 3 << 20]) {
    const object = objectOf(`signed/${bytes}`, linesOf(bytes))
    await store.create(object)
    const { bytes: stored } = plain.objects().get(object.key)!
    const { headers } = plain.callsOf('put').at(-1)!
    assert.equal(headers['x-amz-content-sha256'], createHash('sha256').update(stored).digest('hex'))
    assert.equal(headers['content-length'], String(stored.length))
    assert.equal(headers['transfer-encoding'], undefined)
    assert.equal(headers['expect'], bytes > 2 << 20 ? '100-continue' : undefined)
    assert.equal(object.streams.length, 2)
  }
  const secure = await startFakeS3(t, { certificate: makePair(1) })
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.after(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  const object = objectOf('unsigned', linesOf(100_000))
  await (await open(t, secure)).create(object)
  assert.equal(secure.callsOf('put')[0]!.headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD')
  assert.equal(object.streams.length, 1)
})

test('while a large body is hashed, all else has its turn', async (t) => {
  const store = await open(t, await startFakeS3(t))
  const object = objectOf('large', Buffer.alloc(8 << 20))
  const creating = store.create(object)
  let turns = 0
  // It is read again when it is sent.
  for (; object.streams.length < 2; turns++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(turns >= 8, `${turns} turns`)
  assert.equal(await creating, 'written')
})

test('nothing is kept of calls that are over', async (t) => {
  const store = await open(t, await startFakeS3(t))
  const call = async (key: string) => {
    await store.create(objectOf(key, linesOf(100)))
    await store.head(key)
  }
  await call('first')
  // Collects garbage before it counts.
  const before = queryObjects(AbortSignal)
  for (let i = 0; i < 20; i++) await call(`more/${i}`)
  assert.ok(Number(queryObjects(AbortSignal)) < Number(before) + 10)
})

test('calls use one connection again, and never more than are allowed at once', async (t) => {
  const server = await startFakeS3(t)
  const store = await open(t, server)
  for (let i = 0; i < 5; i++) {
    await store.create(objectOf(`kept/${i}`, 'x'))
    await store.create(objectOf(`kept/${i}`, 'x'))
    await store.head(`kept/${i}`)
    await store.head('kept/none')
    for await (const _ of store.list('kept/'));
    for await (const _ of await store.read(`kept/${i}`));
  }
  assert.equal(server.connections, 1)
  let release = () => undefined as void
  const until = new Promise<void>((resolve) => (release = resolve))
  server.script = () => ({ does: 'wait', until })
  const before = server.calls.length
  const content = linesOf(3 << 20)
  const writing = Array.from({ length: 40 }, (_, i) => store.create(objectOf(`many/${i}`, content)))
  while (server.calls.length < before + 32) await new Promise((resolve) => setImmediate(resolve))
  // Those that wait are behind those that are under way, whichever come first.
  assert.equal(server.calls.length, before + 32)
  assert.ok(server.open.size <= 33)
  release()
  assert.deepEqual(new Set(await Promise.all(writing)), new Set(['written']))
})

test('whether there is a bucket at all is asked with the first object that is missed, and not again for some time', async (t) => {
  const server = await startFakeS3(t)
  const looking = await open(t, server)
  for (const name of ['a', 'b', 'c']) assert.equal(await looking.head(name), undefined)
  assert.equal(server.callsOf('list').length, 1)
  const writing = await open(t, server)
  assert.equal(await writing.create(objectOf('d', 'x')), 'written')
  assert.equal(await writing.head('e'), undefined)
  assert.equal(server.callsOf('list').length, 1)
})

test('an answer that comes before the end of a body leaves no connection behind', async (t) => {
  const sockets = new Set<Socket>()
  const server = createServer((_, response) => response.writeHead(412, { 'content-length': 0 }).end())
  // So that it is the client who ends them.
  server.keepAliveTimeout = 0
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const store = await open(t, { ...testKeys, endpoint })
  const content = linesOf(1 << 20)
  let reads = 0
  const streams: Readable[] = []
  // The first reading is for the signature; those after it stop in the middle.
  const read = () => {
    const isWhole = reads++ % 2 === 0
    const stream = new Readable({
      read() {
        if (isWhole) this.push(content)
        else if (this.readableDidRead) return
        this.push(isWhole ? null : content.subarray(0, 1000))
      },
    })
    streams.push(stream)
    return stream
  }
  for (let i = 0; i < 5; i++) {
    assert.equal(await store.create({ ...objectOf('early', ''), body: { bytes: content.length, read } }), 'exists')
  }
  assert.equal(reads, 10)
  assert.ok(streams.every(({ destroyed }) => destroyed))
  await eventually('every connection is ended', async () => Promise.resolve(sockets.size === 0))
})

const asking = `
import { openStore } from '#src/s3/store.js'
import { Readable } from 'node:stream'
const [endpoint, credentials] = process.argv.slice(2)
const store = await openStore({ bucket: 'logs', region: 'us-east-1', endpoint, credentials, requestMs: 20_000 })
const body = { bytes: 1, read: () => Readable.from([Buffer.from('x')]) }
console.log(await store.create({ key: 'a', body, metadata: {}, contentType: 'text/plain' }))
store.close()
`

test('what the environment and files of the user say to the SDK changes nothing, and it prints nothing', async (t) => {
  const server = await startFakeS3(t)
  const place = await folder(t)
  const [config, credentials] = [path.join(place, 'config'), path.join(place, 'credentials')]
  await writeFile(config, '[default]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:1\nmax_attempts = 9\n')
  await writeFile(credentials, credentialsText(server))
  const env = {
    ...process.env,
    ...{ AWS_CONFIG_FILE: config, AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' },
    ...{ AWS_ACCESS_KEY_ID: 'other', AWS_SECRET_ACCESS_KEY: 'other', AWS_USE_FIPS_ENDPOINT: 'true' },
    ...{ AWS_REQUEST_CHECKSUM_CALCULATION: 'WHEN_SUPPORTED', AWS_USE_DUALSTACK_ENDPOINT: 'true', AWS_RETRY_MODE: 'x' },
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: '',
  }
  // A module of ours, for its imports; asynchronous, since the server is in this process.
  const child = spawn(process.execPath, ['--input-type=module', '-', server.endpoint, credentials], {
    ...{ env, stdio: 'pipe', cwd: path.join(import.meta.dirname, '../..') },
  })
  child.stdin.end(asking)
  const { code, stdout, stderr } = await finished(child)
  assert.deepEqual([code, stdout.toString(), stderr], [0, 'written\n', ''])
  assert.match(server.callsOf('put')[0]!.headers['authorization']!, /Credential=test\/\d+\/us-east-1\//)
})

test('the command starts without the SDK', () => {
  const start = 'process.argv = [process.execPath, "weir", "--version"]; await import("#src/main.js"); '
  const script = `${start} const { createRequire } = await import('node:module');
    const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('@aws-sdk'));
    process.stderr.write(String(loaded.length))`
  const options = { input: script, encoding: 'utf8', cwd: path.join(import.meta.dirname, '../..') } as const
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-'], options)
  assert.equal(stderr, '0')
})

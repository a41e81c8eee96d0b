// The proxy before a scripted broker, which answers every request by its number and remembers what it saw, and before a real
// one, as clients meet it.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Kafka } from 'kafkajs'

import { HeldTime } from '../../held-time.ts'
import { startBroker } from './broker.ts'
import { clientOf, createTopic, patience } from './clients.ts'
import { FrameSplitter, answeredId, apiKeys, requestHead } from './framing.ts'
import type { ApiName } from './framing.ts'
import { skipWithoutKafka } from './install.ts'
import { startProxy } from './proxy.ts'
import type { FaultProxy, ProxyTime } from './proxy.ts'
import { readTopic } from './reading.ts'

const skip = await skipWithoutKafka()

function frame(...parts: readonly Uint8Array[]): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(parts.reduce((sum, part) => sum + part.length, 0))
  return Buffer.concat([length, ...parts])
}

function request(api: ApiName, id: number, body = ''): Buffer {
  const head = Buffer.alloc(8)
  head.writeInt16BE(apiKeys[api], 0)
  head.writeInt32BE(id, 4)
  return frame(head, Buffer.from(body))
}

/** A list that can be waited for. */
class Growing<T> {
  readonly all: T[] = []
  private readonly waiting = new Set<() => void>()

  add(one: T): void {
    this.all.push(one)
    for (const tell of this.waiting) tell()
  }

  async first(count: number): Promise<T[]> {
    while (this.all.length < count) {
      await new Promise<void>((resolve) => {
        const tell = () => {
          this.waiting.delete(tell)
          resolve()
        }
        this.waiting.add(tell)
      })
    }
    return this.all.slice(0, count)
  }
}

/** Answers each request with its number and its body. */
async function scriptedBroker(t: TestContext) {
  const seen = new Growing<string>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const splitter = new FrameSplitter()
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      for (const bytes of splitter.push(chunk)) {
        const { api, correlationId } = requestHead(bytes)!
        seen.add(`${api} ${correlationId}`)
        socket.write(frame(bytes.subarray(8)))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  t.after(stop)
  return { port: (server.address() as AddressInfo).port, seen, stop }
}

/** Sends requests and keeps the numbers of the answers, and their sizes. */
function client(t: TestContext, port: number) {
  const socket = connect(port, '127.0.0.1')
  const answers = new Growing<number>()
  const sizes: number[] = []
  const splitter = new FrameSplitter()
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => {
    for (const bytes of splitter.push(chunk)) {
      sizes.push(bytes.length)
      answers.add(answeredId(bytes)!)
    }
  })
  t.after(() => socket.destroy())
  const ended = once(socket, 'close')
  return {
    socket,
    answers,
    sizes,
    ended,
    send: (api: ApiName, id: number, body?: string) => socket.write(request(api, id, body)),
  }
}

async function scene(t: TestContext, time: ProxyTime = {}) {
  const broker = await scriptedBroker(t)
  const proxy = startProxy(t, time)
  const port = await proxy.open(broker.port)
  return { broker, proxy, port, client: client(t, port) }
}

test('frames pass whole and in order, however they are cut and however large they are', async (t) => {
  const { broker, client, proxy } = await scene(t)
  const large = 'x'.repeat(5 << 20)
  const bytes = Buffer.concat([request('ApiVersions', 1), request('Produce', 2, 'body'), request('EndTxn', 3)])
  for (const byte of bytes) client.socket.write(Buffer.of(byte))
  client.socket.write(Buffer.concat([request('Produce', 4, large), request('Heartbeat', 5)]))
  assert.deepEqual(await client.answers.first(5), [1, 2, 3, 4, 5])
  assert.deepEqual(client.sizes, [8, 12, 8, 8 + large.length, 8])
  assert.deepEqual(broker.seen.all, ['ApiVersions 1', 'Produce 2', 'EndTxn 3', 'Produce 4', 'Heartbeat 5'])
  assert.deepEqual([proxy.requests('Produce'), proxy.requests('Fetch'), proxy.connected], [2, 0, 1])
})

test('the answer that is named is dropped, and no other', async (t) => {
  const { broker, client, proxy } = await scene(t)
  const fault = proxy.plan({ on: 'answer', api: 'EndTxn', nth: 2, do: 'drop' })
  for (const id of [1, 2, 3]) client.send('EndTxn', id)
  client.send('Produce', 4)
  assert.deepEqual(await client.answers.first(3), [1, 3, 4])
  assert.equal(broker.seen.all.length, 4)
  const struck = await fault.struck
  assert.deepEqual([struck.side, struck.request?.correlationId, struck.connection], ['answer', 2, 1])
  assert.deepEqual([fault.fitted, fault.strikes], [3, 1])
})

test('a request that is dropped never arrives, and what comes behind it does', async (t) => {
  const { broker, client, proxy } = await scene(t)
  const fault = proxy.plan({ on: 'request', api: 'Produce', times: 2, do: 'drop' })
  for (const id of [1, 2, 3]) client.send('Produce', id)
  assert.deepEqual(await client.answers.first(1), [3])
  assert.deepEqual(broker.seen.all, ['Produce 3'])
  assert.equal(fault.strikes, 2)
})

test('when() chooses by what a request says, for its answer too', async (t) => {
  const { client, proxy } = await scene(t)
  proxy.plan({ on: 'answer', api: 'Produce', when: ({ requestBytes }) => requestBytes.includes('mine'), do: 'drop' })
  client.send('Produce', 1, 'yours')
  client.send('Produce', 2, 'mine')
  client.send('Produce', 3, 'mine')
  assert.deepEqual(await client.answers.first(2), [1, 3])
})

test('a cut ends the connection and no other: before the broker has seen the request, or after', async (t) => {
  for (const [on, seen] of [
    ['request', []],
    ['answer', ['EndTxn 1']],
  ] as const) {
    const { broker, client: harmed, port, proxy } = await scene(t)
    const other = client(t, port)
    other.send('Metadata', 7)
    await other.answers.first(1)
    proxy.plan({ on, api: 'EndTxn', do: 'cut' })
    harmed.send('EndTxn', 1)
    await harmed.ended
    assert.deepEqual(harmed.answers.all, [])
    other.send('EndTxn', 8)
    assert.deepEqual(await other.answers.first(2), [7, 8])
    assert.deepEqual(broker.seen.all, ['Metadata 7', ...seen, 'EndTxn 8'])
  }
})

test('what is held has those behind it wait, and other connections not', async (t) => {
  const { broker, client: held, port, proxy } = await scene(t)
  const fault = proxy.plan({ on: 'request', api: 'EndTxn', do: 'hold' })
  held.send('EndTxn', 1)
  held.send('Produce', 2)
  await fault.struck
  const other = client(t, port)
  other.send('EndTxn', 3)
  await other.answers.first(1)
  assert.deepEqual(broker.seen.all, ['EndTxn 3'])
  fault.release()
  assert.deepEqual(await held.answers.first(2), [1, 2])
})

test('a request that is held or stranded arrives late, when its client is long gone', async (t) => {
  for (const action of ['hold', 'strand'] as const) {
    const { broker, client: first, port, proxy } = await scene(t)
    const fault = proxy.plan({ on: 'request', api: 'EndTxn', do: action })
    first.send('Produce', 1)
    await first.answers.first(1)
    first.send('EndTxn', 2)
    await fault.struck
    if (action === 'hold') first.socket.destroy()
    await first.ended
    const second = client(t, port)
    second.send('InitProducerId', 3)
    await second.answers.first(1)
    fault.release()
    assert.deepEqual(await broker.seen.first(3), ['Produce 1', 'InitProducerId 3', 'EndTxn 2'])
    assert.deepEqual(first.answers.all, [1])
  }
})

test('an answer cannot be stranded', async (t) => {
  assert.throws(() => startProxy(t).plan({ on: 'answer', api: 'EndTxn', do: 'strand' }), /Only a request/)
})

test('a delay and a slow network let frames through when their time has come', async (t) => {
  const time = new HeldTime()
  const { broker, client, proxy } = await scene(t, { clock: time.steadyClock, startTimer: time.startTimer })
  const fault = proxy.plan({ on: 'request', api: 'Produce', do: { delayMs: 20_000 } })
  client.send('Produce', 1)
  await fault.struck
  assert.deepEqual(broker.seen.all, [])
  time.forward(20_000)
  assert.deepEqual(await client.answers.first(1), [1])
  proxy.slow(30)
  client.socket.write(Buffer.concat([request('Heartbeat', 2), request('Heartbeat', 3)]))
  await waitFor(() => time.waiting === 1)
  assert.equal(broker.seen.all.length, 1)
  // Each frame is as much later than it came, whatever is before it: not twice as much for the second.
  time.forward(30)
  await broker.seen.first(3)
  await waitFor(() => time.waiting === 1)
  assert.equal(client.answers.all.length, 1)
  await waitFor(() => {
    time.forward(30)
    return client.answers.all.length === 3
  })
})

/** Turns of the event loop until the condition holds; the test's own time limit ends it. */
async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

test('a silent network lets nothing through and keeps connections, and then all of it', async (t) => {
  const { broker, client: before, port, proxy } = await scene(t)
  before.send('Metadata', 1)
  await before.answers.first(1)
  proxy.freeze()
  before.send('Produce', 2)
  const after = client(t, port)
  after.send('Metadata', 3)
  await waitFor(() => proxy.requests('Produce') + proxy.requests('Metadata') === 3)
  assert.equal(broker.seen.all.length, 1)
  proxy.thaw()
  assert.deepEqual(await before.answers.first(2), [1, 2])
  assert.deepEqual(await after.answers.first(1), [3])
})

test('a broker that is away, or goes, is a connection that ends', async (t) => {
  const { broker, client: first, port, proxy } = await scene(t)
  first.send('Metadata', 1)
  await first.answers.first(1)
  proxy.refuse(true)
  await client(t, port).ended
  proxy.refuse(false)
  proxy.cutAll()
  await first.ended
  const second = client(t, port)
  second.send('Metadata', 2)
  await second.answers.first(1)
  broker.stop()
  await second.ended
  await client(t, port).ended
  await waitFor(() => proxy.connected === 0)
})

test('bytes that are not frames are refused, unless the door takes any', async (t) => {
  const hello = Buffer.from('160301020001000100', 'hex')
  assert.throws(() => new FrameSplitter().push(hello), /not Kafka's frames/)
  const echo = createServer((socket) => socket.pipe(socket))
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  t.after(() => echo.close())
  const proxy = startProxy(t)
  const socket = connect(await proxy.open((echo.address() as AddressInfo).port, { isOpaque: true }), '127.0.0.1')
  socket.write(hello)
  const [back] = (await once(socket, 'data')) as [Buffer]
  assert.deepEqual(back, hello)
  socket.destroy()
})

/** A producer that is the only owner of a transactional id, through the proxy. */
async function transactionalProducer(kafka: Kafka) {
  const producer = kafka.producer({ transactionalId: 'late', maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  return producer
}

async function brokerBehind(t: TestContext, proxy: FaultProxy) {
  const broker = await startBroker(t, { advertise: (port) => proxy.open(port) })
  const kafka = clientOf(broker.addresses, { retry: patience })
  await createTopic(kafka, 'written')
  return { broker, kafka }
}

test(
  'a real broker: an EndTxn whose answer is cut has counted, and one that comes too late does not',
  { skip },
  async (t) => {
    const proxy = startProxy(t)
    const { broker, kafka } = await brokerBehind(t, proxy)
    const messages = (value: string) => ({ topic: 'written', messages: [{ partition: 0, value }] })

    const first = await transactionalProducer(kafka)
    const cut = proxy.plan({ on: 'answer', api: 'EndTxn', do: 'cut' })
    const answered = await first.transaction()
    await answered.send(messages('its answer was cut'))
    await assert.rejects(answered.commit())
    assert.equal(cut.strikes, 1)

    proxy.clear()
    const second = await transactionalProducer(kafka)
    const stranded = proxy.plan({ on: 'request', api: 'EndTxn', do: 'strand' })
    const late = await second.transaction()
    await late.send(messages('it came too late'))
    await assert.rejects(late.commit())
    // The next owner fences the one before, which ends its transaction.
    const third = await transactionalProducer(kafka)
    await (await third.transaction()).abort()
    const refused = proxy.plan({ on: 'answer', api: 'EndTxn', do: 'pass' })
    stranded.release()
    const { bytes } = await refused.struck
    const errorAt = 12
    const invalidProducerEpoch = 47
    assert.equal(bytes.readInt16BE(errorAt), invalidProducerEpoch)
    const after = await third.transaction()
    await after.send(messages('after it'))
    await after.commit()
    // A commit is answered before its marker is written; who comes next waits for that.
    const last = await transactionalProducer(kafka)
    await (await last.transaction()).abort()
    const [records] = await readTopic(broker, 'written')
    assert.deepEqual(
      records!.map(({ value }) => String(value)),
      ['its answer was cut', 'after it'],
    )
    for (const producer of [first, second, third, last]) await producer.disconnect()
  },
)

// The bytes in flight, as senders see them: who is refused when the budget is spent, and who is not.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ByteBudget } from '#src/sources/byte-budget.js'
import type { HttpSource } from '#src/sources/http.js'
import { HeldTime } from '../held-time.js'
import { RawClient, openSource, post, read, requestText, until } from './http-client.js'

const mebibyte = 1 << 20
const body = (bytes: number) => `${'x'.repeat(bytes - 1)}\n`

/** A budget that remembers the most that was taken of it. */
class WatchedBudget extends ByteBudget {
  most = 0

  override tryTake(bytes: number): boolean {
    const isTaken = super.tryTake(bytes)
    this.most = Math.max(this.most, this.used)
    return isTaken
  }
}

test('the budget is shared by sources, and what does not fit gets 503 at once', async (t) => {
  const budget = new ByteBudget(mebibyte)
  const { source } = await openSource(t, { budget })
  const other = await openSource(t, { budget })
  read(source, false)
  read(other.source)
  const held = new RawClient(source, t).send(requestText('', ['Content-Length: 1000000'])).send(body(900_000))
  await until(() => budget.used >= 900_000)
  for (const chunked of [false, true]) {
    const refused = await post(other.source, body(200_000), { chunked })
    assert.equal(refused.code, 'budget-spent')
  }
  assert.equal((await post(other.source, body(1000))).status, 200)
  held.socket.destroy()
  await until(() => budget.used === 0)
  assert.equal((await post(other.source, body(300_000))).status, 200)
})

test('a hundred senders that announce 16 MiB and send nothing do not keep others out', async (t) => {
  const { source, budget } = await openSource(t, { budget: new ByteBudget(32 * mebibyte) })
  read(source)
  for (let count = 0; count < 100; count++) {
    new RawClient(source, t).send(requestText('', [`Content-Length: ${16 * mebibyte}`])).send('{')
  }
  await until(() => budget.used >= 100 * (12 << 10))
  assert.ok(budget.used < 2 * mebibyte, `${budget.used} bytes are held`)
  assert.equal((await post(source, body(16 * mebibyte))).status, 200)
})

test('of more bodies than fit, as many become whole as do, and no more is ever held than may be', async (t) => {
  const budget = new WatchedBudget(16 * mebibyte)
  const { source } = await openSource(t, { budget })
  const reading = read(source, false)
  const answers = Array.from({ length: 50 }, () => post(source, body(mebibyte)))
  const refused = new Set<string | undefined>()
  let refusals = 0
  for (const answer of answers) {
    void answer.then(({ status, code }) => {
      if (status === 200) return
      refused.add(code)
      refusals++
    })
  }
  // What a request needs besides its body leaves room for one less than sixteen.
  await until(() => refusals === 35 && reading.bodies.length === 15)
  await source.commit(15)
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  assert.equal(statuses.filter((status) => status === 200).length, 15)
  assert.deepEqual([...refused], ['budget-spent'])
  assert.ok(budget.most <= budget.total)
  assert.equal(budget.used, 0)
})

/** Posts until it is taken, as soon as there is room again. Returns how often. */
async function insist(source: HttpSource, budget: ByteBudget, text: string): Promise<number> {
  for (let attempts = 1; ; attempts++) {
    if ((await post(source, text)).status === 200) return attempts
    await until(() => budget.used + text.length < budget.total)
  }
}

test('when more large bodies come than fit, again and again, few bytes are read for nothing', async (t) => {
  const budget = new WatchedBudget(4 * mebibyte)
  const { source, outcomes } = await openSource(t, { budget })
  const reading = read(source)
  const senders = Array.from({ length: 24 }, () => insist(source, budget, body(mebibyte)))
  await Promise.all(senders)
  assert.equal(reading.bodies.length, 24)
  assert.ok(budget.most <= budget.total)
  const inVain = outcomes.filter(({ status }) => status !== 200).reduce((sum, each) => sum + each.compressedBytes, 0)
  assert.ok(inVain < 24 * mebibyte, `${inVain} bytes were read for nothing`)
})

test('a body that is nearer its end has those refused that are further from theirs', async (t) => {
  const budget = new ByteBudget(2 * mebibyte)
  const { source } = await openSource(t, { budget })
  const reading = read(source, false)
  const begin = () => new RawClient(source, t).send(requestText('', [`Content-Length: ${mebibyte}`]))
  const [near, far] = [begin(), begin()]
  await until(() => budget.used >= 2 * (12 << 10))
  // Whole, and waiting to be safe: it gives way to nobody.
  const whole = post(source, body(800_000))
  await until(() => reading.bodies.length === 1)
  far.send('x'.repeat(300_000))
  await until(() => budget.used >= 1_100_000)
  near.send(body(mebibyte))
  await far.until(() => far.statuses.length === 1)
  assert.match(far.received, /budget-spent/)
  await until(() => reading.bodies.length === 2)
  await source.commit(2)
  await near.until(() => near.statuses.length === 1)
  assert.deepEqual([far.statuses, near.statuses, (await whole).status], [[503], [200], 200])
})

test('a body that has stalled gives way to a new one, however near its end it is', async (t) => {
  const time = new HeldTime()
  const budget = new ByteBudget(mebibyte)
  const { source } = await openSource(t, { budget, clock: time.clock, limits: { stallMs: 5000 } })
  read(source)
  const stalled = new RawClient(source, t).send(requestText('', ['Content-Length: 1000000'])).send(body(999_999))
  await until(() => budget.used >= 999_999)
  assert.equal((await post(source, body(200_000))).code, 'budget-spent')
  // Its last bytes may still be on their way.
  let status = 503
  for (let looks = 0; status !== 200 && looks < 1000; looks++) {
    time.forward(5001)
    ;({ status } = await post(source, body(200_000)))
  }
  assert.equal(status, 200)
  await stalled.until(() => stalled.statuses.length === 1)
  assert.match(stalled.received, /budget-spent/)
})

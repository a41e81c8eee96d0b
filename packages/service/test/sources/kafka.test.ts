// A Kafka source with transactional outputs: every record once, whatever fails or dies at whichever step. On a cluster in
// memory. Long, for it is a table of faults and little else.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Call, Fate } from '../contract/memory-kafka.js'
import { expected, filterCluster, found, group, post, sevensEngine, startFilter, until } from './kafka-filter.js'

const records = 60
const raw0 = { topic: 'raw', partition: 0 }

/** Whether everything is where it ought to be. */
function isDone(kafka: ReturnType<typeof filterCluster>, end = records): boolean {
  return JSON.stringify(found(kafka)) === JSON.stringify(expected(end))
}

test('records go through once, in order, each partition to its own, and offsets move with them', async (t) => {
  const kafka = filterCluster()
  post(kafka, 0, records)
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
  await until(
    kafka,
    () => isDone(kafka),
    () => found(kafka),
  )
  assert.equal(kafka.offsetOf(group, raw0), 15n)
  assert.equal(kafka.metadataOf(group, raw0)?.length, 16)
  const total = filter.results.reduce((sum, { counts }) => sum + counts.records, 0)
  assert.equal(total, records)
  assert.ok(filter.events.indexOf('take 0 at 0') < filter.events.indexOf('commit 0 10'))
  assert.equal(kafka.released, filter.results.length, 'the memory of every batch was given back')
  filter.pipeline.drain()
  await filter.done
  assert.equal(filter.pipeline.state.status, 'ended')
})

test('a record carries the key and the headers of its message, and the version of the rules', async (t) => {
  const kafka = filterCluster()
  post(kafka, 0, 4)
  startFilter(t, kafka, await sevensEngine(t), 'a')
  await until(
    kafka,
    () => isDone(kafka, 4),
    () => found(kafka),
  )
  const [first] = kafka.read({ topic: 'processed', partition: 0 })
  assert.equal(Buffer.from(first!.key!).toString(), 'k0')
  const headers = first!.headers.map(([name, value]) => `${name}=${Buffer.from(value!).toString()}`)
  assert.match(headers.join(' '), /^from=test weir-rules=[0-9a-f]{16}$/)
})

test('chunks hold the lines of a batch', async (t) => {
  const kafka = filterCluster()
  post(kafka, 0, records)
  startFilter(t, kafka, await sevensEngine(t), 'a', { output: 'chunks' })
  await until(
    kafka,
    () => isDone(kafka),
    () => found(kafka),
  )
  assert.equal(kafka.read({ topic: 'processed', partition: 0 }).length, 2)
})

test('envelopes are opened where the format says so, and a broken one is a dead letter', async (t) => {
  const kafka = filterCluster()
  const values = ['{"message":"{\\"n\\":\\"1\\"}\\n{\\"n\\":\\"2\\"}\\n"}', '{"message":[', '{"other":1}']
  kafka.append(raw0, values.map((value) => ({ key: null, value: Buffer.from(value) }))) // prettier-ignore
  startFilter(t, kafka, await sevensEngine(t), 'a', { format: 'fluentd' })
  await until(
    kafka,
    () => kafka.offsetOf(group, raw0) === 3n,
    () => found(kafka),
  )
  assert.deepEqual(found(kafka).processed[0], ['{"n":"1"}', '{"n":"2"}'])
  assert.deepEqual(found(kafka).dead[0], ['{"message":['])
})

/** The rows of the table of crashes: a process dies at a step, and another one takes its partitions over. */
const crashes: readonly (readonly [string, Call, Fate, number])[] = [
  ['before it initialised its id', 'initialise', 'hang', 0],
  ['after it initialised its id', 'initialise', 'hang after', 0],
  ['when it asked for its offset', 'committed', 'hang', 0],
  ['at its first send', 'send', 'hang', 0],
  ['after its first send', 'send', 'hang after', 0],
  ['after a later send', 'send', 'hang after', 3],
  ['before it moved its offset', 'moveOffset', 'hang', 2],
  ['after it moved its offset', 'moveOffset', 'hang after', 2],
  ['before its commit came', 'commit', 'hang', 2],
  ['after its commit, unanswered', 'commit', 'hang after', 2],
]

for (const [when, call, fate, after] of crashes) {
  test(`nothing is lost or doubled when a process dies ${when}`, async (t) => {
    const kafka = filterCluster()
    post(kafka, 0, records)
    const engine = await sevensEngine(t)
    let calls = 0
    let isDead = false
    kafka.fateOf = (asked, { process }) => {
      if (process !== 'a') return 'done'
      if (isDead) return 'hang'
      if (asked !== call || calls++ < after) return 'done'
      isDead = true
      return fate
    }
    startFilter(t, kafka, engine, 'a')
    await until(
      kafka,
      () => isDead,
      () => kafka.calls,
    )
    kafka.kill(group, 0)
    startFilter(t, kafka, engine, 'b')
    post(kafka, records, 2 * records)
    await until(
      kafka,
      () => isDone(kafka, 2 * records),
      () => found(kafka),
    )
    assert.equal(kafka.hasOpen({ topic: 'processed', partition: 0 }), false)
  })
}

/** What a process that lives hears when an answer or a request is lost, or comes late. */
const losses = (['send', 'moveOffset', 'commit', 'initialise', 'begin', 'committed', 'range'] as const).flatMap(
  (call) => (['lost', 'unanswered', 'late'] as const).map((fate) => [call, fate] as const),
)

for (const [call, fate] of losses) {
  test(`nothing is lost or doubled when ${call} is ${fate}, again and again`, async (t) => {
    const kafka = filterCluster()
    post(kafka, 0, records)
    let calls = 0
    kafka.fateOf = (asked) => {
      // What is late comes when somebody has taken over, in the middle of what is begun then.
      if (asked === 'initialise') setImmediate(() => setImmediate(() => kafka.deliverLate()))
      return asked === call && [0, 3].includes(calls++ % 7) ? fate : 'done'
    }
    const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
    const isThrough = () => isDone(kafka) && kafka.offsetOf(group, raw0) === 15n
    await until(kafka, isThrough, () => [found(kafka), filter.events])
    kafka.deliverLate()
    assert.deepEqual(found(kafka), expected(records))
    const isInTransaction = call === 'send' || call === 'moveOffset' || call === 'commit'
    assert.equal(
      filter.events.some((event) => event.startsWith('discard')),
      isInTransaction || call === 'begin',
    )
  })
}

test('dead letters are told of once, when their transaction is committed', async (t) => {
  const kafka = filterCluster()
  post(kafka, 0, records)
  let commits = 0
  kafka.fateOf = (asked) => (asked === 'commit' && [2, 3].includes(commits++) ? 'lost' : 'done')
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
  const isThrough = () => isDone(kafka) && kafka.offsetOf(group, raw0) === 15n
  await until(kafka, isThrough, () => [found(kafka), filter.events])
  assert.ok(filter.events.filter((event) => event.startsWith('discard')).length >= 2)
  const told = filter.results.flatMap(({ letters = [] }) => letters)
  assert.equal(told.reduce((sum, letter) => sum + letter.records, 0), expected(records).dead.flat().length) // prettier-ignore
  assert.ok(told.every(({ reason }) => reason === 'malformed'))
})

for (const held of ['moveOffset', 'commit'] as const) {
  test(`a process that was stopped before ${held} is refused when it goes on`, async (t) => {
    const kafka = filterCluster()
    post(kafka, 0, records)
    const engine = await sevensEngine(t)
    let isHeld = false
    kafka.fateOf = (asked, { process }) => {
      if (process !== 'a' || asked !== held || isHeld) return process === 'a' && isHeld ? 'late' : 'done'
      isHeld = true
      return 'late'
    }
    startFilter(t, kafka, engine, 'a')
    await until(
      kafka,
      () => isHeld,
      () => kafka.calls,
    )
    kafka.kill(group, 0)
    startFilter(t, kafka, engine, 'b')
    await until(
      kafka,
      () => isDone(kafka),
      () => found(kafka),
    )
    kafka.deliverLate()
    assert.ok(
      kafka.refused.some((what) => what.startsWith(`a ${held}`)),
      kafka.refused.join(),
    )
    assert.deepEqual(found(kafka), expected(records))
  })
}

test('with an id of its own for each producer records would be doubled: the cluster here can tell', async (t) => {
  const kafka = filterCluster()
  post(kafka, 0, records)
  const engine = await sevensEngine(t)
  let ids = 0
  const change = (id: string) => `${id}.${ids++}`
  let commits = 0
  // The first two are of the offsets that a group begins with.
  const isHeld = () => commits > 2
  kafka.fateOf = (asked, { process }) => {
    if (process === 'a' && asked === 'commit') commits++
    return process === 'a' && isHeld() ? 'late' : 'done'
  }
  startFilter(t, kafka, engine, 'a', { change })
  await until(kafka, isHeld, () => kafka.calls)
  kafka.kill(group, 0)
  startFilter(t, kafka, engine, 'b', { change })
  await until(
    kafka,
    () => kafka.offsetOf(group, raw0) === 15n,
    () => kafka.calls,
  )
  kafka.deliverLate()
  const lines = found(kafka).processed.flat()
  assert.ok(new Set(lines).size < lines.length)
})

test('two owners of one partition take it from each other, and nothing is lost or doubled', async (t) => {
  const kafka = filterCluster()
  const engine = await sevensEngine(t)
  const both = [startFilter(t, kafka, engine, 'a'), startFilter(t, kafka, engine, 'b')]
  let n = 0
  for (let round = 0; round < 5; round++) {
    kafka.rebalance(group, [
      [0, 1],
      [0, 1],
    ])
    post(kafka, n, (n += 20))
    await until(
      kafka,
      () => isDone(kafka, n),
      () => [found(kafka), both.map(({ events }) => events)],
    )
  }
  assert.ok(both.some(({ events }) => events.some((event) => event.includes('newer producer'))))
})

test('rebalances in the middle of batches lose and double nothing', async (t) => {
  const kafka = filterCluster()
  kafka.fetchRecords = 2
  const engine = await sevensEngine(t)
  startFilter(t, kafka, engine, 'a')
  startFilter(t, kafka, engine, 'b')
  let calls = 0
  kafka.fateOf = () => {
    if (++calls % 11 === 0) setImmediate(() => kafka.rebalance(group, calls % 2 === 0 ? [[0], [1]] : [[1], [0]]))
    return 'done'
  }
  post(kafka, 0, 200)
  await until(
    kafka,
    () => isDone(kafka, 200),
    () => found(kafka),
  )
})

test('a membership that is lost is begun anew, for good or not', async (t) => {
  const kafka = filterCluster()
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
  post(kafka, 0, 20)
  await until(
    kafka,
    () => isDone(kafka, 20),
    () => found(kafka),
  )
  kafka.expel(group, 0, true)
  assert.match(filter.source.whyFull ?? '', /^out of the group filter: The member is not known/)
  post(kafka, 20, 40)
  await until(
    kafka,
    () => isDone(kafka, 40),
    () => [found(kafka), filter.events],
  )
  assert.equal(filter.source.whyFull, undefined)
  kafka.expel(group, 0, false)
  kafka.rebalance(group)
  post(kafka, 40, records)
  await until(
    kafka,
    () => isDone(kafka),
    () => found(kafka),
  )
})

for (const call of ['initialise', 'send', 'commit', 'committed'] as const) {
  test(`a partition whose ${call} is forbidden is stopped, and goes on when it is allowed`, async (t) => {
    const kafka = filterCluster()
    post(kafka, 0, records)
    let isForbidden = true
    kafka.fateOf = (asked, { id }) =>
      isForbidden && asked === call && (id ?? 'weir.filter.raw.0') === 'weir.filter.raw.0' ? 'forbidden' : 'done'
    const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
    const stops = () => filter.events.filter((event) => event === 'stop 0 no_permission').length
    await until(
      kafka,
      () => stops() === 1,
      () => filter.events,
    )
    assert.match(filter.source.whyFull ?? '', /raw, partition 0 is stopped \(no_permission\): .* is not allowed/)
    // Nobody asks before it is time to look again, and then once.
    const asked = kafka.calls.length
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    kafka.beat()
    const more = kafka.calls.slice(asked).filter((what) => what === 'a initialise')
    assert.deepEqual(more, [])
    filter.fire()
    await until(
      kafka,
      () => stops() === 2,
      () => filter.events,
    )
    isForbidden = false
    filter.fire()
    await until(
      kafka,
      () => isDone(kafka),
      () => [found(kafka), filter.events],
    )
    assert.equal(filter.source.whyFull, undefined)
  })
}

test('changed credentials have what was refused tried at once', async (t) => {
  const kafka = filterCluster()
  post(kafka, 0, records)
  let isForbidden = true
  kafka.fateOf = (asked) => (isForbidden && asked === 'begin' ? 'forbidden' : 'done')
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
  await until(
    kafka,
    () => filter.events.includes('stop 1 no_permission'),
    () => filter.events,
  )
  isForbidden = false
  for (const listener of kafka.onCredentials) listener()
  await until(
    kafka,
    () => isDone(kafka),
    () => filter.events,
  )
  kafka.expel(group, 0, true, 'ERR_KAFKA_AUTH')
  assert.equal(filter.source.outsideReason, 'no_credentials')
  assert.match(filter.source.whyFull ?? '', /^out of the group filter \(no_credentials\): /)
  post(kafka, records, records + 20)
  for (const listener of kafka.onCredentials) listener()
  await until(
    kafka,
    () => isDone(kafka, records + 20),
    () => filter.events,
  )
  assert.equal(filter.source.outsideReason, undefined)
  assert.deepEqual(
    filter.events.filter((event) => event.startsWith('lost')),
    ['lost The member is not known. no_credentials'],
  )
  await filter.source.close()
  assert.equal(kafka.onCredentials.size, 0)
})

for (const [code, reason] of [
  ['ERR_KAFKA_GROUP', 'foreign_group'],
  ['ERR_KAFKA_TOPIC', 'no_topic'],
  ['ERR_KAFKA_TIMEOUT', 'lost'],
] as const) {
  test(`a loss by ${code} is told as ${reason}`, async (t) => {
    const kafka = filterCluster()
    const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
    await until(
      kafka,
      () => filter.events.includes('take 0 at 0'),
      () => filter.events,
    )
    kafka.expel(group, 0, true, code)
    assert.equal(filter.source.outsideReason, reason)
  })
}

test('an offset that is missing stops the partition where outputs have records, and is set where they have none', async (t) => {
  const kafka = filterCluster()
  const engine = await sevensEngine(t)
  const first = startFilter(t, kafka, engine, 'a')
  post(kafka, 0, records)
  await until(
    kafka,
    () => isDone(kafka),
    () => found(kafka),
  )
  first.pipeline.drain()
  await first.done
  kafka.forgetOffset(group, raw0)
  post(kafka, records, records + 4)
  const second = startFilter(t, kafka, engine, 'b')
  await until(
    kafka,
    () => second.events.includes('stop 0 no_offset'),
    () => second.events,
  )
  assert.match(second.source.whyFull ?? '', /raw, partition 0 is stopped \(no_offset\): The group filter has no offset/)
  await until(kafka, () => found(kafka).processed[1]?.length === expected(records + 4).processed[1]?.length, () => found(kafka)) // prettier-ignore
  assert.deepEqual(found(kafka).processed[0], expected(records).processed[0])
})

for (const [what, offset] of [
  ['below', 0n],
  ['above', 100n],
] as const) {
  test(`an offset ${what} the log stops the partition, and the others go on`, async (t) => {
    const kafka = filterCluster()
    post(kafka, 0, records)
    kafka.setOffset(group, raw0, offset)
    kafka.deleteBelow(raw0, 5n)
    const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
    await until(kafka, () => found(kafka).processed[1]?.length === expected(records).processed[1]?.length, () => found(kafka)) // prettier-ignore
    assert.ok(filter.events.includes('stop 0 offset_out_of_range'))
    assert.deepEqual(found(kafka).processed[0], [])
    assert.equal(kafka.offsetOf(group, raw0), offset)
    // Somebody mends it; the next assignment looks again.
    kafka.setOffset(group, raw0, 5n)
    kafka.rebalance(group)
    await until(
      kafka,
      () => kafka.offsetOf(group, raw0) === 15n,
      () => filter.events,
    )
    assert.equal(filter.source.whyFull, undefined)
  })
}

test('an output without the partition stops it: nothing goes anywhere else', async (t) => {
  const kafka = filterCluster()
  kafka.makeTopic('dead-letter', 1)
  post(kafka, 0, records)
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
  await until(
    kafka,
    () => filter.events.includes('stop 1 outputs'),
    () => filter.events,
  )
  assert.match(filter.source.whyFull ?? '', /The topic dead-letter has 1 partition; it needs partition 1/)
  await until(
    kafka,
    () => kafka.offsetOf(group, raw0) === 15n,
    () => filter.events,
  )
  assert.deepEqual(kafka.read({ topic: 'processed', partition: 1 }), [])
})

test('what cannot be read stops the partition, with the reason', async (t) => {
  const kafka = filterCluster()
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
  await until(
    kafka,
    () => filter.events.includes('take 0 at 0'),
    () => filter.events,
  )
  kafka.fault(group, 0, 0, 'ERR_KAFKA_CRC')
  kafka.fault(group, 0, 1, 'ERR_KAFKA_OFFSET')
  assert.deepEqual(filter.events.slice(-2), ['stop 0 unreadable', 'stop 1 offset_out_of_range'])
})

test('a gap in the log stops the partition, but not where gaps are to be expected', async (t) => {
  for (const allowsGaps of [false, true]) {
    const kafka = filterCluster()
    post(kafka, 0, records)
    const engine = await sevensEngine(t)
    const filter = startFilter(t, kafka, engine, 'a', { allowsGaps })
    await until(
      kafka,
      () => isDone(kafka),
      () => found(kafka),
    )
    const record = { key: null, value: Buffer.from('{"n":"1"}'), headers: [], timestampMs: 0 }
    const batch = { partition: 0, records: [{ ...record, offset: 15n }, { ...record, offset: 17n }], next: 19n, end: 19n } // prettier-ignore
    for (let turn = 0; turn < 3; turn++) void kafka.force(group, 0, batch)
    if (allowsGaps) {
      await until(
        kafka,
        // Behind the marker that follows them.
        () => kafka.offsetOf(group, raw0) === 19n,
        () => filter.events,
      )
      assert.equal(filter.source.partitions.get(0)!.lag, 0n)
      continue
    }
    await until(
      kafka,
      () => filter.events.includes('stop 0 gap'),
      () => filter.events,
    )
    assert.match(filter.source.whyFull ?? '', /\(gap\): .* are read with `gaps: allow`\.$/)
    assert.equal(kafka.offsetOf(group, raw0), 15n)
  }
})

test('a batch that nobody asked for is left alone, and the partition stopped when that does not end', async (t) => {
  const kafka = filterCluster()
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
  await until(
    kafka,
    () => filter.events.includes('take 0 at 0'),
    () => filter.events,
  )
  const record = { key: null, value: Buffer.from('{}'), headers: [], timestampMs: 0, offset: 9n }
  for (let turn = 0; turn < 3; turn++) {
    assert.equal(await kafka.force(group, 0, { partition: 0, records: [record], next: 10n, end: 10n }), false)
  }
  assert.deepEqual(filter.events.slice(-4), ['wrong 0 9', 'wrong 0 9', 'wrong 0 9', 'stop 0 wrong_batch'])
})

test('what is too large for the broker three times at one offset stops the partition', async (t) => {
  const kafka = filterCluster()
  post(kafka, 0, records)
  kafka.fateOf = (asked, { id }) => (asked === 'send' && id === 'weir.filter.raw.0' ? 'too large' : 'done')
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
  await until(
    kafka,
    () => filter.events.includes('stop 0 too_large'),
    () => filter.events,
  )
  assert.equal(filter.events.filter((event) => event.startsWith('discard 0')).length, 3)
  await until(
    kafka,
    () => kafka.offsetOf(group, { topic: 'raw', partition: 1 }) === 15n,
    () => filter.events,
  )
})

for (const output of ['lines', 'chunks'] as const) {
  for (const tellsSize of [false, true]) {
    const known = tellsSize ? 'as soon as topics tell it' : 'where topics do not tell what they take'
    test(`a send of ${output} that is too large is cut at lines ${known}`, async (t) => {
      const kafka = filterCluster()
      kafka.fetchRecords = 2000
      kafka.mostSendBytes = tellsSize ? 9_000 : 4_000
      const count = 2000
      post(kafka, 0, count)
      // More than a send holds of dead letters too.
      kafka.append(raw0, [{ key: null, value: Buffer.from('bad\n'.repeat(5_000)) }])
      const filter = startFilter(t, kafka, await sevensEngine(t), 'a', { output })
      // What was told at the takeover holds no more.
      const isLowered = () => kafka.offsetOf(group, { topic: 'raw', partition: 1 }) === 500n
      const isThrough = () => kafka.offsetOf(group, raw0) === 501n && isLowered()
      kafka.tellsSize = tellsSize
      await until(kafka, isThrough, () => filter.events)
      assert.deepEqual(found(kafka).processed, expected(count).processed)
      assert.equal(found(kafka).dead[0]!.length, expected(count).dead[0]!.length + 5_000)
      const discards = filter.events.filter((event) => event.startsWith('discard 0'))
      assert.equal(discards.length, tellsSize ? 0 : 2, discards.join())
    })
  }
}

test('a send is smaller once topics take less than they told', async (t) => {
  const kafka = filterCluster()
  kafka.fetchRecords = 2000
  ;[kafka.tellsSize, kafka.mostSendBytes] = [true, 1 << 20]
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
  await until(
    kafka,
    () => filter.events.includes('take 0 at 0'),
    () => filter.events,
  )
  kafka.mostSendBytes = 2_000
  post(kafka, 0, 1000)
  await until(
    kafka,
    () => isDone(kafka, 1000),
    () => filter.events,
  )
  assert.equal(filter.events.filter((event) => event.startsWith('discard 0')).length, 1)
})

test('a key that can never be written stops the partition', async (t) => {
  const kafka = filterCluster()
  kafka.append(raw0, [{ key: Buffer.alloc(4), value: Buffer.from('{"n":"1"}') }])
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
  await until(
    kafka,
    () => filter.events.includes('stop 0 wrong_key'),
    () => filter.events,
  )
  assert.match(filter.source.whyFull ?? '', /What offset 0 and those behind it come to is refused/)
})

test('an offset below the last one of this process is not believed', async (t) => {
  const kafka = filterCluster()
  post(kafka, 0, records)
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a')
  await until(
    kafka,
    () => isDone(kafka) && kafka.offsetOf(group, raw0) === 15n,
    () => found(kafka),
  )
  kafka.setOffset(group, raw0, 3n)
  kafka.rebalance(group)
  await until(
    kafka,
    () => filter.pipeline.state.lastError !== undefined,
    () => filter.events,
  )
  assert.match(filter.pipeline.state.lastError!.message, /stood at 15, and is told to stand at 3/)
  kafka.setOffset(group, raw0, 15n)
  post(kafka, records, records + 4)
  await until(
    kafka,
    () => isDone(kafka, records + 4),
    () => found(kafka),
  )
})

test('a transaction that has become too old is given up', async (t) => {
  const kafka = filterCluster()
  post(kafka, 0, records)
  let now = 0
  let isSlow = true
  kafka.fateOf = (asked) => {
    if (asked === 'send' && isSlow) {
      now += 50_000
      isSlow = false
    }
    return 'done'
  }
  const filter = startFilter(t, kafka, await sevensEngine(t), 'a', { clock: () => now })
  await until(
    kafka,
    () => isDone(kafka),
    () => found(kafka),
  )
  assert.ok(filter.events.some((event) => event.includes('has become too old')))
})

test('a batch that takes long is kept alive, and finished when the group has given the process up', async (t) => {
  const kafka = filterCluster()
  const engine = await sevensEngine(t)
  let goOn = () => {}
  const isHeld = new Promise<void>((resolve) => (goOn = resolve))
  const held = { version: engine.version, filterBatches: engine.filterBatches.bind(engine), filterFile: engine.filterFile.bind(engine) } // prettier-ignore
  const slow = { ...held, evaluateMany: async (values: never) => (await isHeld, engine.evaluateMany(values)) }
  const filter = startFilter(t, kafka, slow as never, 'a')
  await until(
    kafka,
    () => filter.events.includes('take 0 at 0'),
    () => filter.events,
  )
  let beats = 0
  const record = { key: null, value: Buffer.from('{"n":"1"}'), headers: [], timestampMs: 0, offset: 0n }
  kafka.append(raw0, [])
  const turn = {
    isStale: false,
    heartbeat: () => (++beats < 3 ? Promise.resolve() : Promise.reject(new Error('The member is not known.'))),
  }
  const offered = filter.source.partitions.get(0)!.offer({ partition: 0, records: [record], next: 1n, end: 1n }, turn)
  const outcome = assert.rejects(offered, /The member is not known/)
  for (let beat = 0; beat < 4; beat++) {
    filter.fire()
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(beats, 3)
  goOn()
  await outcome
  assert.equal(kafka.offsetOf(group, raw0), 1n)
})

test('a shutdown finishes the batch that is under way and takes no other', async (t) => {
  const kafka = filterCluster()
  kafka.fetchRecords = 2
  post(kafka, 0, records)
  const engine = await sevensEngine(t)
  let isDrained = false
  const filter = startFilter(t, kafka, engine, 'a')
  kafka.fateOf = (asked) => {
    if (asked === 'send' && !isDrained) {
      isDrained = true
      filter.pipeline.drain()
    }
    return 'done'
  }
  await filter.done
  assert.equal(filter.pipeline.state.status, 'ended')
  assert.ok(kafka.offsetOf(group, raw0)! <= 4n)
  kafka.fateOf = () => 'done'
  startFilter(t, kafka, engine, 'b')
  await until(
    kafka,
    () => isDone(kafka),
    () => found(kafka),
  )
})

test('a shutdown does not wait for brokers that are asked for the topics', { timeout: 60_000 }, async (t) => {
  const prepare = () => new Promise<never>(() => undefined)
  const filter = startFilter(t, filterCluster(), await sevensEngine(t), 'a', { prepare })
  filter.pipeline.drain()
  await filter.done
  assert.equal(filter.pipeline.state.status, 'ended')
})

test('a shutdown that is out of time gives the batch up, and aborts what was sent', async (t) => {
  const kafka = filterCluster()
  post(kafka, 0, records)
  const engine = await sevensEngine(t)
  const filter = startFilter(t, kafka, engine, 'a')
  let isSent = false
  kafka.fateOf = (asked) => {
    if (asked === 'send') isSent = true
    if (asked === 'send') setImmediate(() => filter.pipeline.abort(new Error('Out of time.')))
    return 'done'
  }
  await filter.done
  assert.ok(isSent)
  await filter.source.close()
  kafka.fateOf = () => 'done'
  startFilter(t, kafka, engine, 'b')
  await until(
    kafka,
    () => isDone(kafka),
    () => found(kafka),
  )
})

test('at least once: records are acknowledged before the offset moves, and come again after a failure', async (t) => {
  const kafka = filterCluster()
  post(kafka, 0, records)
  let commits = 0
  kafka.fateOf = (asked) => (asked === 'commit' && commits++ === 4 ? 'lost' : 'done')
  startFilter(t, kafka, await sevensEngine(t), 'a', { isExactlyOnce: false })
  await until(kafka, () => kafka.offsetOf(group, raw0) === 15n && kafka.offsetOf(group, { topic: 'raw', partition: 1 }) === 15n, () => found(kafka)) // prettier-ignore
  for (const partition of [0, 1]) {
    const seen = new Set(found(kafka).processed[partition])
    assert.deepEqual(seen, new Set(expected(records).processed[partition]))
  }
})

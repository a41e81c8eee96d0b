// What is done about topics, and what is told, against a cluster that is not there.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { ClusterAdmin, TopicFound, TopicWanted } from '#src/kafka/port.js'
import { provideTopics, topicConfig } from '#src/kafka/topics.js'

const config = topicConfig(3, 1_000)
const wanted: TopicWanted = { name: 'raw', partitions: 3, replicas: 3, config }
const found: TopicFound = { name: 'raw', leaders: [1, 2, 3], replicas: 3, config }

/** A cluster that shows one state after another, the last for ever. */
function cluster(...states: (TopicFound | undefined)[]) {
  const calls: string[] = []
  const admin = {
    describe: () => Promise.resolve([states.length > 1 ? states.shift() : states[0]]),
    create: (topics: readonly TopicWanted[]) => Promise.resolve(void calls.push(`create ${topics[0]!.name}`)),
    grow: (topic: string, partitions: number) => Promise.resolve(void calls.push(`grow ${topic} ${partitions}`)),
  } as unknown as ClusterAdmin
  return { admin, calls }
}

test('what is as it must be is left alone', async () => {
  for (const mode of ['create', 'verify'] as const) {
    const { admin, calls } = cluster(found)
    const { made, grown, problems } = await provideTopics(admin, [wanted], { mode })
    assert.deepEqual([calls, made, grown, problems], [[], [], [], []])
  }
})

test('a topic that was made is awaited until it is seen and has all its leaders', async () => {
  const states = [{ ...found, leaders: [] }, { ...found, leaders: [1, undefined, 3] }, found]
  const { admin, calls } = cluster(undefined, undefined, ...states)
  const report = await provideTopics(admin, [wanted], { mode: 'create' })
  assert.deepEqual([calls, report.made, report.problems], [['create raw'], ['raw'], []])
  assert.deepEqual(report.found.get('raw')?.leaders, [1, 2, 3])
  const narrow = { ...found, leaders: [1, 2] }
  const growing = cluster(narrow, narrow, found)
  assert.deepEqual((await provideTopics(growing.admin, [wanted], { mode: 'create' })).problems, [])
  assert.deepEqual(growing.calls, ['grow raw 3'])
})

test('only verified, nothing is made or grown, and both are told', async () => {
  const absent = cluster(undefined)
  const report = await provideTopics(absent.admin, [wanted], { mode: 'verify' })
  assert.deepEqual([absent.calls, report.problems.map(({ setting }) => setting)], [[], ['topic']])
  const narrow = cluster({ ...found, leaders: [1] })
  const { problems } = await provideTopics(narrow.admin, [wanted], { mode: 'verify' })
  assert.deepEqual(narrow.calls, [])
  assert.equal(problems[0]!.message, 'The topic raw has partitions 1, and needs 3: add some, or set topics: create.')
})

test('leaders that stay away are told in the end', async () => {
  const { admin } = cluster({ ...found, leaders: [1, undefined, undefined] })
  const { problems } = await provideTopics(admin, [wanted], { mode: 'create', leadersMs: 1 })
  assert.deepEqual(
    problems.map(({ found: is }) => is),
    ['none in 1, 2'],
  )
})

test('more than what is needed is no problem, less is one', async () => {
  const more = { ...config, 'max.message.bytes': '10000000', 'retention.ms': '-1', 'min.insync.replicas': '3' }
  const rich = await provideTopics(cluster({ ...found, replicas: 5, config: more }).admin, [wanted], { mode: 'verify' })
  assert.deepEqual(rich.problems, [])
  const less = {
    ...config,
    'retention.ms': '999',
    'min.insync.replicas': '1',
    'unclean.leader.election.enable': 'true',
  }
  const poor = await provideTopics(cluster({ ...found, config: less }).admin, [wanted], { mode: 'verify' })
  assert.deepEqual(
    poor.problems.map(({ setting, found: is, wanted: should }) => [setting, is, should]),
    [
      ['min.insync.replicas', '1', 'at least 2'],
      ['retention.ms', '999', 'at least 1000'],
      ['unclean.leader.election.enable', 'true', 'false'],
    ],
  )
})

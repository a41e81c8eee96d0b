// `weir archive` on a real broker and a real store: what it shows, and that it finds what is done to a bucket by hand. More than
// 400 lines: all of them share what is started, and archived by hand.

import assert from 'node:assert/strict'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import type { KafkaCluster } from '#src/kafka/port.js'
import { beginKey, beginMetadata } from '#src/objects/begin-note.js'
import { folderOf } from '#src/objects/object-key.js'
import { topicConfig } from '#src/kafka/topics.js'
import { offsetNote } from '#src/objects/offset-note.js'
import { openStore } from '#src/s3/store.js'
import { madeObject } from '../archive/made-archive.js'
import { makeTopic, owner } from '../kafka/opening.js'
import { folder, shell, startWeir, weir } from '../running.js'
import { useBroker } from '../servers/kafka/broker.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { skipWithoutS3 } from '../servers/s3/install.js'
import { deleteObject, listBucket, putObject, readBucket, skipWithoutReader } from '../servers/s3/reader.js'
import { credentialsText } from '../servers/s3/server.js'
import { useVersitygw } from '../servers/s3/versitygw.js'
import { clusterOf, connectionTo } from './kafka-pipelines.js'

const skip = (await skipWithoutKafka()) || (await skipWithoutS3()) || skipWithoutReader()
const broker = useBroker(skip)
const server = useVersitygw(skip)

const partitions = [0, 1]
const [bucket, objectsOfPartition, retentionMs] = ['logs', 5, 72 * 3_600_000]
let made = 0

interface Archive {
  readonly topic: string
  readonly prefix: string
  readonly group: string
  readonly folder: string
  readonly cluster: KafkaCluster
  /** Names of partition 0, in the order of offsets. */
  keys(): Promise<string[]>
  /** Runs `weir archive` with the settings. */
  run(...args: readonly string[]): ReturnType<typeof weir>
}

/** Makes a topic, and settings of its archive. `more`: settings of the output. */
async function opened(t: TestContext, more = ''): Promise<Archive> {
  const n = ++made
  const [topic, prefix, group] = [`processed-${n}`, `logs-${n}`, `archive-${n}`]
  const cluster = await clusterOf(t, broker())
  await makeTopic(cluster, topic, partitions.length, topicConfig(1, retentionMs))
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'keys'), credentialsText(server()))
  const s3 = `{ bucket: ${bucket}, prefix: '/${prefix}/', endpoint: '${server().endpoint}', credentials: keys${more} }`
  const pipeline = `  archive: { source: { kafka: { topic: ${topic}, group: ${group} } }, routes: { keep: { s3: ${s3} } } }\n`
  await writeFile(
    path.join(cwd, 'weir.yaml'),
    `${connectionTo(broker())}log: { format: json }\npipelines:\n${pipeline}`,
  )
  return {
    ...{ topic, prefix, group, folder: cwd, cluster },
    keys: async () => {
      const listed = await listBucket(server(), bucket, folderOf(prefix))
      return listed.flatMap(({ key }) => (key.includes('+0+') ? [key] : []))
    },
    run: (...args) => weir(['archive', ...args, '--config', 'weir.yaml'], { cwd }),
  }
}

/** Writes a topic in transactions, some of them aborted, and archives it by hand, as the service would. */
async function archived(t: TestContext, more = ''): Promise<Archive> {
  const archive = await opened(t, more)
  const { cluster, group, prefix, topic } = archive
  const keysFile = path.join(archive.folder, 'keys')
  const { endpoint, region } = server()
  const store = await openStore({ bucket, region, endpoint, credentials: keysFile, requestMs: 60_000 })
  t.after(() => store.close())
  const identity = { clusterId: await cluster.admin.clusterId(), topicId: (await cluster.admin.topicId(topic)) ?? '' }
  for (const partition of partitions) {
    const of = { topic, partition }
    const producer = await owner(cluster, `${topic}.${partition}`)
    for (let i = 0; i < objectsOfPartition; i++) {
      const record = (text: string) => ({ key: null, value: Buffer.from(`{"n":"${partition}.${i}.${text}"}`) })
      const aborted = await producer.begin()
      await aborted.send(of, [record('aborted')])
      await aborted.abort()
      const transaction = await producer.begin()
      await transaction.send(
        of,
        Array.from({ length: 10 }, (_, j) => record(String(j))),
      )
      await transaction.commit()
    }
    let from = 0n
    let raw: Buffer[] = []
    for await (const piece of cluster.read(of, 0n, (await cluster.admin.range(of)).end)) {
      for (const { offset, value, timestampMs } of piece) {
        raw.push(Buffer.from(value!), Buffer.from('\n'))
        if (raw.length < 20) continue
        const place = {
          ...of,
          ...identity,
          from,
          first: offset - 9n,
          last: offset,
          firstMs: timestampMs,
          lastMs: timestampMs,
        }
        assert.equal(await store.create(madeObject(prefix, Buffer.concat(raw), place)), 'written')
        ;[from, raw] = [offset + 1n, []]
      }
    }
    await cluster.admin.setCommitted(group, of, from + 1n, offsetNote(from))
  }
  return archive
}

/** Runs `weir archive verify`, and returns its exit code and the kinds of what it found. */
async function kindsOf({ run }: Archive, ...args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await run('verify', '--json', ...args)
  assert.equal(stderr, '')
  const objects = jsonLines(stdout)
  const kinds = objects.flatMap(({ finding }) => (finding === undefined ? [] : [(finding as { kind: string }).kind]))
  const summary = objects.at(-1)?.['summary'] as { findings: number }
  assert.equal(summary.findings, kinds.length)
  return [`exit ${code}`, ...kinds]
}

function jsonLines(stdout: Buffer): Record<string, unknown>[] {
  return stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('what lies in the bucket is listed, and an archive that is whole is clean', { skip }, async (t) => {
  const archive = await archived(t)
  const judged = await readBucket(server(), bucket, folderOf(archive.prefix))
  assert.equal(judged.length, partitions.length * objectsOfPartition)
  const listed = await archive.run('ls', '--json')
  assert.equal(listed.code, 0)
  const objects = jsonLines(listed.stdout)
  assert.deepEqual(
    objects.map(({ key, count, rawBytes, storedBytes, sha256 }) => ({ key, count, rawBytes, storedBytes, sha256 })),
    judged.map(({ key, count, rawBytes, storedBytes, sha256 }) => ({ key, count, rawBytes, storedBytes, sha256 })),
  )
  const [first] = objects
  // An aborted record and its marker come before the first.
  assert.deepEqual([first!['from'], first!['first'], first!['last']], ['0', '2', '11'])
  assert.deepEqual([first!['pipeline'], first!['topic'], first!['partition']], ['archive', archive.topic, 0])
  const text = (await archive.run('ls', '--partition', '1')).stdout.toString().trimEnd().split('\n')
  assert.equal(text.length, objectsOfPartition)
  assert.match(
    text[0]!,
    /^\d{4}-\d\d-\d\dT\d\d {2}processed-\d+\/1 +2-11 +10 +\d+ B +\d+ B {2}0123456789abcdef {2}logs-\d+\/dt=.*\.gz$/,
  )

  assert.deepEqual(await kindsOf(archive, '--manifests'), ['exit 0'])
  const verified = await archive.run('verify')
  assert.equal(verified.code, 0)
  assert.match(
    verified.stdout.toString(),
    /^processed-\d+\/0: 5 objects, 50 records, .*; begins at offset 0; ends at 63; all compared with the topic; nothing waits\n.*\narchive: 10 objects, with the topic: nothing is wrong\n$/,
  )
})

test('an object that is deleted by hand is found as a gap, by manifests too', { skip }, async (t) => {
  const archive = await archived(t)
  const keys = await archive.keys()
  await deleteObject(server(), bucket, keys[2]!)
  for (const how of [[], ['--no-topic'], ['--manifests']])
    assert.deepEqual(await kindsOf(archive, ...how), ['exit 1', 'gap'])
  const { code, stdout } = await archive.run('verify')
  assert.equal(code, 1)
  assert.match(
    stdout.toString(),
    /^\S+T\d\d {2}processed-\d+\/0 {2}gap: offsets 25 to 37 of processed-\d+\/0 are in no object, between .*; the topic has 10 records there\.\n/,
  )
  assert.match(stdout.toString(), /archive: 9 objects, with the topic: 1 finding\n$/)
  // The first and the last one are missed by the topic alone.
  for (const key of [keys[0]!, keys[4]!]) await deleteObject(server(), bucket, key)
  assert.deepEqual(await kindsOf(archive), ['exit 1', 'gap', 'gap', 'gap'])
  assert.deepEqual(await kindsOf(archive, '--manifests'), ['exit 1', 'gap'])
  assert.deepEqual(await kindsOf(archive, '--partition', '1'), ['exit 0'])
})

test('objects that were changed, cut off, copied or put there by somebody are told apart', { skip }, async (t) => {
  const archive = await archived(t)
  const keys = await archive.keys()
  const judged = new Map((await readBucket(server(), bucket, folderOf(archive.prefix))).map((each) => [each.key, each]))
  const fileOf = (key: string) => path.join(server().data, bucket, key)
  // Cut off, where it lies, and with its metadata.
  await truncate(fileOf(keys[0]!), judged.get(keys[0]!)!.storedBytes - 12)
  // Other lines under the manifest of these, not compressed.
  await putObject(server(), bucket, {
    key: keys[1]!,
    bytes: '{"n":1}\n',
    metadata: { ...judged.get(keys[1]!)!.metadata },
  })
  // Without a manifest.
  await putObject(server(), bucket, { key: keys[3]!, bytes: '{"n":1}\n' })
  await putObject(server(), bucket, { key: `${archive.prefix}/dt=2026-01-01/hr=00/notes.txt`, bytes: 'notes' })
  // Another cut of the same records.
  const last = judged.get(keys[4]!)!
  const copied = { ...last.metadata, 'weir-first': '58', 'weir-from': '58' }
  const name = keys[4]!.replace(/\d{20}/, '00000000000000000058').replace('.gz', '')
  await putObject(server(), bucket, {
    key: name,
    bytes: last.lines.map((line) => `${line}\n`).join(''),
    metadata: copied,
  })
  const kinds = await kindsOf(archive)
  assert.deepEqual(kinds.toSorted(), ['damaged', 'damaged', 'exit 1', 'foreign', 'foreign', 'gap', 'overlap', 'topic'])
  const { stdout } = await archive.run('verify', '--no-topic')
  const found = stdout.toString()
  assert.match(
    found,
    /2026-01-01T00 {2}- {2}foreign: logs-\d+\/dt=2026-01-01\/hr=00\/notes\.txt \(5 bytes\) is foreign: its name is none/,
  )
  assert.match(found, /damaged: \S+ ends too early, after \d+ bytes; /)
  assert.match(
    found,
    /damaged: \S+ is damaged near byte 0 \(incorrect header check\)|damaged: \S+ is damaged near byte \d+/,
  )
  assert.match(
    found,
    /overlap: \S+, which reaches from offset 58 to 63, overlaps with \S+, which reaches from 51 to 63/,
  )
})

test('what the service archives is clean while it goes on and when it is done', { skip }, async (t) => {
  const archive = await opened(t, ', periodMs: 1s, idleMs: 1s')
  const { cluster, group, topic } = archive
  const service = startWeir(['serve', '--config', 'weir.yaml'], archive.folder)
  t.after(() => service.kill('SIGKILL'))
  const producers = await Promise.all(partitions.map((partition) => owner(cluster, `${topic}.${partition}`)))
  const isAt = async (partition: number) => {
    const of = { topic, partition }
    return ((await cluster.admin.committed(group, of))?.offset ?? 0n) >= (await cluster.admin.range(of)).end
  }
  for (let i = 0; i < 3; i++) {
    for (const partition of partitions) {
      const transaction = await producers[partition]!.begin()
      const records = Array.from({ length: 500 }, (_, n) => ({ key: null, value: Buffer.from(`{"n":"${i}.${n}"}`) }))
      await transaction.send({ topic, partition }, records)
      await (i === 1 && partition === 0 ? transaction.abort() : transaction.commit())
    }
    if (i > 0) assert.deepEqual(await kindsOf(archive), ['exit 0'])
  }
  const until = performance.now() + 60_000
  for (const partition of partitions) {
    while (!(await isAt(partition))) {
      assert.ok(performance.now() < until, `partition ${partition} is not archived`)
      await setTimeout(50)
    }
  }
  service.kill('SIGTERM')
  const { stdout } = await archive.run('verify')
  assert.match(
    stdout.toString(),
    /\/0: \d+ objects, 1000 records.*all compared.*nothing waits\n.*\/1: \d+ objects, 1500 records.*all compared.*nothing waits\n.*nothing is wrong\n$/,
  )
  const judged = await readBucket(server(), bucket, `${folderOf(archive.prefix)}dt=`)
  assert.equal(judged.flatMap(({ lines }) => lines).length, 2500)
  await deleteObject(server(), bucket, (await archive.keys())[0]!)
  assert.deepEqual(await kindsOf(archive), ['exit 1', 'gap'])
})

test('a topic that is gone is told, and its objects are looked at without it', { skip }, async (t) => {
  const archive = await archived(t)
  const settings = path.join(archive.folder, 'weir.yaml')
  await writeFile(settings, (await readFile(settings, 'utf8')).replace(archive.topic, 'nowhere'))
  const gone = await archive.run('verify')
  assert.deepEqual([gone.code, gone.stdout.toString()], [1, ''])
  assert.match(gone.stderr, /^weir: There is no topic nowhere; with --no-topic/)
  assert.deepEqual(await kindsOf(archive, '--no-topic'), ['exit 0'])
  for (const args of [[], ['--json']]) {
    const shown = await weir(['offsets', 'show', '--config', 'weir.yaml', ...args], { cwd: archive.folder })
    assert.deepEqual([shown.code, shown.stdout.toString()], [1, args.length === 0 ? '' : '{"offsets":[]}\n'])
    assert.match(shown.stderr, /There is no topic nowhere, which archive reads\. Make it, .*`kafka\.topics: create`/)
  }
})

test('wrong use is refused, and a store that refuses is a fault', { skip }, async (t) => {
  const archive = await archived(t)
  const refused = async (args: readonly string[], code: number, message: RegExp) => {
    const finished = await archive.run(...args)
    assert.match(finished.stderr, message)
    assert.deepEqual([finished.code, finished.stdout.toString()], [code, ''])
  }
  await refused(['ls', '--since', '2026-02-30'], 2, /Give an hour, as 2026-11-22T10, or a day/)
  await refused(
    ['ls', '--since', '2026-11-22T10', '--until', '2026-11-21'],
    2,
    /--until: 2026-11-21T23 is before 2026-11-22T10/,
  )
  await refused(['verify', '--pipeline', 'other'], 2, /--pipeline: other is no archive; there are archive\./)
  await refused(['verify', '--partition', '2'], 2, /--partition: .* has no partition 2, but 0 to 1; with --no-topic/)
  await refused(['verify', '--set', `pipelines.archive.routes.keep.s3.bucket=missing`], 1, /^weir: .*missing/)
  await writeFile(
    path.join(archive.folder, 'other.yaml'),
    'pipelines: { p: { source: { stdin: {} }, routes: { keep: { stdout: {} } } } }\n',
  )
  const none = await weir(['archive', 'ls', '--config', 'other.yaml'], { cwd: archive.folder })
  assert.deepEqual([none.code, none.stdout.toString()], [2, ''])
  assert.match(none.stderr, /No pipeline is an archive/)
  await writeFile(path.join(archive.folder, 'keys'), credentialsText({ accessKey: 'test', secretKey: 'wrong' }))
  await refused(['verify', '--no-topic'], 1, /^weir: (?!.*wrong)/)
})

test('a reader that goes away early ends a list in peace, and is no clean verification', { skip }, async (t) => {
  const { folder: cwd } = await archived(t)
  // A pipe whose reader has gone before the first line.
  const unread = 'mkfifo unread; exec 3<>unread 4>unread 3>&-; rm unread'
  const run = async (command: string) => {
    const { stdout, stderr } = await shell(`${unread}; weir archive ${command} --config weir.yaml >&4; echo "$?"`, cwd)
    assert.equal(stderr, '')
    return stdout.toString().trim()
  }
  assert.equal(await run('ls'), '0')
  assert.equal(await run('verify --no-topic'), '1')
})

test('an archive whose group is lost goes on behind its newest object, and nowhere else', { skip }, async (t) => {
  const archive = await archived(t)
  const { cluster, group, run, topic } = archive
  const of = { topic, partition: 0 }
  const before = await cluster.admin.committed(group, of)
  const behind = BigInt(/\d+/.exec(before!.metadata)![0])
  await cluster.admin.setCommitted(group, of, 1n, 'set: by mistake')
  const about = ['--partition', '0', '--reason', 'incident 12']
  const inside = await run('resume', ...about, '--skip-to', String(behind - 1n))
  assert.equal(inside.code, 2)
  assert.match(inside.stderr, /what is below lies in objects/)
  const { code, stdout, stderr } = await run('resume', ...about)
  assert.equal(code, 0, stderr)
  assert.match(String(stdout), new RegExp(`stands at ${behind} `))
  assert.deepEqual(await cluster.admin.committed(group, of), { offset: behind, metadata: offsetNote(behind) })
  const set = ['offsets', 'set', '--partition', '0', '--offset', 'first', '--reason', 'x', '--config', 'weir.yaml']
  const refused = await weir(set, { cwd: archive.folder })
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /weir archive resume/)
  assert.deepEqual(await kindsOf(archive), ['exit 0'])
})

test(
  'who goes back goes back to what is missing, and not to what was before the archive began',
  { skip },
  async (t) => {
    const archive = await archived(t)
    const { cluster, prefix, run, topic } = archive
    await deleteObject(server(), bucket, (await archive.keys())[0]!)
    const back = (offset: string) => run('resume', '--partition', '0', '--reason', 'x', '--back-to', offset)
    const refused = async (offset: string, message: RegExp) => {
      const { code, stderr } = await back(offset)
      assert.deepEqual([code, message.test(stderr)], [2, true], stderr)
    }
    await refused('12', /missing, and in the topic, are 0 to 11\.$/m)
    const identity = { clusterId: await cluster.admin.clusterId(), topicId: (await cluster.admin.topicId(topic)) ?? '' }
    const begin = { key: beginKey(prefix, topic, 0), bytes: '', metadata: beginMetadata({ ...identity, first: 5n }) }
    await putObject(server(), bucket, begin)
    await refused('4', /missing, and in the topic, are 5 to 11\.$/m)
    const { code, stdout } = await back('5')
    assert.deepEqual([code, /stands at 5 \(set: x\)/.test(String(stdout))], [0, true])
  },
)

test(
  'objects that are gone are written again by who goes back to them, and nothing comes twice',
  { skip },
  async (t) => {
    const archive = await archived(t, ', periodMs: 1s, idleMs: 1s')
    const { cluster, group, run, topic } = archive
    const keys = await archive.keys()
    const of = { topic, partition: 0 }
    const about = ['--partition', '0', '--reason', 'deleted by hand']
    const refused = async (args: readonly string[], message: RegExp) => {
      const { code, stderr } = await run('resume', ...about, ...args)
      assert.deepEqual([code, message.test(stderr)], [2, true], stderr)
    }
    await refused(
      ['--back-to', '12'],
      /--back-to: "12" cannot be set: no offsets are missing that the topic still has\.$/m,
    )
    for (const key of [keys[1]!, keys[2]!, keys[4]!]) await deleteObject(server(), bucket, key)
    const { stdout } = await run('verify')
    assert.match(stdout.toString(), /gap: offsets 12 to 37 of /)
    await refused(['--back-to', '11'], /"11" cannot be set: missing, and in the topic, are 12 to 37\.$/m)
    await refused(['--back-to', '12', '--skip-to', 'first'], /--back-to: --skip-to says the opposite/)
    const back = await run('resume', ...about, '--back-to', '12')
    assert.deepEqual([back.code, back.stderr], [0, ''])
    assert.match(String(back.stdout), /stands at 12 \(set: deleted by hand\)/)
    const { end } = await cluster.admin.range(of)
    const service = startWeir(['serve', '--config', 'weir.yaml'], archive.folder)
    t.after(() => service.kill('SIGKILL'))
    const until = performance.now() + 60_000
    while (((await cluster.admin.committed(group, of))?.offset ?? 0n) < end - 1n) {
      assert.ok(performance.now() < until, 'the partition is not archived again')
      await setTimeout(50)
    }
    service.kill('SIGTERM')
    assert.deepEqual(await kindsOf(archive), ['exit 0'])
    const judged = await readBucket(server(), bucket, `${folderOf(archive.prefix)}dt=`)
    const lines = judged.filter(({ key }) => key.includes('+0+')).flatMap((each) => each.lines)
    const expected = Array.from({ length: 50 }, (_, n) => `{"n":"0.${Math.floor(n / 10)}.${n % 10}"}`)
    assert.deepEqual(lines, expected)
  },
)

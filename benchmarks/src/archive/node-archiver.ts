// A contender: an archiver as it is often written, with kafkajs, Node's zlib and the SDK. It promises that each record is in
// some object. It does not promise that it is in one: killed between writing and committing, it writes the records again, into
// an object that ends elsewhere, or over one that another process wrote. Bodies carry no hash, nothing bounds memory, and an
// error ends it. One argument, a task of contender.ts as JSON. Started by passes.ts.

import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import kafkajs from 'kafkajs'
import type { KafkaMessage } from 'kafkajs'
import type { ArchiveTask } from './contender.ts'

type Task = Omit<ArchiveTask, 'store' | 'folder' | 'hasSpool'> & {
  readonly bucket: string
  readonly region: string
  readonly endpoint: string
}

/** What is collected of a partition. */
interface Open {
  readonly first: string
  readonly firstMs: number
  readonly parts: Buffer[]
  bytes: number
}

const task = JSON.parse(process.argv[2]!) as Task
const minuteMs = 60_000
const lineFeed = Buffer.from('\n')
const compress = promisify(gzip)
const store = new S3Client({
  ...{ region: task.region, endpoint: task.endpoint, forcePathStyle: true },
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
})
const kafka = new kafkajs.Kafka({ brokers: [task.bootstrap], logLevel: kafkajs.logLevel.ERROR })
const consumer = kafka.consumer({ groupId: task.group })
const open = new Map<number, Open>()

async function write(partition: number, { first, firstMs, parts }: Open, next: string): Promise<void> {
  const raw = Buffer.concat(parts)
  const isPlain = task.level === 0
  const [date, time] = new Date(firstMs).toISOString().split('T') as [string, string]
  const name = `${task.topic}+${partition}+${first.padStart(20, '0')}.ndjson${isPlain ? '' : '.gz'}`
  const Body = isPlain ? raw : await compress(raw, { level: task.level })
  const Key = `${task.prefix}/dt=${date}/hr=${time.slice(0, 2)}/${name}`
  await store.send(new PutObjectCommand({ Bucket: task.bucket, Key, Body }))
  await consumer.commitOffsets([{ topic: task.topic, partition, offset: next }])
}

async function take(partition: number, { offset, timestamp, value }: KafkaMessage): Promise<void> {
  if (value === null) return
  const minute = Math.floor(Number(timestamp) / minuteMs)
  let object = open.get(partition)
  if (object !== undefined) {
    const isFull = object.bytes + value.length + 1 > task.maxObjectBytes
    if (isFull || minute > Math.floor(object.firstMs / minuteMs)) {
      await write(partition, object, offset)
      object = undefined
    }
  }
  object ??= { first: offset, firstMs: Number(timestamp), parts: [], bytes: 0 }
  object.parts.push(value, lineFeed)
  object.bytes += value.length + 1
  open.set(partition, object)
}

process.once('SIGTERM', () => void consumer.disconnect().finally(() => process.exit()))
// Somebody may have the partitions now; whoever has them begins where the group stands.
consumer.on('consumer.group_join', () => open.clear())
consumer.on('consumer.crash', ({ payload: { error } }) => {
  console.error(error)
  process.exit(1)
})
await consumer.connect()
await consumer.subscribe({ topic: task.topic, fromBeginning: true })
await consumer.run({
  autoCommit: false,
  partitionsConsumedConcurrently: task.partitions,
  eachBatch: async (given) => {
    const { batch } = given
    for (const message of batch.messages) await take(batch.partition, message)
    await given.heartbeat()
  },
})

// Who judges what a topic holds: Kafka's own clients in Java, which share no code with ours. Also runs other tools of Kafka.
// Called by tests.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'

import { kafkaPrograms } from './install.ts'
import type { ScramMechanism, User } from './settings.ts'

/** Where to read: a broker or a cluster. */
export interface Readable {
  readonly innerAddresses: readonly string[]
}

/** A record as a judge read it. */
export interface ReadRecord {
  readonly offset: bigint
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
}

/** Which records count: those of transactions that were committed, or all. */
export type Isolation = 'read_committed' | 'read_uncommitted'

/**
 * Reads topics from their first records to their ends by Kafka's Java client, and resolves with the records of each partition
 * of each topic. Where a transaction is open, the end is where the first open one begins, unless all count.
 */
export async function readTopics(
  from: Readable,
  topics: readonly string[],
  isolation: Isolation = 'read_committed',
): Promise<ReadRecord[][][]> {
  const args = [from.innerAddresses.join(','), isolation, ...topics]
  const text = (await runTool('weir.TopicReader', args)).toString('latin1')
  const found = new Map(topics.map((topic): [string, ReadRecord[][]] => [topic, []]))
  for (const line of text.split('\n').slice(0, -1)) {
    const [topic = '', partition = '', ...fields] = line.split('\t')
    const partitions = found.get(topic)!
    if (fields.length > 0) partitions[Number(partition)]!.push(readRecord(fields))
    else partitions[Number(partition)] = []
  }
  return topics.map((topic) => found.get(topic)!)
}

/** Reads one topic; see `readTopics`. */
export async function readTopic(from: Readable, topic: string, isolation?: Isolation): Promise<ReadRecord[][]> {
  const [partitions] = await readTopics(from, [topic], isolation)
  return partitions!
}

function readRecord([offset = '', timestamp = '', key = '', value = '', ...rest]: readonly string[]): ReadRecord {
  const headers: [string, Buffer | null][] = []
  for (let i = 0; i < rest.length; i += 2) headers.push([String(fromBase64(rest[i]!)), fromBase64(rest[i + 1]!)])
  const times = { offset: BigInt(offset), timestampMs: Number(timestamp) }
  return { ...times, key: fromBase64(key), value: fromBase64(value), headers }
}

function fromBase64(text: string): Buffer | null {
  return text === '-' ? null : Buffer.from(text, 'base64')
}

/**
 * Reads a topic from its first record by Kafka's console consumer, and resolves with the committed records of each partition,
 * up to the last that has some. It does not know when it is at the end: it stops when nothing has come for a while, in which a
 * loaded machine has not even begun. So it is asked again, with more time, until there are as many as `wanted`; more show too.
 */
export async function readByConsole(from: Readable, topic: string, wanted: number): Promise<ReadRecord[][]> {
  for (let quietMs = 2_000; ; quietMs *= 3) {
    const partitions = await readWhileNotQuiet(from, topic, quietMs)
    if (partitions.flat().length >= wanted || quietMs > 60_000) return partitions
  }
}

async function readWhileNotQuiet(from: Readable, topic: string, quietMs: number): Promise<ReadRecord[][]> {
  // What records hold cannot be known, so what stands between them is drawn.
  const [line, field, header, none] = Array.from(
    { length: 4 },
    () => `|${randomBytes(12).toString('hex')}|`,
  ) as Separators
  const printed = ['partition', 'offset', 'timestamp', 'headers', 'key', 'value'].map((each) => `print.${each}=true`)
  const separators = [`line.separator=${line}`, `key.separator=${field}`, `headers.separator=${header}`]
  const properties = [...printed, ...separators, `null.literal=${none}`].flatMap((each) => ['--property', each])
  const where = ['--bootstrap-server', from.innerAddresses.join(','), '--topic', topic]
  const how = ['--from-beginning', '--isolation-level', 'read_committed', '--timeout-ms', String(quietMs)]
  const output = await runTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [...where, ...how, ...properties])
  const partitions: (ReadRecord[] | undefined)[] = []
  const bytes = (text: string) => (text === none ? null : Buffer.from(text, 'latin1'))
  for (const text of output.toString('latin1').split(line).slice(0, -1)) {
    const [time = '', partition = '', offset = '', headers = '', key = '', value = ''] = text.split(field)
    const index = Number(partition.replace('Partition:', ''))
    const pairs = headers === 'NO_HEADERS' ? [] : headers.split(header)
    const record: ReadRecord = {
      offset: BigInt(offset.replace('Offset:', '')),
      timestampMs: Number(time.replace(/^\w+:/, '')),
      key: bytes(key),
      value: bytes(value),
      headers: pairs.map((pair) => {
        const at = pair.indexOf(':')
        return [Buffer.from(pair.slice(0, at), 'latin1').toString(), bytes(pair.slice(at + 1))] as const
      }),
    }
    ;(partitions[index] ??= []).push(record)
  }
  return Array.from(partitions, (records) => records ?? [])
}

type Separators = [line: string, field: string, header: string, none: string]

/** Gives a user another password for one mechanism of SCRAM; connections that are there go on. */
export async function setPassword(of: Readable, user: User, mechanism: ScramMechanism): Promise<void> {
  const added = `${mechanism}=[password=${user.password}]`
  const args = ['--alter', '--entity-type', 'users', '--entity-name', user.name, '--add-config', added]
  await runTool('kafka.admin.ConfigCommand', ['--bootstrap-server', of.innerAddresses.join(','), ...args])
}

/** Writes a line as one record, by Kafka's console producer: in a codec that no client of ours has. */
export async function writeByConsole(to: Readable, topic: string, codec: string, line: string): Promise<void> {
  const where = ['--bootstrap-server', to.innerAddresses.join(','), '--topic', topic]
  await runTool('org.apache.kafka.tools.ConsoleProducer', [...where, '--compression-codec', codec], line)
}

/** Runs a tool of Kafka and resolves with what it printed. `input`: for it to read. *Errors*: with its messages, where it fails. */
export async function runTool(mainClass: string, args: readonly string[], input = ''): Promise<Buffer> {
  const programs = await kafkaPrograms()
  const child = spawn('java', programs.command(mainClass, args), { stdio: ['pipe', 'pipe', 'pipe'] })
  // One that reads nothing may end before.
  child.stdin.on('error', () => undefined).end(input)
  const printed: Buffer[] = []
  const messages: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => messages.push(chunk))
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code === 0) return Buffer.concat(printed)
  throw new Error(`${mainClass} ended with ${code}: ${Buffer.concat(messages).toString().slice(-2000)}`)
}

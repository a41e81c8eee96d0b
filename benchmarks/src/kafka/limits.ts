// Case *limits*: what Kafka's own clients take to write and to read the same amount, and nothing else: the programs by which
// Kafka measures itself. They filter nothing. Called by ../kafka.ts.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { BenchmarkBroker } from './broker.ts'
import type { Form } from './contender.ts'
import { parseStat } from './process-tree.ts'
import type { KafkaTask } from './throughput.ts'
import { chunkBytes } from './values.ts'

/** What one of Kafka's programs came to. */
export interface LimitResult {
  readonly form: Form
  readonly does: 'writes' | 'reads'
  readonly bytes: number
  /** As the program itself counts it, without its start. */
  readonly bytesPerSecond: number
  /** Of the whole program, without that of a run with one value. */
  readonly cpuSeconds: number
}

const tools = 'org.apache.kafka.tools'
const mebibyte = 2 ** 20

/** Runs them once for each form, after a run with one value, whose processor time is taken off. *Errors*: of the programs. */
export async function measureLimits(task: KafkaTask, broker: BenchmarkBroker): Promise<readonly LimitResult[]> {
  const results: LimitResult[] = []
  for (const form of ['chunks', 'lines'] as const) {
    const valueBytes = form === 'chunks' ? chunkBytes : Math.round(task.input.bytes / task.input.records)
    const count = Math.ceil(task.options.bytes / valueBytes)
    const topic = `limits-${form}`
    task.tell(`limits: ${form}`)
    await task.client.createTopic(topic, 1)
    const bytes = count * valueBytes
    const properties = [`bootstrap.servers=${broker.bootstrap}`, 'acks=all', 'linger.ms=5', `batch.size=${chunkBytes}`]
    const writing = (values: number) => {
      const size = ['--num-records', String(values), '--record-size', String(valueBytes), '--throughput', '-1']
      return run(broker, 'ProducerPerformance', ['--topic', topic, ...size, '--producer-props', ...properties])
    }
    const reading = (values: number) => {
      const from = ['--bootstrap-server', broker.bootstrap, '--topic', topic, '--messages', String(values)]
      return run(broker, 'ConsumerPerformance', [...from, '--hide-header'])
    }
    for (const [does, use, speedOf] of [
      ['writes', writing, writtenPerSecond],
      ['reads', reading, readPerSecond],
    ] as const) {
      const start = await use(1)
      const { text, cpuSeconds } = await use(count)
      results.push({ form, does, bytes, bytesPerSecond: speedOf(text), cpuSeconds: cpuSeconds - start.cpuSeconds })
    }
    await task.client.deleteTopics([topic])
  }
  return results
}

/** Returns bytes a second of the last line of ProducerPerformance. *Errors*: where there is none. */
export function writtenPerSecond(text: string): number {
  const last = text.trim().split('\n').at(-1) ?? ''
  const [, megabytes] = /records\/sec \((\d+(?:\.\d+)?) MB\/sec\)/.exec(last) ?? []
  if (megabytes === undefined) throw new Error(`ProducerPerformance says no MB/sec: ${last}`)
  // Its MB have 2²⁰ bytes.
  return Number(megabytes) * mebibyte
}

/** Returns bytes a second of the line of ConsumerPerformance, of the time in which it fetched. *Errors*: where there is none. */
export function readPerSecond(text: string): number {
  const fields = (text.trim().split('\n').at(-1) ?? '').split(',').map((field) => field.trim())
  const fetchMegabytesPerSecond = Number(fields[8])
  if (!(fetchMegabytesPerSecond > 0)) throw new Error(`ConsumerPerformance says no MB/sec: ${text.trim()}`)
  return fetchMegabytesPerSecond * mebibyte
}

async function run(
  broker: BenchmarkBroker,
  name: string,
  args: readonly string[],
): Promise<{ text: string; cpuSeconds: number }> {
  const before = cpuSecondsOfEnded()
  const { stdout } = await promisify(execFile)('java', [...broker.java, `${tools}.${name}`, ...args])
  return { text: stdout, cpuSeconds: cpuSecondsOfEnded() - before }
}

/** Processor time of this process and of children that have ended. */
function cpuSecondsOfEnded(): number {
  const { user, system } = process.cpuUsage()
  return parseStat(readFileSync('/proc/self/stat', 'latin1')).cpuSeconds - (user + system) / 1e6
}

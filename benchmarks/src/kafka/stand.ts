// A contender at work between a topic and one of its own: its processes, its group, and what it leaves behind, which is
// removed. Called by passes.ts and the cases that start and end processes themselves.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { OriginalFilterSettings } from '@weir/engine'
import { startOwned } from '../service/processes.ts'
import type { Running } from '../service/processes.ts'
import type { Client } from './client.ts'
import type { Form, KafkaContender } from './contender.ts'

/** What a contender is to do. */
export interface StandTask {
  readonly client: Client
  readonly bootstrap: string
  /** Name of the topic that is read. */
  readonly input: string
  readonly partitions: number
  readonly form: Form
  readonly filters: readonly OriginalFilterSettings[]
  /** Folders of processes lie below it. */
  readonly cache: string
}

/** A contender's place. *Order of calls*: `start()` as often as wanted, `close()`. */
export interface Stand {
  readonly group: string
  /** Name of its topic. */
  readonly output: string
  /** Processes that were started, in that order. */
  readonly running: readonly Running[]
  start(): Running
  /** Offsets that the group has committed, by partition. */
  committed(): Promise<readonly number[]>
  /** *Errors*: where a process has ended, with its last words. */
  checkRunning(): void
  /** What the processes have said last. */
  lastWords(): string
  /** Has all processes end. */
  stop(): Promise<void>
  /** The same, and removes topics and folders. */
  close(): Promise<void>
}

let stands = 0

/** Makes the topics of a contender; nothing runs yet. */
export async function openStand(contender: KafkaContender, task: StandTask): Promise<Stand> {
  const { client, bootstrap, input, partitions, form, filters, cache } = task
  const group = `${contender.id}-${process.pid}-${++stands}`
  const output = `${group}-out`
  // Weir has one besides; the others have no use for it.
  const topics = [output, `${output}-dead-letter`]
  for (const topic of topics) await client.createTopic(topic, partitions)
  const root = mkdtempSync(join(cache, `kafka-${contender.id}-`))
  const running: Running[] = []
  const stop = async () => void (await Promise.all(running.map((each) => each.stop())))
  return {
    ...{ group, output, running, stop },
    start: () => {
      const folder = join(root, String(running.length))
      mkdirSync(folder)
      const started = contender.start({ bootstrap, group, input, output, partitions, form, filters, folder })
      const [program, ...args] = started.command
      const env = { ...process.env, ...started.environment }
      const child = startOwned(program, args, { cwd: folder, env })
      running.push(child)
      return child
    },
    committed: () => client.committedBy(group, input, partitions),
    checkRunning: () => {
      for (const each of running) if (each.ending !== undefined) throw new Error(each.ending)
    },
    lastWords: () => running.map(({ words }) => words).join('\n'),
    close: async () => {
      await stop()
      rmSync(root, { recursive: true })
      await client.deleteTopics(topics)
    },
  }
}

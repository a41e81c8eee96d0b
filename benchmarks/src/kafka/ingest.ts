// Case *ingest*: bodies over HTTP into chunks of a topic, by `weir serve` without rules, as a cluster's first step is set up.
// Nobody stands beside it: no contender here takes bodies and answers when the broker has them. Called by ../kafka.ts.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { weirCommand } from '../inputs.ts'
import { LoadMaker, areAllOk } from '../service/load-protocol.ts'
import { Running, freePort } from '../service/processes.ts'
import { ask } from '../service/servers.ts'
import { cpuSecondsOfTrees, peakBytesOfTrees } from './process-tree.ts'
import { LineCollector } from './raw-topics.ts'
import type { KafkaTask } from './throughput.ts'
import { linesOf } from '../plain-reading.ts'

/** One pass over all bodies. */
export interface IngestSample {
  readonly round: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly loadCpuSeconds: number
}

/** What came of bodies of one encoding. */
export interface IngestResult {
  readonly encoding: 'identity' | 'gzip'
  /** Bytes of records of a pass. */
  readonly bytes: number
  readonly samples: readonly IngestSample[]
  readonly peakBytes: number
  /** Why the topic does not hold what was posted. */
  readonly reason?: string
}

const bodyBytes = 1_000_000
const connections = 4

/** Measures plain bodies and gzip. *Errors*: of the service and the load maker. */
export async function measureIngest(task: KafkaTask): Promise<readonly IngestResult[]> {
  const results: IngestResult[] = []
  for (const encoding of ['identity', 'gzip'] as const) results.push(await measureEncoding(task, encoding))
  return results
}

async function measureEncoding(task: KafkaTask, encoding: IngestResult['encoding']): Promise<IngestResult> {
  const { client, input, options, tell } = task
  const topic = `ingest-${encoding}`
  const folder = mkdtempSync(join(task.cache, 'kafka-ingest-'))
  const load = new LoadMaker()
  const topics = [topic, `${topic}-quarantine`]
  for (const each of topics) await client.createTopic(each, 1)
  const { running, target } = await startIngest(task, folder, topic)
  try {
    await load.run({ kind: 'file', path: input.path, bodyBytes, encoding })
    const samples: IngestSample[] = []
    // One pass before the first that counts.
    for (let round = -1; round < options.samples; round++) {
      tell(`ingest, ${encoding}: ${round < 0 ? 'warming up' : `round ${round + 1} of ${options.samples}`}`)
      const before = cpuSecondsOfTrees([running.pid])
      const { seconds, statuses, cpuSeconds: loadCpuSeconds } = await load.run({ kind: 'closed', target, connections })
      if (!areAllOk(statuses)) throw new Error(`ingest answers ${JSON.stringify(statuses)}`)
      const cpuSeconds = cpuSecondsOfTrees([running.pid]) - before
      if (round >= 0) samples.push({ round, seconds, cpuSeconds, loadCpuSeconds })
    }
    const peakBytes = peakBytesOfTrees([running.pid])
    const reason = await differenceInPasses(task, topic, options.samples + 1)
    return { encoding, bytes: input.bytes, samples, peakBytes, ...(reason === undefined ? {} : { reason }) }
  } finally {
    load.close()
    await running.stop()
    rmSync(folder, { recursive: true })
    await client.deleteTopics(topics)
  }
}

async function startIngest({ bootstrap }: KafkaTask, folder: string, topic: string) {
  const [port, adminPort] = [await freePort(), await freePort()]
  const settings = {
    kafka: { brokers: [bootstrap], replicas: 1 },
    pipelines: {
      ingest: {
        source: { http: { listen: `127.0.0.1:${port}` } },
        routes: { keep: { kafka: { topic } } },
        deadLetter: { kafka: { topic: `${topic}-quarantine` } },
        validation: 'read',
      },
    },
    admin: { listen: `127.0.0.1:${adminPort}` },
    log: { level: 'warn' },
  }
  const path = join(folder, 'weir.json')
  writeFileSync(path, JSON.stringify(settings, undefined, 2))
  const running = new Running(process.execPath, [weirCommand(), 'serve', '--config', path], { cwd: folder })
  await running.ready(async () => (await ask(`http://127.0.0.1:${adminPort}/readyz`)).status === 200)
  return { running, target: { host: '127.0.0.1', port, path: '/ingest' } }
}

/** Returns how a topic differs from one that holds the input so many times, in any order. */
async function differenceInPasses(
  { client, input }: KafkaTask,
  topic: string,
  passes: number,
): Promise<string | undefined> {
  const once = new LineCollector(1, true)
  for await (const line of linesOf(input.path)) once.add(0, line)
  const found = new LineCollector(1, true)
  await client.readAll(topic, ({ value }) => found.addValue(0, value ?? Buffer.alloc(0)))
  const [wanted, held] = [once.end(), found.end()]
  if (held.lines !== passes * wanted.lines) return `holds ${held.lines} records, not ${passes} × ${wanted.lines}`
  const sum = (wanted.sum! * BigInt(passes)) % 2n ** 128n
  return held.sum === sum ? undefined : 'holds the right number of other records'
}

// `npm run bench:kafka`: measures filters between two topics of a real broker, `weir serve` beside others, prints tables and
// writes a result file. Exit codes: 0, also when a target is missed; 1 when an output is wrong, a contender failed, or a
// record is lost or repeated; 2 for wrong flags.

import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from './errors.ts'
import { prepareInput, recordsFor } from './inputs.ts'
import { startBroker } from './kafka/broker.ts'
import type { BenchmarkBroker } from './kafka/broker.ts'
import { Client } from './kafka/client.ts'
import { contenders, faultOf } from './kafka/contenders.ts'
import { measureIngest } from './kafka/ingest.ts'
import { measureLatency } from './kafka/latency.ts'
import { measureLimits } from './kafka/limits.ts'
import { kafkaHelp, parseKafkaOptions } from './kafka/options.ts'
import type { KafkaOptions } from './kafka/options.ts'
import { faultsOf, renderKafka } from './kafka/report.ts'
import type { KafkaResults } from './kafka/report.ts'
import { measureBacklog, measureTakeover } from './kafka/takeover.ts'
import { judgeKafkaTargets } from './kafka/targets.ts'
import { RawTopics, measureProcesses, measureThroughput } from './kafka/throughput.ts'
import type { KafkaTask } from './kafka/throughput.ts'
import { describeMachine, headOf, resultName } from './machine.ts'
import { checkFile, makeFolder } from './places.ts'
import { exitOnSignals, runProgram, tell } from './program.ts'
import { withServing } from './service/serving.ts'
import { renderTargets } from './targets.ts'

const root = dirname(fileURLToPath(new URL('../cases', import.meta.url)))
const inputSeed = 42

async function main(args: readonly string[]): Promise<number> {
  const options = parseKafkaOptions(args)
  if (options === undefined) {
    process.stdout.write(kafkaHelp)
    return 0
  }
  if (process.platform !== 'linux') throw new UsageError('It reads /proc, and so runs on Linux only.')
  const cache = resolve(options.cache ?? join(root, '.cache'))
  checkFile('--json', options.json ?? join(root, 'results', 'DATE-COMMIT-kafka.json'))
  makeFolder('--cache', cache)
  const machine = describeMachine(root)
  const started = { at: new Date().toISOString(), load: os.loadavg() }
  const results = await withServing({ what: 'Kafka', cache, start: startBroker, tell }, (broker) =>
    measureAll(options, cache, broker),
  )
  if (results === undefined) return 0
  const ended = { at: new Date().toISOString(), load: os.loadavg() }
  const targets = judgeKafkaTargets(results)
  process.stdout.write(`${headOf(machine, started.load)}\n\n${renderKafka(results)}\n\n`)
  if (targets.length > 0) process.stdout.write(`${renderTargets(targets)}\n`)
  const path = resolve(options.json ?? join(root, 'results', resultName(machine, started.at, 'kafka')))
  // Where things lie on this machine is nobody's concern.
  const { json: _json, cache: _cache, ...told } = options
  const versions = Object.fromEntries(contenders.map(({ id, tool }) => [id, tool?.find()?.version]))
  const content = { format: 1, model: 'kafka', started, ended, machine, versions, options: told, ...results, targets }
  writeFileSync(path, `${JSON.stringify(content, undefined, 2).replaceAll(join(dirname(root), '/'), '')}\n`)
  tell(`results: ${path}`)
  const faults = faultsOf(results)
  for (const fault of faults) tell(fault)
  return faults.length === 0 ? 0 : 1
}

async function measureAll(options: KafkaOptions, cache: string, broker: BenchmarkBroker): Promise<KafkaResults> {
  const description = { generator: 'ds2' } as const
  const input = prepareInput(cache, description, recordsFor(description, options.bytes), inputSeed)
  const taking = contenders.filter(({ id }) => options.contenders.includes(id))
  for (const each of taking) {
    const missing = faultOf(each)
    if (missing !== undefined) tell(`${each.id} is skipped: ${missing}`)
  }
  const { bootstrap } = broker
  const client = await Client.connect(bootstrap)
  const task: KafkaTask = { client, bootstrap, input, options, contenders: taking, cache, tell }
  const topics = new RawTopics(task)
  const has = (name: KafkaOptions['only'][number]): boolean => options.only.includes(name)
  try {
    return {
      ...(has('throughput') ? { throughput: await measureThroughput(task, topics) } : {}),
      ...(has('processes') ? { processes: await measureProcesses(task, topics, root) } : {}),
      ...(has('ingest') ? { ingest: await measureIngest(task) } : {}),
      ...(has('limits') ? { limits: await measureLimits(task, broker) } : {}),
      ...(has('latency') ? { latency: await measureLatency(task) } : {}),
      ...(has('takeover') ? { takeover: await measureTakeover(task) } : {}),
      ...(has('backlog') ? { backlog: await measureBacklog(task) } : {}),
    }
  } finally {
    await client.close()
  }
}

exitOnSignals()
await runProgram(main)

// `npm run bench:archive`: measures archivers from a topic of a real broker into a bucket of a real store, `weir serve` beside
// one as it is often written, prints tables and writes a result file. Exit codes: 0, also when a target is missed; 1 when a
// bucket is wrong or a contender failed; 2 for wrong flags.

import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { archiveHelp, parseArchiveOptions } from './archive/options.ts'
import type { ArchiveOptions } from './archive/options.ts'
import { faultsOfArchive, filterBytesPerSecond, judgeArchiveTargets, renderArchive } from './archive/report.ts'
import { startStore } from './archive/store.ts'
import { measureArchive } from './archive/throughput.ts'
import type { ArchiveResult } from './archive/throughput.ts'
import { UsageError } from './errors.ts'
import { prepareInput, recordsFor } from './inputs.ts'
import { startBroker } from './kafka/broker.ts'
import { Client } from './kafka/client.ts'
import { describeMachine, headOf, resultName } from './machine.ts'
import { checkFile, makeFolder } from './places.ts'
import { exitOnSignals, runProgram, tell } from './program.ts'
import { withServing } from './service/serving.ts'
import { renderTargets } from './targets.ts'

const root = dirname(fileURLToPath(new URL('../cases', import.meta.url)))
const inputSeed = 42

async function main(args: readonly string[]): Promise<number> {
  const options = parseArchiveOptions(args)
  if (options === undefined) {
    process.stdout.write(archiveHelp)
    return 0
  }
  if (process.platform !== 'linux') throw new UsageError('It reads /proc, and so runs on Linux only.')
  const cache = resolve(options.cache ?? join(root, '.cache'))
  checkFile('--json', options.json ?? join(root, 'results', 'DATE-COMMIT-archive.json'))
  makeFolder('--cache', cache)
  const machine = describeMachine(root)
  const started = { at: new Date().toISOString(), load: os.loadavg() }
  const results = await measureAll(options, cache)
  if (results === undefined) return 0
  const ended = { at: new Date().toISOString(), load: os.loadavg() }
  const targets = judgeArchiveTargets(results)
  process.stdout.write(`${headOf(machine, started.load)}\n\n${renderArchive(results)}\n\n`)
  if (targets.length > 0) process.stdout.write(`${renderTargets(targets)}\n`)
  const path = resolve(options.json ?? join(root, 'results', resultName(machine, started.at, 'archive')))
  // Where things lie on this machine is nobody's concern.
  const { json: _json, cache: _cache, ...told } = options
  const about = { started, ended, machine, options: told, filterBytesPerSecond }
  const content = { format: 1, model: 'archive', ...about, results, targets }
  writeFileSync(path, `${JSON.stringify(content, undefined, 2).replaceAll(join(dirname(root), '/'), '')}\n`)
  tell(`results: ${path}`)
  const faults = faultsOfArchive(results)
  for (const fault of faults) tell(fault)
  return faults.length === 0 ? 0 : 1
}

function measureAll(options: ArchiveOptions, cache: string): Promise<readonly ArchiveResult[] | undefined> {
  const description = { generator: 'ds2' } as const
  return withServing({ what: 'Kafka', cache, start: startBroker, tell }, ({ bootstrap }) =>
    withServing({ what: 'object store', cache, start: startStore, tell }, async (store) => {
      const input = prepareInput(cache, description, recordsFor(description, options.bytes), inputSeed)
      const client = await Client.connect(bootstrap)
      try {
        return await measureArchive({ client, bootstrap, store, input, options, cache, tell })
      } finally {
        await client.close()
      }
    }),
  )
}

exitOnSignals()
await runProgram(main)

// `npm run bench:service`: measures `weir serve` as a whole, from bodies over HTTP to a folder, prints tables and writes a
// result file. Exit codes: 0, also when a target is missed; 1 when an answer is wrong or a record is lost or repeated; 2 for
// wrong flags.

import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadCases } from './cases.ts'
import { UsageError } from './errors.ts'
import { describeMachine, headOf, resultName } from './machine.ts'
import { checkFile, makeFolder } from './places.ts'
import { runProgram, tell } from './program.ts'
import { measureMemory } from './service/memory.ts'
import { parseServiceOptions, serviceHelp } from './service/options.ts'
import type { ServiceOptions } from './service/options.ts'
import { measureOverload, measureSteady } from './service/rated.ts'
import { faultsOf, renderService } from './service/report.ts'
import type { ServiceResults } from './service/report.ts'
import { nginxVersion } from './service/servers.ts'
import { measureThroughput } from './service/throughput.ts'

const root = dirname(fileURLToPath(new URL('../cases', import.meta.url)))
/** The rules of *throughput*. */
const caseName = 'ten-rules'

async function main(args: readonly string[]): Promise<number> {
  const options = parseServiceOptions(args)
  if (options === undefined) {
    process.stdout.write(serviceHelp)
    return 0
  }
  if (process.platform !== 'linux') throw new UsageError('It reads /proc, and so runs on Linux only.')
  const cache = resolve(options.cache ?? join(root, '.cache'))
  checkFile('--json', options.json ?? join(root, 'results', 'DATE-COMMIT-service.json'))
  makeFolder('--cache', cache)
  const machine = describeMachine(root)
  const started = { at: new Date().toISOString(), load: os.loadavg() }
  const results = await measureAll(options, cache)
  const ended = { at: new Date().toISOString(), load: os.loadavg() }
  process.stdout.write(`${headOf(machine, started.load)}\n\n${renderService(results)}\n`)
  const path = resolve(options.json ?? join(root, 'results', resultName(machine, started.at, 'service')))
  const nginx = nginxVersion()
  // Where things lie on this machine is nobody's concern.
  const { json: _json, cache: _cache, ...told } = options
  const content = {
    format: 1,
    model: 'service',
    started,
    ended,
    machine,
    nginx,
    options: { ...told, caseName },
    ...results,
  }
  writeFileSync(path, `${JSON.stringify(content, undefined, 2).replaceAll(join(dirname(root), '/'), '')}\n`)
  tell(`results: ${path}`)
  const faults = faultsOf(results)
  for (const fault of faults) tell(fault)
  return faults.length === 0 ? 0 : 1
}

async function measureAll(options: ServiceOptions, cache: string): Promise<ServiceResults> {
  const { only, seconds, slowConnections } = options
  const benchmarkCase = loadCases(join(root, 'cases')).find(({ name }) => name === caseName)!
  const task = { cache, seconds, slowConnections, tell }
  return {
    ...(only.includes('throughput')
      ? { throughput: await measureThroughput({ case: benchmarkCase, options, cache, tell }) }
      : {}),
    ...(only.includes('steady') ? { steady: await measureSteady(task) } : {}),
    ...(only.includes('overload') ? { overload: await measureOverload(task) } : {}),
    ...(only.includes('memory') ? { memory: await measureMemory(task) } : {}),
  }
}

await runProgram(main)

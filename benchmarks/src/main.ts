// `npm run bench`: prepares inputs, measures every chosen contender in every chosen case, prints one table with the
// targets and the calibration below it, and writes a result file. Exit codes: 0, also when a target is missed; 1 when a
// contender of ours fails or answers wrongly; 2 for wrong flags.

import { mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import v8 from 'node:v8'
import vm from 'node:vm'
import { expectedOf } from './answers.ts'
import { startCalibration } from './calibration.ts'
import type { CalibrationSample } from './calibration.ts'
import { casePath, loadCases } from './cases.ts'
import type { BenchmarkCase } from './cases.ts'
import type { Contender, Task } from './contender.ts'
import { canMeasureMemory } from './contenders/command-line.ts'
import { prepareInput, recordsFor } from './inputs.ts'
import type { Input } from './inputs.ts'
import { describeMachine } from './machine.ts'
import type { Machine } from './machine.ts'
import { measure } from './measure.ts'
import type { MeasureOptions, Result } from './measure.ts'
import { commandContenders } from './models/command.ts'
import { inProcessContenders } from './models/in-process.ts'
import { choose, help, parseOptions } from './options.ts'
import type { Options } from './options.ts'
import { runProgram, tell } from './program.ts'
import { createRandom } from './schedule.ts'
import { summarize } from './statistics.ts'
import { digits, renderResults, withSpread } from './table.ts'
import { judgeTargets, renderTargets } from './targets.ts'

const casesFolder = fileURLToPath(new URL('../cases', import.meta.url))
const root = dirname(casesFolder)
/** Every generated input has this seed; the committed answers that tests check have others. */
const inputSeed = 42
const slow = { slowSeconds: 10, slowSamples: 3 }

interface CalibrationResult {
  readonly case: string
  readonly how: string
  readonly samples: readonly CalibrationSample[]
}

interface Measured {
  readonly results: readonly Result[]
  readonly calibrations: readonly CalibrationResult[]
}

function keysOf({ id, model }: Contender): string[] {
  return [id, model]
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args)
  if (options === undefined) {
    process.stdout.write(help)
    return 0
  }
  const contenders = choose('--only', options.only, [...inProcessContenders, ...commandContenders], keysOf)
  const cases = choose('--case', options.cases, loadCases(casesFolder), ({ name }) => [name])
  const cache = resolve(options.cache ?? join(root, '.cache'))
  mkdirSync(cache, { recursive: true })
  const machine = describeMachine(root)
  const started = { at: new Date().toISOString(), load: os.loadavg() }
  const measured = await measureCases(cases, contenders, options, cache)
  const targets = judgeTargets(measured.results)
  process.stdout.write(report(machine, started.load, measured, renderTargets(targets)))
  const ended = { at: new Date().toISOString(), load: os.loadavg() }
  const path = resolve(options.json ?? join(root, 'results', defaultName(machine, started.at, options)))
  mkdirSync(dirname(path), { recursive: true })
  const content = {
    format: 1,
    started,
    ended,
    machine,
    options: { ...options, inputSeed, ...slow },
    ...measured,
    targets,
  }
  writeFileSync(path, `${withoutPlaces(JSON.stringify(content, undefined, 2))}\n`)
  tell(`results: ${path}`)
  const isWrong = measured.results.some(
    ({ status, label }) => status !== 'measured' && status !== 'skipped' && /weir/i.test(label),
  )
  return isWrong ? 1 : 0
}

async function measureCases(
  cases: readonly BenchmarkCase[],
  contenders: readonly Contender[],
  options: Options,
  cache: string,
): Promise<Measured> {
  v8.setFlagsFromString('--expose-gc')
  const base = { ...slow, samples: options.samples, random: createRandom(options.seed), tell }
  const measureOptions: MeasureOptions = { ...base, collect: vm.runInNewContext('gc') as () => void }
  const results: Result[] = []
  const calibrations: CalibrationResult[] = []
  for (const benchmarkCase of cases) {
    const task = (bytes: number): Promise<Task> => prepareTask(benchmarkCase, bytes, cache)
    const ofCommand = contenders.filter(({ model }) => model === 'command')
    const inProcess = contenders.filter(({ model }) => model !== 'command')
    const hasThreads = contenders.some(({ threads }) => threads > 1)
    const input = prepareCaseInput(benchmarkCase, options.inProcessBytes, cache).path
    const calibration = hasThreads
      ? await startCalibration(casePath(casesFolder, benchmarkCase.name), input)
      : undefined
    try {
      const eachRound = calibration === undefined ? {} : { eachRound: (round: number) => calibration.take(round) }
      const all = { ...measureOptions, ...eachRound }
      if (inProcess.length > 0) results.push(...(await measure(inProcess, await task(options.inProcessBytes), all)))
      if (ofCommand.length > 0) results.push(...(await measure(ofCommand, await task(options.bytes), all)))
    } finally {
      calibration?.close()
    }
    if (calibration !== undefined) {
      calibrations.push({ case: benchmarkCase.name, how: calibration.how, samples: calibration.samples })
    }
  }
  return { results, calibrations }
}

async function prepareTask(benchmarkCase: BenchmarkCase, bytes: number, cache: string): Promise<Task> {
  tell(`${benchmarkCase.name}: preparing ${digits(bytes / 1e6)} MB of records, and what must come out of them`)
  const input = prepareCaseInput(benchmarkCase, bytes, cache)
  return { case: benchmarkCase, input, expected: await expectedOf(benchmarkCase, input, cache), folder: cache }
}

function prepareCaseInput({ input }: BenchmarkCase, bytes: number, cache: string): Input {
  return prepareInput(cache, input, recordsFor(input, bytes), inputSeed)
}

function report(machine: Machine, load: readonly number[], measured: Measured, targets: string): string {
  const { processor, processors, system, node, commit = 'no commit', isModified, tools } = machine
  const state = `${commit.slice(0, 12)}${isModified ? ' with changes' : ''}`
  const peers = Object.entries(tools).map(([name, version]) => version ?? `no ${name}`)
  return `${[
    `${processor}, ${processors} processors, ${system}, Node ${node}, commit ${state}, load ${load[0]!.toFixed(2)}`,
    peers.join(', '),
    '',
    renderResults(measured.results),
    '',
    'Median (least–most). Baseline: JSON.parse + RegExp for the kernel, one thread for the engine, jq for commands; × rg is',
    'beside as many rg. Ratios are taken round by round. MB is 1,000,000 bytes.',
    ...(canMeasureMemory() ? [] : ['CPU and peak memory need GNU time (Debian: apt-get install time).']),
    '',
    ...measured.calibrations.map(renderCalibration),
    '',
    targets,
  ].join('\n')}\n`
}

/** Takes out where this checkout and this Node lie: a result file is read on other machines. */
function withoutPlaces(text: string): string {
  return text.replaceAll(join(dirname(root), '/'), '').replaceAll(process.execPath, 'node')
}

function renderCalibration({ case: name, how, samples }: CalibrationResult): string {
  if (samples.length === 0) return `Scaling calibration, ${name}: ${how}.`
  const factor = withSpread(summarize(samples.map(({ one, two }) => two / one)))
  const one = digits(summarize(samples.map((each) => each.one)).median / 1e6)
  return `Scaling calibration, ${name}: two loops do ${factor} × the work of one (${one} MB/s): ${how}.`
}

function defaultName(machine: Machine, at: string, options: Options): string {
  const parts = [at.slice(0, 10), machine.commit?.slice(0, 12) ?? 'no-commit']
  if (machine.isModified) parts.push('changed')
  if (options.isQuick) parts.push('quick')
  return `${parts.join('-')}.json`
}

await runProgram(main)

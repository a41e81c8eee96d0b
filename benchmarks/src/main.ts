// `npm run bench`: measures every chosen contender in every chosen case, prints the tables with the targets and the
// calibration below them, and writes a result file. Stopped, it says how to go on. Exit codes: 0, also when a target is
// missed; 1 when a contender of ours fails or answers wrongly; 2 for wrong flags; 128 and more when a signal ended it.

import { rmSync } from 'node:fs'
import os from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import v8 from 'node:v8'
import vm from 'node:vm'
import { expectedOf } from './answers.ts'
import { startCalibration } from './calibration.ts'
import { renderCalibration } from './calibration-report.ts'
import { casePath, loadCases, withRulesSeed } from './cases.ts'
import type { BenchmarkCase } from './cases.ts'
import type { Contender, Model, Task } from './contender.ts'
import { canMeasureMemory } from './contenders/command-line.ts'
import { endLaunched } from './contenders/launcher.ts'
import { UsageError } from './errors.ts'
import { prepareInput, recordsFor } from './inputs.ts'
import type { Input } from './inputs.ts'
import { abortOnSignals, Interruption } from './interruption.ts'
import { Journal, journalPath, latestJournal, refuseOthers } from './journal.ts'
import type { JournalHead } from './journal.ts'
import { describeMachine } from './machine.ts'
import type { Machine } from './machine.ts'
import { measure } from './measure.ts'
import type { MeasureOptions } from './measure.ts'
import { commandContenders } from './models/command.ts'
import { compileContenders } from './models/compile.ts'
import { inProcessContenders } from './models/in-process.ts'
import { startContenders } from './models/start.ts'
import { choose, help, parseOptions } from './options.ts'
import type { Options, RunOptions } from './options.ts'
import { checkFile, makeFolder } from './places.ts'
import { planUnits } from './plan.ts'
import type { Unit } from './plan.ts'
import { runProgram, tell } from './program.ts'
import { writeResultFile } from './result-file.ts'
import type { ResultFile } from './result-file.ts'
import type { CalibrationResult, Result } from './result.ts'
import { digits, renderResults } from './table.ts'
import { judgeTargets, renderTargets } from './targets.ts'

const casesFolder = fileURLToPath(new URL('../cases', import.meta.url))
const root = dirname(casesFolder)
/** Every generated input has this seed; the committed answers that tests check have others. */
const inputSeed = 42
const slow = { slowSeconds: 10, slowSamples: 3 }
/** Starting takes a tenth of a second, and varies by as much as the difference that is asked for. */
const startSamples = 15
/** Records that compiled rules are tried on, and the one that starting reads. */
const fewBytes = { compile: 1_000_000, start: 1000 }

const allContenders = [...compileContenders, ...inProcessContenders, ...commandContenders, ...startContenders]

function keysOf({ id, model }: Contender): string[] {
  return [id, model]
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args)
  if (options === undefined) {
    process.stdout.write(help)
    return 0
  }
  const cache = resolve(options.cache ?? join(root, '.cache'))
  const { journal, units } = begin(args, options, cache)
  try {
    const results = await measureUnits(units, journal, cache, abortOnSignals())
    return finish(journal, units, results, options, cache)
  } catch (error) {
    await endLaunched()
    const isStopped = error instanceof Interruption
    tell(`${isStopped ? error.message : 'The run has failed'}. What was measured is kept. To go on:`)
    const where = options.cache === undefined ? '' : ` --cache ${options.cache}`
    tell(`npm run bench -- --resume ${relative(process.cwd(), journal.path)}${where}`)
    if (!isStopped) throw error
    // Workers of the engine and loops of the calibration would go on.
    process.exit(error.exitCode)
  }
}

/** Begins a journal, or goes on with one, and plans the run. Errors: UsageError about a flag, or about what differs. */
function begin(args: readonly string[], options: Options, cache: string): { journal: Journal; units: Unit[] } {
  const folder = join(cache, 'journals')
  const machine = describeMachine(root)
  const head = (run: RunOptions): JournalHead => ({ kind: 'head', format: 1, machine, options: run })
  if (options.resume === undefined) {
    const units = unitsOf(options.run)
    checkPlaces(options, cache)
    const at = new Date().toISOString()
    const journal = Journal.create(journalPath(folder, at), head(options.run))
    journal.add({ kind: 'beginning', at, load: os.loadavg() })
    return { journal, units }
  }
  const path = options.resume.path === undefined ? latestJournal(folder) : resolve(options.resume.path)
  const journal = Journal.open(path)
  refuseOthers(path, journal.head, head(parseOptions(args, journal.head.options)!.run))
  checkPlaces(options, cache)
  journal.add({ kind: 'beginning', at: new Date().toISOString(), load: os.loadavg() })
  tell(`going on with ${relative(process.cwd(), path)}`)
  return { journal, units: unitsOf(journal.head.options) }
}

/** Sees that there is room for what a run makes, before it begins. Errors: UsageError that names the flag. */
function checkPlaces({ json }: Options, cache: string): void {
  checkFile('--json', json ?? join(root, 'results', 'DATE-COMMIT.json'))
  makeFolder('--cache', cache)
}

function unitsOf(run: RunOptions): Unit[] {
  const contenders = choose('--only', run.only, allContenders, keysOf)
  const cases = choose('--case', run.cases, loadCases(casesFolder), ({ name }) => [name])
  return planUnits(withSeed(cases, run.rulesSeed), contenders, run)
}

/** Returns the cases with generated rules of another seed. Errors: UsageError where none has generated rules. */
function withSeed(cases: readonly BenchmarkCase[], seed: number | undefined): readonly BenchmarkCase[] {
  if (seed === undefined) return cases
  if (!cases.some(({ rulesFrom }) => rulesFrom !== undefined && 'generator' in rulesFrom)) {
    throw new UsageError(
      '--rules-seed is for generated rules, and none of these cases has any; try --case generated-100.',
    )
  }
  return cases.map((each) => withRulesSeed(each, seed))
}

async function measureUnits(
  units: readonly Unit[],
  journal: Journal,
  cache: string,
  signal: AbortSignal,
): Promise<Result[]> {
  v8.setFlagsFromString('--expose-gc')
  const { samples, seed, isQuick } = journal.head.options
  const options: MeasureOptions = {
    ...slow,
    startSamples,
    samples,
    seed,
    journal,
    signal,
    tell,
    turnMs: isQuick ? 100 : 250,
    collect: vm.runInNewContext('gc') as () => void,
  }
  const results: Result[] = []
  for (const unit of units) results.push(...(await measureUnit(unit, options, cache)))
  return results
}

async function measureUnit(unit: Unit, options: MeasureOptions, cache: string): Promise<readonly Result[]> {
  const { journal } = options
  const tasks = new Map<string, Promise<Task>>()
  const participants = unit.pairs.map(({ case: each, contender }) => {
    const bytes = inputBytes(each, contender.model, journal.head.options)
    const prepare = (): Promise<Task> => prepareTask(each, bytes, cache)
    return {
      contender,
      caseName: each.name,
      task: () => tasks.get(`${each.name} ${bytes}`) ?? remember(tasks, `${each.name} ${bytes}`, prepare()),
    }
  })
  const hasThreads = unit.pairs.some(({ contender: { threads } }) => threads > 1)
  if (!hasThreads || journal.unit(unit.name).isDone) return measure(unit.name, participants, options)
  const first = unit.cases[0]!
  const input = prepareCaseInput(first, journal.head.options.inProcessBytes, cache).path
  const calibration = await startCalibration(casePath(casesFolder, first.name), input)
  try {
    return await measure(unit.name, participants, { ...options, calibrate: calibration })
  } finally {
    calibration.close()
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): T {
  map.set(key, value)
  return value
}

/** Files of records that a case has for itself are smaller: there are many, and each has its copies in halves. */
const ownShare = 1 / 4

function inputBytes({ input }: BenchmarkCase, model: Model, { bytes, inProcessBytes }: RunOptions): number {
  if (model === 'compile' || model === 'start') return fewBytes[model]
  if (model !== 'command') return inProcessBytes
  return input.generator === 'ds2' ? bytes : Math.round(bytes * ownShare)
}

async function prepareTask(benchmarkCase: BenchmarkCase, bytes: number, cache: string): Promise<Task> {
  tell(`${benchmarkCase.name}: preparing ${digits(bytes / 1e6)} MB of records, and what must come out of them`)
  const input = prepareCaseInput(benchmarkCase, bytes, cache)
  return { case: benchmarkCase, input, expected: await expectedOf(benchmarkCase, input, cache), folder: cache }
}

function prepareCaseInput({ input }: BenchmarkCase, bytes: number, cache: string): Input {
  return prepareInput(cache, input, recordsFor(input, bytes), inputSeed)
}

/** Prints what was found, writes it down, and takes the journal away: the result file has all of it. */
function finish(
  journal: Journal,
  units: readonly Unit[],
  results: readonly Result[],
  options: Options,
  cache: string,
): number {
  const { machine, options: run } = journal.head
  const [first, ...resumed] = journal.beginnings().map(({ at, load }) => ({ at, load }))
  const calibrations = units.flatMap(({ name }): CalibrationResult[] => {
    const { calibration } = journal.unit(name)
    return calibration === undefined ? [] : [{ case: name, ...calibration }]
  })
  const content: ResultFile = {
    format: 2,
    started: first!,
    ended: { at: new Date().toISOString(), load: os.loadavg() },
    ...(resumed.length === 0 ? {} : { resumed }),
    machine,
    options: { ...run, inputSeed, ...slow, startSamples },
    results,
    calibrations,
    targets: judgeTargets(results),
  }
  process.stdout.write(report(content))
  const path = resolve(options.json ?? join(root, 'results', resultName(machine, first!.at, run)))
  writeResultFile(path, content, [
    [join(dirname(root), '/'), ''],
    [cache, 'CACHE'],
    [process.execPath, 'node'],
  ])
  rmSync(journal.path)
  tell(`results: ${path}`)
  const isWrong = results.some(
    ({ status, label }) => status !== 'measured' && status !== 'skipped' && /weir/i.test(label),
  )
  return isWrong ? 1 : 0
}

function report({ machine, started, results, calibrations, targets }: ResultFile): string {
  const { processor, processors, system, node, commit = 'no commit', isModified, tools } = machine
  const state = `${commit.slice(0, 12)}${isModified ? ' with changes' : ''}`
  const peers = Object.entries(tools).map(([name, version]) => version ?? `no ${name}`)
  return `${[
    `${processor}, ${processors} processors, ${system}, Node ${node}, commit ${state}, load ${started.load[0]!.toFixed(2)}`,
    peers.join(', '),
    '',
    renderResults(results),
    '',
    'Median (least–most). Baseline: JSON.parse + RegExp for the kernel, one thread for the engine, jq for commands; × rg is',
    'beside as many rg. Ratios are taken round by round. MB is 1,000,000 bytes.',
    ...(canMeasureMemory() ? [] : ['CPU and peak memory need GNU time (Debian: apt-get install time).']),
    '',
    ...calibrations.map(renderCalibration),
    '',
    renderTargets(targets),
  ].join('\n')}\n`
}

function resultName(machine: Machine, at: string, run: RunOptions): string {
  const parts = [at.slice(0, 10), machine.commit?.slice(0, 12) ?? 'no-commit']
  if (machine.isModified) parts.push('changed')
  if (run.isQuick) parts.push('quick')
  return `${parts.join('-')}.json`
}

await runProgram(main)

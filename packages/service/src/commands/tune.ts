// `weir tune`: which setting this rule set runs best with on this machine, and what its rules cost. Checks the command
// line, puts the parts of ../tuning together in order, and has the result told; the words are in tune-report.ts.

import { availableParallelism, constants, cpus } from 'node:os'
import path from 'node:path'

import { compileRules, prepareRules } from '@weir/engine'
import type { PreparedRules, RuleSet, RuleSource, Validation } from '@weir/engine'
import { Command } from 'commander'

import { Random } from '../generators/random.ts'
import { leastAdviceRecords, proposalsFor } from '../tuning/advice.ts'
import { tryProposals } from '../tuning/advice-trials.ts'
import { calibrate } from '../tuning/calibration.ts'
import type { Calibration, NoCalibration } from '../tuning/calibration.ts'
import { choose, figuresOf, speedRatioOf } from '../tuning/choice.ts'
import type { Figures } from '../tuning/choice.ts'
import { countSample } from '../tuning/counts.ts'
import type { SampleCounts } from '../tuning/counts.ts'
import { measurePoint } from '../tuning/measure.ts'
import type { Workload } from '../tuning/measure.ts'
import { expectedBytes, gridOf } from '../tuning/points.ts'
import type { Point } from '../tuning/points.ts'
import { race } from '../tuning/race.ts'
import type { Progress } from '../tuning/race.ts'
import { trialInput } from '../tuning/kernel-trials.ts'
import { batchesFor, costsOf } from '../tuning/rule-costs.ts'
import { withFullPaths } from '../tuning/rule-sets.ts'
import { readSample, sliceOf, workFile, workOf } from '../tuning/sample.ts'
import type { Sample, Work } from '../tuning/sample.ts'
import type { CommandContext } from './context.ts'
import { readRules } from './named-files.ts'
import { isClosedPipe, issueLine, reportError } from './report.ts'
import { addTuneOptions, checkTuneOptions, nothingLeft } from './tune-options.ts'
import type { TuneOptions } from './tune-options.ts'
import { checkOutputs, writeImage } from './tune-outputs.ts'
import { tuneLines, tuneObject } from './tune-report.ts'
import type { LeftOut, Measured, RulesResult, SettingsResult, TuneResult } from './tune-report.ts'
import { findTarget, writeSettings } from './tune-settings.ts'
import type { SettingsTarget } from './tune-settings.ts'
import { chartSvg } from './tune-svg.ts'

/** Returns the command, to be added to the program. */
export function tuneCommand(context: CommandContext): Command {
  const command = new Command('tune')
    .description('measure which setting a rule set runs best with, and what its rules cost')
    .action((options: TuneOptions) => tune(context, options))
  return addTuneOptions(command)
}

async function tune(context: CommandContext, options: TuneOptions): Promise<void> {
  try {
    checkTuneOptions(options)
    await new TuneRun(context, options).run()
  } catch (error) {
    if (isClosedPipe(error)) throw error
    reportError(context, error, { isJson: options.json ?? false, rulesFile: options.rules })
  }
}

/** Each measurement of a setting repeats its work for so long. */
const sampleMs = 400
/** A pass over the work takes about so long on one thread, if it may be that long or that short. */
const passMs = 250
const leastWorkBytes = 8 << 20
const mostWorkBytes = 256 << 20
/** A sample is repeated up to here at most: more of the same tells nothing more. */
const mostRepeatedBytes = 64 << 20
/** What the calibration loops over, and what rules are measured on by the portable kernel. */
const sliceBytes = 8 << 20
/** What rules are measured on by the native kernel: records enough that it forgets the first ones before they come again. */
const rulesBytes = 48 << 20
/** Times that may be spent on each rule by itself, on all of their costs, and on advice. */
const aloneMs = 4_000
const costsMs = 12_000
const adviceMs = 12_000
const standardColumns = 80

/** Everything about the rules that measuring needs. */
interface Rules {
  /** As the engine takes them: what came from a pipe can be read no second time. */
  readonly source: RuleSource
  readonly prepared: PreparedRules
  readonly ruleSet: RuleSet
  readonly version: string
  readonly dialect: 'weir' | 'original'
  readonly routes: readonly string[]
  readonly warnings: TuneResult['ruleSet']['warnings']
}

/** One run of the command, from checked options to the report. */
class TuneRun {
  private readonly context: CommandContext
  private readonly options: TuneOptions
  private readonly abort = new AbortController()

  constructor(context: CommandContext, options: TuneOptions) {
    this.context = context
    this.options = options
    // Also where an error ends the command.
    context.interrupts.add(() => this.status(undefined))
  }

  async run(): Promise<void> {
    const { options, context } = this
    await checkOutputs(options, context.interrupts)
    const rules = await this.readRules()
    const target = options.write === undefined ? undefined : await this.findTarget(options.write, rules)
    const sample = await readSample(options.sample)
    this.status('counting the sample')
    const counts = await countSample(sample, rules.prepared, options.kernel)
    // From here on a signal ends the measuring and not the command.
    context.onTermination((signal) => {
      context.exitWith(128 + constants.signals[signal])
      this.abort.abort(new Error(`ended by ${signal}`))
    })
    const work = workOf(sample, workBytes(sample, counts))
    const validations = options.validation ?? [target?.validation ?? 'kept']
    const settings =
      options.only === 'rules' ? undefined : await this.measureSettings(rules, { sample, counts, work, validations })
    const ruled =
      options.only === 'settings' || this.isOver ? undefined : await this.measureRules(rules, sample, counts)
    this.status(undefined)
    const result = this.resultOf({ rules, sample, counts, work, settings, ruled })
    await this.conclude(target, result)
  }

  /** Writes what is to be written, and tells the result in any case: to measure it again would take minutes. */
  private async conclude(target: SettingsTarget | undefined, result: Omit<TuneResult, 'written'>): Promise<void> {
    const failures: unknown[] = []
    const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work()
      } catch (error) {
        failures.push(error)
        return undefined
      }
    }
    const written = await attempt(() => this.write(target, result))
    await attempt(() => this.draw(result))
    await this.report({ ...result, written })
    if (failures.length > 0) throw failures[0]
  }

  private get isOver(): boolean {
    return this.abort.signal.aborted
  }

  /** Finds what `--write` changes, and tries the change, before time is spent on measuring. */
  private findTarget(file: string, { routes }: Rules): Promise<SettingsTarget> {
    const { pipeline, rules, validation } = this.options
    const created = { rules, routes: routes.filter((route) => route !== 'malformed') }
    return findTarget(file, { pipeline, created, validation: validation?.[0] })
  }

  private async readRules(): Promise<Rules> {
    const { rules: file, json } = this.options
    // The portable kernel: nothing is evaluated here.
    const source = await readRules(file)
    const compiled = compileRules(source, { kernel: 'portable' })
    const { warnings, version, dialect, routes } = compiled
    if (json !== true) for (const issue of warnings) this.context.log(`warning: ${issueLine(file, issue)}`)
    const ruleSet = withFullPaths(compiled.ruleSet, path.dirname(path.resolve(file)))
    compiled.release()
    return { source, prepared: await prepareRules(source), ruleSet, version, dialect, routes, warnings }
  }

  private async measureSettings(
    rules: Rules,
    { sample, counts, work, validations }: Measuring,
  ): Promise<SettingsResult> {
    const { options, context } = this
    const { points, leftOut } = this.pointsFor(work, validations)
    const workload = await openWorkload(options.for, work)
    try {
      const calibration = await this.calibrate(points, rules, sample, counts)
      const endMs = performance.now() + options.within
      const random = new Random(1)
      const { runners, rounds, ending } = await race({
        points,
        random: (end) => random.below(end),
        hasTime: () => performance.now() < endMs,
        targetLatencyMs: options.targetLatency,
        isExhaustive: options.exhaustive ?? false,
        onProgress: (progress) => this.status(progressText(progress)),
        measure: (point) =>
          measurePoint(point, workload, {
            ...{ rules: rules.prepared, kernel: options.kernel, sampleMs, signal: this.abort.signal },
            onHung: () => context.endByForce(),
          }),
      })
      const choice = choose(runners, options.targetLatency)
      const measured = runners
        .filter(({ speeds }) => speeds.size > 0)
        .map((runner): Measured => ({
          ...figuresOf(runner),
          ...{ rounds: runner.speeds.size, out: runner.out?.reason },
          ratio: choice === undefined ? undefined : speedRatioOf(runner, choice.point, runners),
        }))
      return { calibration, measured, leftOut, rounds, ending, choice }
    } finally {
      if (workload.purpose === 'filter') await workload.file.close()
    }
  }

  private async calibrate(
    points: readonly Point[],
    { source }: Rules,
    sample: Sample,
    { kernel }: SampleCounts,
  ): Promise<Calibration | NoCalibration> {
    if (points.every(({ threads }) => threads === 1)) return { reason: 'no setting has more than one thread' }
    this.status('calibrating')
    const input = { rules: source, kernel: kernel.name, bytes: sliceOf(sample, sliceBytes) }
    return calibrate(input, this.abort.signal)
  }

  /** *Errors*: `ERR_CONFIG_OPTION` where nothing is left to measure. */
  private pointsFor(work: Work, validations: readonly Validation[]): { points: Point[]; leftOut: LeftOut[] } {
    const { threads, batchBytes, maxMemory } = this.options
    const lists = { ...(threads === undefined ? {} : { threads }), ...(batchBytes === undefined ? {} : { batchBytes }) }
    const points: Point[] = []
    const leftOut: LeftOut[] = []
    for (const point of gridOf(this.options.for, { ...lists, validations })) {
      const expected = expectedBytes(point)
      const isTooLarge = maxMemory !== undefined && expected > maxMemory
      const why = isTooLarge ? 'memory' : point.threads * point.batchBytes > work.bytes ? 'work' : undefined
      if (why === undefined) points.push(point)
      else leftOut.push({ point, why, expectedBytes: expected })
    }
    if (points.length > 0) return { points, leftOut }
    throw nothingLeft(leftOut, work.bytes, maxMemory)
  }

  private async measureRules(rules: Rules, sample: Sample, counts: SampleCounts): Promise<RulesResult> {
    const { ruleSet, dialect } = rules
    const { kernel, bytesPerSecond } = counts
    const bytes = sliceOf(sample, kernel.name === 'native' ? rulesBytes : sliceBytes)
    const input = trialInput(kernel.name, bytes, bytesPerSecond)
    const timeFor = (ms: number) => {
      const endMs = performance.now() + ms
      return { isLeft: () => !this.isOver && performance.now() < endMs }
    }
    this.status('measuring rules')
    const batches = batchesFor(ruleSet.rules.length, aloneMs)
    const costs = await costsOf(ruleSet, counts.counts, { input, batches, time: timeFor(costsMs) })
    this.status('trying changes of rules')
    // Of the original's filters there is no other way to write them.
    const hasAdvice = dialect !== 'original' && counts.counts.records >= leastAdviceRecords
    const proposals = !hasAdvice ? [] : proposalsFor(ruleSet, counts.counts.byRule, counts.counts.records)
    const dearest = costs.rules.toSorted((a, b) => (b.aloneNs ?? 0) - (a.aloneNs ?? 0)).map(({ id }) => id)
    const advice = await tryProposals(ruleSet, proposals, dearest, input, timeFor(adviceMs))
    return { costs, advice, fields: counts.fields, bytes: bytes.length, dialect }
  }

  private resultOf({ rules, sample, counts, work, settings, ruled }: Found): Omit<TuneResult, 'written'> {
    const { options } = this
    const { records, kept, malformed } = counts.counts
    return {
      purpose: options.for,
      machine: {
        processors: availableParallelism(),
        model: cpus()[0]?.model.trim() ?? 'of unknown make',
        node: process.versions.node,
      },
      kernel: counts.kernel,
      ruleSet: { file: options.rules, version: rules.version, warnings: rules.warnings },
      sample: {
        name: sample.name,
        bytes: sample.bytes,
        isCut: sample.isCut,
        workBytes: work.bytes,
        repeats: work.repeats,
        countedBytes: counts.bytes,
        records,
        kept,
        malformed,
      },
      targetLatencyMs: options.targetLatency,
      maxMemoryBytes: options.maxMemory,
      settings,
      rules: ruled,
      isInterrupted: this.isOver,
    }
  }

  private async write(
    target: SettingsTarget | undefined,
    { settings }: Omit<TuneResult, 'written'>,
  ): Promise<TuneResult['written']> {
    const { context, options } = this
    if (target === undefined) return undefined
    const choice = settings?.choice
    if (this.isOver || choice === undefined) {
      context.log(`weir: ${target.file} was not changed: the measuring did not come to its end.`)
      return undefined
    }
    if (!target.hasRules) {
      context.log(
        `weir: the rules of the pipeline ${target.pipeline} are others than ${options.rules}, which were measured.`,
      )
    }
    return writeSettings(target, choice.point)
  }

  private async draw({ settings, sample }: Omit<TuneResult, 'written'>): Promise<void> {
    const { svg, rules } = this.options
    if (svg === undefined || settings === undefined || settings.measured.length === 0) return
    const isChosen = (figures: Figures) => figures.point === settings.choice?.point
    const title = `weir tune: ${path.basename(rules)} on ${path.basename(sample.name)}`
    await writeImage(svg, chartSvg(settings.measured, { title, isChosen }), this.context.interrupts)
  }

  private async report(result: TuneResult): Promise<void> {
    const { context, options } = this
    const columns = context.outputColumns ?? standardColumns
    const text = options.json === true ? JSON.stringify(tuneObject(result)) : tuneLines(result, columns).join('\n')
    await context.print(`${text}\n`)
  }

  /** Shows what is being done in a line of a terminal, over the line before; nothing clears it. */
  private status(text: string | undefined): void {
    if (!this.context.isErrorTerminal) return
    const { errorStream } = this.context
    errorStream.write(`\r\u001b[K${text ?? ''}`.slice(0, errorStream.columns))
  }
}

/** What settings are measured on. */
interface Measuring {
  readonly sample: Sample
  readonly counts: SampleCounts
  readonly work: Work
  readonly validations: readonly Validation[]
}

/** What a run has found out. */
interface Found extends Omit<Measuring, 'validations'> {
  readonly rules: Rules
  readonly settings: SettingsResult | undefined
  readonly ruled: RulesResult | undefined
}

function workBytes(sample: Sample, { bytesPerSecond }: SampleCounts): number {
  const most = Math.min(mostWorkBytes, Math.max(sample.bytes, mostRepeatedBytes))
  return Math.round(Math.min(most, Math.max(leastWorkBytes, bytesPerSecond * (passMs / 1000))))
}

async function openWorkload(purpose: TuneOptions['for'], work: Work): Promise<Workload> {
  if (purpose === 'kafka') return { purpose, bytes: Buffer.concat(work.chunks) }
  return { purpose, file: await workFile(work), bytes: work.bytes }
}

function progressText({ round, measured, left, point }: Progress): string {
  return `round ${round}: ${measured + 1} of ${left} settings, ${point.threads} x ${point.batchBytes}`
}

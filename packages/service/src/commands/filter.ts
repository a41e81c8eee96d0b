// `weir filter`: files and standard input through a rule set, to files and standard output. Checks the command line,
// puts sources, engine and sinks together, and reports; the way of the records is in ../pipeline.

import { createEngine, limits } from '@weir/engine'
import type { Engine, EngineOptions, KernelChoice, RuleSource, Validation } from '@weir/engine'
import { Command, Option } from 'commander'

import { formatSize } from '../config/quantities.ts'
import { ConfigError, ConnectorError } from '../errors.ts'
import { visibleLine } from '../log.ts'
import { runLines } from '../pipeline/lines.ts'
import { runSource } from '../pipeline/pipeline.ts'
import type { PipelineResult } from '../pipeline/feed.ts'
import { Router } from '../pipeline/router.ts'
import { fileSource, inputName, stdinPath } from '../sources/file.ts'
import type { CommandContext } from './context.ts'
import { exitCode } from './context.ts'
import { addInputOptions, checkInputOptions } from './input-options.ts'
import type { InputOptions } from './input-options.ts'
import { hintFor } from './hint.ts'
import { readRules } from './named-files.ts'
import { parseBytes, parseFileName, parseInteger, parseRulesName, refuseRepeatedValues } from './option-values.ts'
import type { Range } from './option-values.ts'
import { openSinks, parseRouteOption, planOutputs, refuseInputsAsOutputs } from './outputs.ts'
import type { NamedOutput, OutputOptions, PlannedOutput } from './outputs.ts'
import { noProgress, startProgress, storedBytes } from './progress.ts'
import type { Progress } from './progress.ts'
import { isClosedPipe, issueLine, reportError, writeJson } from './report.ts'
import { summaryLines, summaryObject, Tally } from './summary.ts'

/** The options as commander gives them: a flag that is not given has no value. */
type GivenOptions = Omit<FilterOptions, 'count' | 'json' | 'route' | 'verbose'> &
  Partial<Pick<FilterOptions, 'count' | 'json' | 'route' | 'verbose'>>

interface FilterOptions extends OutputOptions, InputOptions {
  readonly rules: string
  readonly threads?: number
  readonly batchBytes?: number
  readonly maxRecordBytes?: number
  readonly kernel: KernelChoice
  readonly validation?: Validation
  readonly json: boolean
  readonly verbose: boolean
  readonly progress: boolean
}

const examples = `
Examples:
  weir filter --rules rules.yaml access.ndjson > kept.ndjson
  gzip -dc access.ndjson.gz | weir filter --rules rules.yaml --count
  weir filter --rules rules.yaml --parse combined access.log > kept.log
  weir filter --rules rules.yaml --route slow=slow.ndjson --malformed bad.ndjson -o kept.ndjson a.ndjson b.ndjson.gz

Exit codes: 0 success, also when nothing is kept or records are malformed; 1 a fault, as an input that cannot be
read (the others are still done); 2 wrong options or rules; 128 and the signal's number after a signal.`

/** Returns the command, to be added to the program. */
export function filterCommand(context: CommandContext): Command {
  const collectNames = (text: string, before: readonly string[] = []) => [...before, parseFileName(text)]
  const collect = (text: string, before: readonly NamedOutput[] = []) => [...before, parseRouteOption(text)]
  const command = new Command('filter')
    .description('write the records that a rule set keeps, unchanged and in order')
    .argument('[input...]', 'files, compressed with gzip or zstd or not; - or none is standard input', collectNames)
    .requiredOption('--rules <file>', 'the rule set, YAML or JSON', parseRulesName)
    .option('-o, --output <file>', 'kept records; appears when complete (default: standard output)', parseFileName)
    .addOption(
      new Option('--route <name=file>', 'records of a named route; once for each route of the rules').argParser(
        collect,
      ),
    )
    .option('--dropped <file>', 'records that rules drop; implies --validation full', parseFileName)
    .option('--malformed <file>', 'records that are not well-formed; implies --validation full', parseFileName)
    .addOption(
      new Option('--threads <n>', 'worker threads (default: one less than the processors)').argParser(
        parseInteger(limits.threads),
      ),
    )
    .addOption(sizeOption('--batch-bytes <size>', 'bytes of one batch', limits.batchBytes))
    .addOption(sizeOption('--max-record-bytes <size>', 'longer records are malformed', limits.maxRecordBytes))
    .addOption(new Option('--kernel <name>', 'what evaluates').choices(['auto', 'native', 'portable']).default('auto'))
    .addOption(
      new Option(
        '--validation <mode>',
        'what is checked: kept records, every record in full, or only what is read (default: kept; full with --json)',
      ).choices(['kept', 'full', 'read']),
    )
    .option('--count', 'print only the number of kept records on standard output')
    .option('--json', 'write the summary as one JSON object to standard error')
    .option('--verbose', 'also tell what the kernel did to be fast: its techniques, by field')
    .option('--no-progress', 'draw no progress bar, also on a terminal')
    .addHelpText('after', examples)
    .action((inputs: readonly string[], given: GivenOptions) =>
      filter(context, inputs.length === 0 ? [stdinPath] : inputs, withFlags(given)),
    )
  return refuseRepeatedValues(addInputOptions(command), ['route'])
}

/** Not as defaults of the options: the help would list them. */
function withFlags(given: GivenOptions): FilterOptions {
  const { count = false, json = false, verbose = false, route = [] } = given
  return { ...given, count, json, verbose, route }
}

function sizeOption(flags: string, description: string, range: Range & { readonly standard: number }): Option {
  const standard = formatSize(range.standard)
  return new Option(flags, `${description} (default: ${standard})`).argParser(parseBytes(range))
}

async function filter(context: CommandContext, inputs: readonly string[], options: FilterOptions): Promise<void> {
  try {
    await new FilterRun(context, inputs, options).run()
  } catch (error) {
    if (isClosedPipe(error)) throw error
    reportError(context, error, { isJson: options.json, rulesFile: options.rules })
  }
}

/** One run of the command, from checked options to the summary. */
class FilterRun {
  private readonly context: CommandContext
  private readonly inputs: readonly string[]
  private readonly options: FilterOptions
  private readonly validation: Validation
  private progress: Progress = noProgress

  constructor(context: CommandContext, inputs: readonly string[], options: FilterOptions) {
    this.context = context
    this.inputs = inputs
    this.options = options
    this.validation = chooseValidation(options)
    checkInputOptions(options)
    if (inputs.filter((input) => input === stdinPath).length > 1) {
      throw new ConfigError('ERR_CONFIG_OPTION', 'Standard input (-) can be read once only.')
    }
  }

  async run(): Promise<void> {
    const startThreads = this.needsThreads ? 'now' : 'when-needed'
    const rules = await readRules(this.options.rules)
    const engine = await createEngine({ ...engineOptions(rules, this.options, this.validation), startThreads })
    try {
      await this.filterInputs(engine)
    } finally {
      this.progress.stop()
      await engine.close()
      if (engine.stats().workersHung > 0) this.context.endByForce()
    }
  }

  /**
   * Whether it is known that threads are worth their start, which then goes on beside everything else. Files that the engine
   * reads itself it begins with on this thread, and finds out. A compressed file is told by its name, as only time
   * depends on it.
   */
  private get needsThreads(): boolean {
    if (storedBytes(this.inputs, stdinPath) <= limits.ownThreadBytes) return false
    const { parse, inputFormat = 'auto' } = this.options
    const isStream = parse !== undefined || (inputFormat !== 'auto' && inputFormat !== 'ndjson')
    return isStream || this.inputs.some((input) => /\.(gz|zst)$/.test(input))
  }

  private async filterInputs(engine: Engine): Promise<void> {
    const planned = await planOutputs(this.options, engine.routes)
    await refuseInputsAsOutputs(planned, this.inputs, this.options.rules)
    const warnings = this.warnings(engine)
    if (!this.options.json) warnings.forEach((warning) => this.context.log(`warning: ${warning}`))
    const router = new Router(await openSinks(planned, this.context.interrupts))
    const tally = new Tally(engine.ruleIds, engine.routes)
    const startedMs = performance.now()
    try {
      const isAnyRead = await this.readInputs(engine, router, tally)
      // Threads take a while to end; `run` waits for that, and the outputs are finished meanwhile.
      void engine.close()
      // Nothing was read: a file that stands from an earlier run is worth more than an empty one.
      await (isAnyRead ? router.finish() : router.discard())
    } catch (error) {
      await router.discard()
      throw afterClosedPipe(error, planned)
    }
    this.progress.stop()
    const { ruleIds } = engine
    const { head, counts } = tally
    await this.report(tally, {
      inputs: this.inputs.length,
      bytesOut: router.bytesOut,
      seconds: (performance.now() - startedMs) / 1000,
      kernel: engine.kernel.name,
      validation: this.validation,
      ruleSetVersion: engine.version,
      ruleIds,
      warnings,
      hint: hintFor({ ...this.options, head, counts, ruleIds }),
      ...(this.options.verbose ? { kernelReport: engine.report() } : {}),
    })
  }

  /** Filters one input after the other. Returns whether any of them could be read. */
  private async readInputs(engine: Engine, router: Router, tally: Tally): Promise<boolean> {
    this.startProgress()
    let isAnyRead = false
    let done = 0
    for (const input of this.inputs) {
      let position = 0
      const failure = await this.readInput(engine, router, tally, input, (committed) => {
        position = committed
        this.progress.update(done + position)
      })
      if (failure !== undefined) this.reportFailure(tally, inputName(input), failure)
      isAnyRead ||= (failure as { code?: unknown } | undefined)?.code !== 'ERR_CONNECTOR_OPEN'
      done += position
    }
    return isAnyRead
  }

  /** Filters one input. Returns what ended it early. */
  private async readInput(
    engine: Engine,
    router: Router,
    tally: Tally,
    input: string,
    onCommit: (position: number) => void,
  ): Promise<Error | undefined> {
    const { inputFormat = 'auto', parse, emit = 'line', batchBytes = limits.batchBytes.standard } = this.options
    const { maxRecordBytes = limits.maxRecordBytes.standard } = this.options
    const onBatch = (result: PipelineResult) => tally.add(inputName(input), result)
    const onHead = (head: Uint8Array) => tally.begin(head)
    const source =
      parse === undefined
        ? fileSource(input, { format: inputFormat, maxRecordBytes, onCommit, onHead })
        : fileSource(input, { isForBytes: true, onCommit, onHead })
    try {
      if (parse === undefined) return await runSource(source, { engine, router, onBatch })
      // As many as the engine has for a stream.
      const inFlight = 2 * engine.stats().threads
      const lines = { format: parse, emit, batchBytes, maxRecordBytes, inFlight }
      return await runLines(source, { engine, router, onBatch, ...lines })
    } finally {
      await source.close()
    }
  }

  private reportFailure(tally: Tally, input: string, failure: Error): void {
    tally.failed.push({ input, code: (failure as { code?: string }).code ?? '', message: failure.message })
    this.context.exitWith(exitCode.fault)
    // The bar would draw over the message; what is left is done without it.
    this.progress.stop()
    if (!this.options.json) this.context.log(`weir: ${visibleLine(failure.message)}`)
  }

  private startProgress(): void {
    const { interrupts, isErrorTerminal, isOutputTerminal } = this.context
    const { output = '-', count, progress, json } = this.options
    const showsRecords = isOutputTerminal && output === '-' && !count
    if (!isErrorTerminal || !progress || json || showsRecords) return
    this.progress = startProgress(storedBytes(this.inputs, stdinPath), this.context.errorStream, interrupts)
  }

  private warnings(engine: Engine): string[] {
    const warnings = engine.warnings.map((issue) => issueLine(this.options.rules, issue))
    const { fallback } = engine.kernel
    return fallback === undefined ? warnings : [...warnings, `The portable kernel runs, many times slower: ${fallback}`]
  }

  private async report(tally: Tally, facts: Parameters<typeof summaryLines>[1]): Promise<void> {
    if (this.options.count) await this.context.print(`${tally.counts.kept}\n`)
    if (this.options.json) writeJson(this.context, summaryObject(tally, facts))
    else this.context.log(summaryLines(tally, facts).join('\n'))
  }
}

/** The split into dropped and malformed is exact only when every record is checked, so wherever it is asked for. */
function chooseValidation({ validation, dropped, malformed, json, parse }: FilterOptions): Validation {
  const splitOption = malformed !== undefined ? '--malformed' : dropped !== undefined ? '--dropped' : undefined
  // Records that are made of lines are short, and to check them all costs next to nothing.
  const isExactByDefault = json || parse !== undefined
  if (splitOption === undefined) return validation ?? (isExactByDefault ? 'full' : 'kept')
  if (validation === 'read') {
    throw new ConfigError(
      'ERR_CONFIG_OPTION',
      `${splitOption} needs every record checked, and --validation read checks only what is read: leave one out.`,
    )
  }
  // What is kept is the same under `kept` and `full`, so nothing is lost by checking more than was asked for.
  return 'full'
}

function engineOptions(rules: RuleSource, options: FilterOptions, validation: Validation): EngineOptions {
  const { kernel, threads, batchBytes, maxRecordBytes } = options
  return {
    rules,
    kernel,
    validation,
    ...(threads === undefined ? {} : { threads }),
    ...(batchBytes === undefined ? {} : { batchBytes }),
    ...(maxRecordBytes === undefined ? {} : { maxRecordBytes }),
  }
}

/** A reader of standard output that has seen enough is no fault, unless files are lost with it; pipes and devices are not. */
function afterClosedPipe(error: unknown, planned: readonly PlannedOutput[]): unknown {
  const files = planned.flatMap(({ target }) =>
    target?.kind === 'new' || target?.kind === 'file' ? [target.name] : [],
  )
  if (!isClosedPipe(error) || files.length === 0) return error
  return new ConnectorError(
    'ERR_CONNECTOR_WRITE',
    `${(error as Error).message} The run is not complete, so these files were not written: ${files.join(', ')}.`,
    { cause: error },
  )
}

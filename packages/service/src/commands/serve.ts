// `weir serve`: runs the pipelines of the settings until a signal ends them. Puts settings, pipelines and the admin
// port together; what a pipeline does is in ../pipeline.

import { setTimeout as delay } from 'node:timers/promises'

import { delayBoundsMs } from '@weir/engine'
import { Command } from 'commander'

import { openAdminServer } from '../admin/server.ts'
import type { AdminServer } from '../admin/server.ts'
import { addressOf, addressText } from '../address.ts'
import type { LoadedSettings } from '../config/load.ts'
import type { PipelineSettings } from '../config/schema.ts'
import { settingsObject } from '../config/show.ts'
import { ConfigError } from '../errors.ts'
import { createMetrics } from '../metrics.ts'
import type { Metrics } from '../metrics.ts'
import { shutDown, shutdownTimes } from '../pipeline/shutdown.ts'
import { ByteBudget } from '../sources/byte-budget.ts'
import { openLog } from '../structured-log.ts'
import type { StructuredLog } from '../structured-log.ts'
import { startSystemTimer } from '../time.ts'
import { checkKeys } from './check-keys.ts'
import { checkRules, rulesLine, rulesNameOf } from './check-rules.ts'
import type { CommandContext } from './context.ts'
import { exitCode } from './context.ts'
import { refuseRepeatedValues } from './option-values.ts'
import { issueLine, reportError } from './report.ts'
import { SharedKafka } from './serve-kafka.ts'
import { openPipeline } from './served-pipelines.ts'
import type { ServedUnit } from './served-unit.ts'
import { addSettingsOptions, readSettings, repeatableSettingsOptions } from './settings-options.ts'
import type { SettingsOptions } from './settings-options.ts'

interface ServeOptions extends SettingsOptions {
  readonly only?: readonly string[]
  readonly check?: boolean
}

const examples = `
Examples:
  weir serve
  weir serve --config weir.yaml --only ingest filter
  weir serve --config weir.yaml --check

Exit codes: 0 ended in order by a signal, or every source came to its end; 1 a fault, or records that were not delivered
in time and stay with their senders; 2 wrong settings or rules; 128 and the signal's number after a second signal.`

/** Returns the command, to be added to the program. */
export function serveCommand(context: CommandContext): Command {
  const command = new Command('serve')
    .description('run pipelines: take records, judge them, and answer when they are safe')
    .option('--only <name...>', 'run only these pipelines')
    .option('--check', 'check settings and rules, and run nothing')
    .addHelpText('after', examples)
    .action((options: ServeOptions) => serve(context, options))
  return refuseRepeatedValues(addSettingsOptions(command), repeatableSettingsOptions)
}

async function serve(context: CommandContext, options: ServeOptions): Promise<void> {
  try {
    const loaded = await readSettings(context, options, { checksFiles: true })
    for (const warning of loaded.warnings) context.log(`warning: ${issueLine(warning.file, warning)}`)
    const wanted = wantedPipelines(loaded, options.only)
    if (options.check === true) await check(context, loaded, wanted)
    else await run(context, loaded, wanted)
  } catch (error) {
    reportError(context, error, { isJson: false })
  }
}

type NamedPipelines = readonly (readonly [string, PipelineSettings])[]

function wantedPipelines({ settings }: LoadedSettings, only: readonly string[] | undefined): NamedPipelines {
  const all = Object.entries(settings.pipelines)
  const unknown = only?.filter((name) => !Object.hasOwn(settings.pipelines, name)) ?? []
  if (unknown.length > 0) {
    const names = all.map(([name]) => name).join(', ')
    throw new ConfigError(
      'ERR_CONFIG_OPTION',
      `--only: there is no pipeline ${unknown.join(', ')}; there are ${names}.`,
    )
  }
  return only === undefined ? all : all.filter(([name]) => only.includes(name))
}

async function check(context: CommandContext, loaded: LoadedSettings, wanted: NamedPipelines): Promise<void> {
  const lines: string[] = []
  const names = wanted.map(([name]) => name)
  const issues = await checkKeys(loaded, names)
  if (issues.length > 0) {
    const error = new ConfigError('ERR_CONFIG_S3', 'Files with the keys of object stores cannot be used.', {}, { issues }) // prettier-ignore
    reportError(context, error, { isJson: false })
  }
  for (const rules of await checkRules(loaded, names)) {
    if (rules.isGood) {
      const looks = rules.warnings.map(
        (warning) => `  warning: ${issueLine(rulesNameOf(loaded, rules.pipeline), warning)}`,
      )
      lines.push(rulesLine(rules), ...looks)
    } else reportError(context, rules.error, { isJson: false, rulesFile: rulesNameOf(loaded, rules.pipeline) })
  }
  await context.print([...(issues.length === 0 ? ['settings: ok'] : []), ...lines, ''].join('\n'))
}

async function run(context: CommandContext, loaded: LoadedSettings, wanted: NamedPipelines): Promise<void> {
  const { level, format } = loaded.settings.log
  const log = openLog({ level, format, write: (text) => void context.errorStream.write(text) })
  const metrics = createMetrics({ version: context.version, recordDelayBounds: delayBoundsMs.map((ms) => ms / 1000) })
  const service = new Service(context, loaded, metrics, log)
  try {
    await service.open(wanted)
    const isComplete = await service.run()
    if (!isComplete) context.exitWith(exitCode.fault)
  } catch (error) {
    const { opening } = service
    const about = opening === undefined ? {} : { rulesFile: rulesNameOf(loaded, opening) }
    reportError(context, error, { isJson: false, ...about })
  } finally {
    await service.close()
    metrics.close()
  }
}

/** All pipelines of a process, and the admin port. *Order of calls*: `open()`, `run()`, `close()`. */
class Service {
  private readonly context: CommandContext
  private readonly loaded: LoadedSettings
  private readonly metrics: Metrics
  private readonly log: StructuredLog
  private readonly startedAt = new Date().toISOString()
  private readonly units: ServedUnit[] = []
  private readonly kafka: SharedKafka
  private admin: AdminServer | undefined
  private isEnding = false
  /** The pipeline that is being opened, for messages. */
  opening: string | undefined

  constructor(context: CommandContext, loaded: LoadedSettings, metrics: Metrics, log: StructuredLog) {
    this.context = context
    this.loaded = loaded
    this.metrics = metrics
    this.log = log
    this.kafka = new SharedKafka(loaded.settings.kafka, log)
  }

  /** *Errors*: of any part: then nothing runs. */
  async open(wanted: NamedPipelines): Promise<void> {
    const { limits, admin } = this.loaded.settings
    const budget = new ByteBudget(limits.inFlightBytes)
    const { kafka } = this
    this.metrics.watchBudget(() => ({ usedBytes: budget.used, budgetBytes: budget.total }))
    for (const [name] of wanted) {
      this.opening = name
      const log = this.log.child({ pipeline: name })
      this.units.push(await openPipeline(this.loaded, name, this.metrics.pipeline(name), { budget, kafka, log }))
    }
    this.opening = undefined
    const listen = addressOf(admin.listen)
    if (listen === undefined) return
    this.admin = await openAdminServer({
      listen,
      hosts: admin.hosts,
      ...(admin.token === undefined ? {} : { tokenFile: admin.token }),
      metrics: this.metrics,
      log: this.log,
      health: () => this.health(),
      readiness: () => this.readiness(),
      status: () => this.status(),
      settings: () => settingsObject(this.loaded),
      rules: this.units.flatMap(({ rules }) => rules ?? []),
    })
  }

  /** Runs until every source has ended or a signal came. Returns whether everything that was taken was delivered. */
  async run(): Promise<boolean> {
    // Sources wait with timers that keep no process alive, and there may be no port that does.
    const staying = setInterval(() => undefined, 2 ** 31 - 1)
    const done = Promise.all(this.units.map(({ pipeline }) => pipeline.run()))
    const ended = new Promise<boolean>((resolve) => {
      this.context.onTermination((signal) => void this.end(signal, done).then(resolve))
      void done.then(() => (this.isEnding ? undefined : resolve(true)))
    })
    this.announce()
    const isInTime = await ended
    clearInterval(staying)
    return isInTime && this.units.every(({ pipeline }) => pipeline.state.status === 'ended')
  }

  async close(): Promise<void> {
    await Promise.all([this.admin?.close(), ...this.units.map((unit) => unit.close())])
    await this.kafka.close()
    if (this.units.some(({ isStuck }) => isStuck) || (await isFileWorkStuck())) this.context.endByForce()
  }

  private async end(signal: NodeJS.Signals, done: Promise<unknown>): Promise<boolean> {
    this.isEnding = true
    this.log.info('The service is ending, and takes nothing new.', { signal })
    const times = shutdownTimes(this.loaded.settings.shutdownMs)
    // Keeps the process until then: what it waits for may hang without keeping it.
    setTimeout(() => this.endNow(), times.endMs)
    const pipelines = this.units.map(({ pipeline }) => pipeline)
    const isInTime = await shutDown(pipelines, done, { times, startTimer: startSystemTimer })
    if (!isInTime) this.log.warn('What could not be delivered in time is given up.', { deadlineMs: times.giveUpMs })
    return isInTime
  }

  private endNow(): void {
    this.log.error('The service does not end, and is ended by force.')
    this.context.endNow()
  }

  private announce(): void {
    for (const { name, source, kernel } of this.units) {
      const fallback = kernel?.fallback
      const about = kernel === undefined ? {} : { kernel: kernel.name }
      this.log.info('The source is open.', { pipeline: name, source: source.name, ...about })
      if (fallback === undefined) continue
      this.log.warn('The portable kernel is used, which is many times slower.', { pipeline: name, reason: fallback })
    }
    if (this.admin === undefined) return
    this.log.info('The admin port is open.', { address: `http://${addressText(this.admin.address)}` })
  }

  private health(): { healthy: boolean; reasons: string[] } {
    const reasons = this.units.flatMap(({ name, isStuck }) =>
      isStuck ? [`${name}: a worker hangs, and only a new process frees its processor`] : [],
    )
    return { healthy: reasons.length === 0, reasons }
  }

  private readiness(): { ready: boolean; reasons: string[] } {
    const reasons = this.units.flatMap(({ name, whyNotReady }) =>
      whyNotReady === undefined ? [] : [`${name}: ${whyNotReady}`],
    )
    if (this.isEnding) reasons.unshift('the service is ending')
    return { ready: reasons.length === 0, reasons }
  }

  private status(): object {
    return {
      version: this.context.version,
      startedAt: this.startedAt,
      pipelines: this.units.map((unit) => unit.status()),
    }
  }
}

/** Time in milliseconds that what nobody waits for has to end, as a look at a file. */
const fileWorkMs = 500

/** Returns whether the system still works on files though everything is closed: an orderly end would wait for that. */
async function isFileWorkStuck(): Promise<boolean> {
  const isWorking = () => process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'))
  for (const until = performance.now() + fileWorkMs; isWorking();) {
    if (performance.now() > until) return true
    await delay(10)
  }
  return false
}

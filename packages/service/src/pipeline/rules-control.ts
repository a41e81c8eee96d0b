// The rules of one pipeline while it runs: watches the rule file and its lists, puts what is good in force, and keeps the
// last good rules when what comes is not. Rules that come over the network are validated whole, put in force, and written
// to the rule file. Every attempt is counted, logged and audited. Called by ../commands and ../admin.

import path from 'node:path'

import type { Engine, PreparedRules, RuleSetIssue, RuleSource } from '@weir/engine'

import { mentionedFiles } from '../config/list-files.ts'
import type { Replacement } from '../config/rule-file.ts'
import { formatOf, prepareReplacement, readRuleFile, textOf, whyNotReplaceable } from '../config/rule-file.ts'
import { ConfigError } from '../errors.ts'
import type { RuleOrigin } from '../measured.ts'
import type { PipelineMetrics } from '../metrics.ts'
import type { StructuredLog } from '../structured-log.ts'
import type { StartTimer } from '../time.ts'
import { watchFiles } from '../watch.ts'
import type { Watch } from '../watch.ts'
import { outcomeOf, RuleAttempts } from './rules-attempts.ts'
import type { Attempt, RuleChange, RuleRefusal } from './rules-attempts.ts'
import type { Candidate, CheckRoutes, EngineTraits } from './rules-candidate.ts'
import { examine } from './rules-candidate.ts'

/** What the rules of a pipeline are put in force with. */
export interface RuledEngine extends Pick<Engine, 'version' | 'ruleIds'> {
  /** As `Engine.load()`. */
  load(rules: PreparedRules): Promise<string>
}

/** What the control of a pipeline's rules needs. */
export interface RulesControlOptions {
  readonly pipeline: string
  /** The path of the rule file; or the rules themselves, which then stay as they are. */
  readonly rules: { readonly file: string } | { readonly inline: RuleSource }
  /** Why rules that are no file cannot be replaced. Default: they stand in the settings. */
  readonly readOnly?: string
  /** Rules to begin with when those of the file are bad at the start. Absent: the start fails. */
  readonly fallback?: RuleSource
  /** Holds the routes that rules name against the outputs. Returns warnings. *Errors*: `ERR_CONFIG_ROUTE_WITHOUT_OUTPUT`. */
  readonly checkRoutes: CheckRoutes
  /** Those of the engine that is to have the rules. Default: any kernel, and no time field. */
  readonly engine?: EngineTraits
  readonly metrics: PipelineMetrics
  /** Its fields name the pipeline. */
  readonly log: StructuredLog
  /** Where changes are written down. Default: beside the rule file, when that folder may be written to. */
  readonly auditFile?: string
  /** How often files are looked at. Default: every second. */
  readonly pollMs?: number
  /** Time in milliseconds since 1970. */
  readonly now?: () => number
  readonly startTimer?: StartTimer
}

/** What is known about the rules of a pipeline. */
export interface RulesStatus {
  readonly pipeline: string
  /** Path of the rule file, where there is one. */
  readonly file: string | undefined
  /** Version in force; undefined before an engine is there. */
  readonly version: string | undefined
  readonly rules: number
  readonly routes: readonly string[]
  readonly tests: number
  readonly warnings: readonly RuleSetIssue[]
  readonly origin: RuleOrigin | 'fallback'
  /** When they were put in force: ISO 8601. */
  readonly since: string
  /** Why the newest rules of the file are not in force; undefined when they are. */
  readonly refusal: RuleRefusal | undefined
  /** Why `replace()` is refused here; undefined when it is not. */
  readonly readOnly: string | undefined
}

const atStart: Attempt = { origin: 'start' }

/**
 * Opens the control of a pipeline's rules: reads and examines them. Then create an engine with `prepared`, and `attach()`
 * it.
 * *Errors*: of `examine()`, unless there is a fallback.
 */
export async function openRulesControl(options: RulesControlOptions): Promise<RulesControl> {
  const control = new RulesControl(options)
  try {
    await control.start()
  } catch (error) {
    await control.close()
    throw error
  }
  return control
}

/** The rules of one pipeline. Its methods may be called at any time; attempts are made one after another. */
export class RulesControl {
  readonly pipeline: string
  readonly #options: RulesControlOptions
  readonly #file: string | undefined
  readonly #now: () => number
  readonly #attempts: RuleAttempts
  #watch: Watch | undefined
  #watched: readonly string[] = []
  #engine: RuledEngine | undefined
  #good: Candidate | undefined
  #origin: RuleOrigin | 'fallback' = 'start'
  #since = 0
  #readOnly: string | undefined
  #last: Promise<unknown> = Promise.resolve()
  readonly #closing = new AbortController()

  /** Made by `openRulesControl`. */
  constructor(options: RulesControlOptions) {
    this.pipeline = options.pipeline
    this.#options = options
    this.#file = 'file' in options.rules ? options.rules.file : undefined
    this.#now = options.now ?? Date.now
    this.#since = this.#now()
    const { pipeline, metrics, log } = options
    this.#attempts = new RuleAttempts({ pipeline, metrics, log, now: this.#now })
  }

  /** The last good rules, as they were given. */
  get source(): RuleSource {
    return this.#known.source
  }

  /** The last good rules, for an engine to begin with. */
  get prepared(): PreparedRules {
    return this.#known.prepared
  }

  get #known(): Candidate {
    if (this.#good === undefined) throw new Error('The rules were not read yet.')
    return this.#good
  }

  /** Reads the rules for the first time. Called by `openRulesControl`. What changes meanwhile is looked at afterwards. */
  start(): Promise<void> {
    return this.#exclusive(() => this.#start())
  }

  async #start(): Promise<void> {
    await this.#findPlace()
    try {
      // Watched before it is read: a change between the two is seen.
      if (this.#file !== undefined) this.#watch = await this.#startWatch(this.#file)
      this.#good = await this.#readAndExamine()
      await this.#watchLists(this.#good.listFiles)
    } catch (error) {
      const { fallback } = this.#options
      await this.#attempts.refused(atStart, undefined, error)
      if (fallback === undefined) throw error
      this.#good = await this.#examine(fallback)
      this.#origin = 'fallback'
    }
  }

  async #findPlace(): Promise<void> {
    const file = this.#file
    const { readOnly = 'the rules stand in the settings' } = this.#options
    this.#readOnly = file === undefined ? readOnly : await whyNotReplaceable(file)
    const beside = file === undefined || this.#readOnly !== undefined ? undefined : `${file}.audit.ndjson`
    this.#attempts.auditFile = this.#options.auditFile ?? beside
  }

  #startWatch(file: string): Promise<Watch> {
    const { pollMs, startTimer } = this.#options
    const onChange = async (changed: readonly string[]) => {
      await this.#reloadChanged(changed)
    }
    return watchFiles([file], onChange, {
      // Told where it arose; the watch calls again.
      onError: () => undefined,
      ...(pollMs === undefined ? {} : { pollMs }),
      ...(startTimer === undefined ? {} : { startTimer }),
    })
  }

  /**
   * Has the rules put in force in this engine from now on. An engine that was made with other rules is given the last good
   * ones.
   */
  attach(engine: RuledEngine): void {
    const isFirst = this.#engine === undefined
    this.#engine = engine
    this.#tellInForce(engine)
    const { version, warnings, ruleIds } = this.#known
    if (isFirst && this.#attempts.refusal === undefined) {
      const change: RuleChange = { outcome: 'loaded', version: engine.version, before: undefined, warnings }
      void this.#attempts.accepted(atStart, change, ruleIds.length)
    }
    if (engine.version === version) return
    // Its failure is told where it arises, and the rules that the engine has stay in force.
    this.#exclusive(() => this.#attempt(atStart, () => this.#known)).catch(() => undefined)
  }

  /** Looks at the files now, instead of at the next time. Resolves when what was found is in force or refused. */
  async poll(): Promise<void> {
    await this.#watch?.poll()
  }

  /**
   * Reads the rule file and its lists anew, and puts them in force when they are good. *Errors*: those of `examine()`
   * and of `Engine.load()`; then the last good rules stay in force.
   */
  reload(who: string): Promise<RuleChange> {
    return this.#exclusive(() => this.#attempt({ origin: 'request', who }, () => this.#readAndExamine()))
  }

  /**
   * Puts rules in force that came over the network, and makes them the content of the rule file. They may not name list
   * files. *Errors*: `ERR_CONFIG_RULES_READ_ONLY`; those of `examine()` and of `Engine.load()`; `ERR_CONNECTOR_WRITE`.
   * After any of them, the rules and the file are as before.
   */
  replace(text: string, who: string): Promise<RuleChange> {
    return this.#exclusive(async () => {
      const file = await this.#replaceableFile()
      const attempt: Attempt = { origin: 'api', who }
      const source: RuleSource = { text, format: formatOf(file), name: file, listFiles: 'refused' }
      return this.#attempt(
        attempt,
        () => this.#examine(source),
        () => prepareReplacement(file, text),
      )
    })
  }

  async #replaceableFile(): Promise<string> {
    // Asked anew: a file system may have been mounted otherwise since.
    if (this.#file !== undefined) this.#readOnly = await whyNotReplaceable(this.#file)
    if (this.#file !== undefined && this.#readOnly === undefined) return this.#file
    throw new ConfigError(
      'ERR_CONFIG_RULES_READ_ONLY',
      `The rules of ${this.pipeline} cannot be replaced here: ${this.#readOnly}.`,
      { pipeline: this.pipeline },
    )
  }

  /** What is known now. */
  status(): RulesStatus {
    const { ruleIds, routes, tests, warnings } = this.#known
    return {
      ...{ pipeline: this.pipeline, file: this.#file, version: this.#engine?.version },
      ...{ rules: ruleIds.length, routes, tests, warnings },
      origin: this.#origin,
      since: new Date(this.#since).toISOString(),
      refusal: this.#attempts.refusal,
      readOnly: this.#readOnly,
    }
  }

  /** The text of the rules in force; undefined where they are no text. */
  text(): string | undefined {
    return textOf(this.#known.source)
  }

  /** Ends watching. What is being compiled is given up; what is being put in force is waited for. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('The service is ending.'))
    await this.#watch?.close()
    await this.#last
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  async #read(): Promise<RuleSource> {
    const { rules } = this.#options
    return 'inline' in rules ? rules.inline : readRuleFile(rules.file)
  }

  /** Rules that cannot be compiled may lack a list file: so what they seem to name is watched before. */
  async #readAndExamine(): Promise<Candidate> {
    const source = await this.#read()
    await this.#watchLists([...(this.#good?.listFiles ?? []), ...mentionedFiles(textOf(source) ?? '')])
    const found = await this.#examine(source)
    if (this.#areWatched(found.listFiles)) return found
    // A list that was not mentioned may have changed after it was read. A change from now on is seen.
    await this.#watchLists([...this.#watched, ...found.listFiles])
    return this.#examine(source)
  }

  #examine(source: RuleSource): Promise<Candidate> {
    const name = this.#file ?? `The rule set of ${this.pipeline}`
    const { checkRoutes, engine = {} } = this.#options
    return examine(source, { name, checkRoutes, engine, signal: this.#closing.signal })
  }

  async #reloadChanged(changed: readonly string[]): Promise<void> {
    await this.#exclusive(async () => {
      // What `replace()` wrote itself is in force already.
      if (changed.length === 1 && changed[0] === this.#file && this.#attempts.refusal === undefined) {
        const text = textOf(await this.#read().catch(() => ''))
        if (text !== undefined && text === this.text()) return
      }
      try {
        await this.#attempt({ origin: 'file', who: 'the rule file' }, () => this.#readAndExamine())
      } catch (error) {
        // Nothing is known against the rules: the watch tries again.
        if (outcomeOf(error) === 'failed') throw error
      }
    })
  }

  /**
   * Makes one attempt. What can fail for want of space is done before the engine takes the rules, and what cannot be
   * undone, the renaming, after it. So a crash at any moment leaves a whole file: before the renaming the old one, and
   * who asked got no answer; after it the new one, which was in force already. Batches name the version that judged them.
   */
  async #attempt(
    attempt: Attempt,
    find: () => Candidate | Promise<Candidate>,
    prepare?: () => Promise<Replacement>,
  ): Promise<RuleChange> {
    const before = this.#engine?.version
    let replacement: Replacement | undefined
    try {
      const found = await find()
      replacement = await prepare?.()
      await this.#load(found)
      await replacement?.commit().catch((error: unknown) => this.#loadAgain(error))
      this.#good = found
      await this.#watchLists(found.listFiles)
    } catch (error) {
      await replacement?.abandon()
      await this.#attempts.refused(attempt, before, error)
      throw error
    }
    const { version, warnings, ruleIds } = this.#known
    const change: RuleChange = { outcome: version === before ? 'unchanged' : 'loaded', version, before, warnings }
    if (change.outcome === 'loaded') {
      this.#origin = attempt.origin
      this.#since = this.#now()
    }
    await this.#attempts.accepted(attempt, change, ruleIds.length)
    return change
  }

  async #load(found: Candidate): Promise<void> {
    const engine = this.#engine
    if (engine === undefined || engine.version === found.version) return
    this.#options.metrics.announce(found)
    await engine.load(found.prepared)
    this.#tellInForce(engine)
  }

  /** Puts the rules in force again that the file still has. */
  async #loadAgain(reason: unknown): Promise<never> {
    try {
      await this.#load(this.#known)
    } catch (error) {
      const { log } = this.#options
      log.error('Rules are in force that the rule file does not have.', { error })
    }
    throw reason
  }

  #tellInForce({ version, ruleIds }: Pick<RuledEngine, 'version' | 'ruleIds'>): void {
    const { metrics } = this.#options
    metrics.announce({ version, ruleIds })
    metrics.inForce({ version, ruleIds }, this.#now())
  }

  /** Watches these list files, and no others. Those of the rules in force, and of rules that are to be. */
  async #watchLists(listFiles: readonly string[]): Promise<void> {
    if (this.#file === undefined) return
    this.#watched = [...new Set(listFiles.map((file) => this.#pathOf(file)))]
    await this.#watch?.setPaths([this.#file, ...this.#watched])
  }

  #areWatched(listFiles: readonly string[]): boolean {
    return this.#file === undefined || listFiles.every((file) => this.#watched.includes(this.#pathOf(file)))
  }

  #pathOf(listFile: string): string {
    return path.resolve(path.dirname(this.#file!), listFile)
  }
}

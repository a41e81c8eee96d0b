// Tells of attempts to put rules in force: counts them, logs them, and writes them into the audit file; remembers why the
// newest rules are not in force. Decides nothing. Called by rules-control.ts.

import type { RuleSetIssue } from '@weir/engine'

import { appendAudit } from '../config/rule-file.ts'
import type { RuleOrigin, RuleOutcome } from '../measured.ts'
import type { PipelineMetrics } from '../metrics.ts'
import type { StructuredLog } from '../structured-log.ts'

/** What came of an attempt that succeeded. */
export interface RuleChange {
  readonly outcome: 'loaded' | 'unchanged'
  readonly version: string
  /** The version in force before. */
  readonly before: string | undefined
  readonly warnings: readonly RuleSetIssue[]
}

/** An attempt that failed, as status pages show it. */
export interface RuleRefusal {
  /** ISO 8601. */
  readonly time: string
  readonly origin: RuleOrigin
  readonly code: string
  readonly message: string
  readonly issues: readonly RuleSetIssue[]
}

/** From where rules came, and at whose wish. */
export interface Attempt {
  readonly origin: RuleOrigin
  /** Absent: nobody's, as at the start. */
  readonly who?: string | undefined
}

/** What attempts are told with. */
export interface AttemptOptions {
  readonly pipeline: string
  readonly metrics: PipelineMetrics
  /** Its fields name the pipeline. */
  readonly log: StructuredLog
  /** Time in milliseconds since 1970. */
  readonly now: () => number
}

/** Tells of the attempts of one pipeline. */
export class RuleAttempts {
  /** Where attempts are written down; undefined: only in the log. */
  auditFile: string | undefined
  readonly #options: AttemptOptions
  #refusal: RuleRefusal | undefined

  constructor(options: AttemptOptions) {
    this.#options = options
  }

  /** Why the newest rules of the pipeline are not in force; undefined when they are. */
  get refusal(): RuleRefusal | undefined {
    return this.#refusal
  }

  /** Tells that rules are in force, and resolves when that is written down. `rules`: how many there are. */
  async accepted({ origin, who }: Attempt, change: RuleChange, rules: number): Promise<void> {
    const { metrics, log } = this.#options
    const { outcome, version, before, warnings } = change
    this.#refusal = undefined
    metrics.ruleLoad(origin, outcome, false)
    const message = outcome === 'loaded' ? 'Rules are in force.' : 'Rules are unchanged.'
    const fields = { origin, who, version, before, rules }
    if (warnings.length === 0) log.info(message, fields)
    else log.warn(message, { ...fields, warnings })
    if (origin !== 'start') await this.#audit({ origin, who }, { before, version, outcome })
  }

  /** Tells that rules are not in force, and resolves when that is written down. `before`: the version that stays. */
  async refused({ origin, who }: Attempt, before: string | undefined, error: unknown): Promise<void> {
    const { metrics, log } = this.#options
    const outcome = outcomeOf(error)
    const refusal = this.#describe(origin, error)
    // The watch tries again what failed for other reasons, and each reason is told once.
    const isRepeated = origin === 'file' && refusal.message === this.#refusal?.message
    // What somebody posts in vain says nothing about the rule file.
    if (origin !== 'api') this.#refusal = refusal
    metrics.ruleLoad(origin, outcome, this.#refusal !== undefined)
    if (isRepeated) return
    log.error('Rules are refused.', { origin, who, before, outcome, error })
    await this.#audit({ origin, who }, { before, outcome, code: refusal.code, message: refusal.message })
  }

  #describe(origin: RuleOrigin, error: unknown): RuleRefusal {
    const { code, issues } = error as { code?: unknown; issues?: readonly RuleSetIssue[] }
    return {
      time: new Date(this.#options.now()).toISOString(),
      origin,
      code: typeof code === 'string' ? code : 'ERR_UNEXPECTED',
      message: error instanceof Error ? error.message : String(error),
      issues: issues ?? [],
    }
  }

  async #audit({ origin, who }: Attempt, facts: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.auditFile === undefined) return
    const { pipeline, log, now } = this.#options
    try {
      await appendAudit(this.auditFile, { time: new Date(now()).toISOString(), pipeline, who, origin, ...facts })
    } catch (error) {
      // What happened stands in the log.
      log.error('The audit file cannot be written.', { error })
    }
  }
}

/** Whether rules are known to be wrong, or were kept from being put in force by something else. */
export function outcomeOf(error: unknown): Extract<RuleOutcome, 'refused' | 'failed'> {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^ERR_(RULESET|CONFIG)_/.test(code) ? 'refused' : 'failed'
}

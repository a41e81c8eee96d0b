// Rules that are to be put in force: compiled and tried on their own tests, in a thread of their own, and held against the
// outputs there are. Changes nothing. Called by rules-control.ts, and by ../commands for a check.

import { prepareRules } from '@weir/engine'
import type { KernelChoice, PreparedRules, RuleSetIssue, RuleSource, RuleTestSummary } from '@weir/engine'

import { ConfigError } from '../errors.ts'

/** Rules that may be put in force. */
export interface Candidate {
  readonly source: RuleSource
  /** What an engine takes: just what was examined. */
  readonly prepared: PreparedRules
  readonly version: string
  readonly ruleIds: readonly string[]
  /** Routes to which rules or the default send records. */
  readonly routes: readonly string[]
  /** How many tests the rule set has; all of them pass. */
  readonly tests: number
  readonly warnings: readonly RuleSetIssue[]
  /** As they stand in the rules. */
  readonly listFiles: readonly string[]
}

/**
 * Holds the routes that rules name against the outputs that there are. Returns warnings. *Errors*:
 * `ERR_CONFIG_ROUTE_WITHOUT_OUTPUT`.
 */
export type CheckRoutes = (routes: readonly string[]) => readonly RuleSetIssue[]

/** What rules are prepared for: the kernel of an engine, and its time field where it has one. */
export interface EngineTraits {
  readonly kernel?: KernelChoice | undefined
  readonly timeField?: string | undefined
}

/** How rules are examined. */
export interface Examination {
  /** What messages call the rules. */
  readonly name: string
  readonly checkRoutes: CheckRoutes
  /** Those of the engine that is to have them. */
  readonly engine: EngineTraits
  /** Aborting it gives the examination up. */
  readonly signal?: AbortSignal
}

/**
 * Returns the rules of the source when nothing is wrong with them.
 *
 * *Errors*: those of `prepareRules()`, `ERR_RULESET_INVALID` before all; `ERR_CONFIG_ROUTE_WITHOUT_OUTPUT`;
 * `ERR_CONFIG_RULES_TESTS`. *Cost*: that of `prepareRules()`, beside this thread.
 */
export async function examine(source: RuleSource, examination: Examination): Promise<Candidate> {
  const { name, checkRoutes, signal } = examination
  const { kernel, timeField } = examination.engine
  const prepared = await prepareRules(source, {
    ...(kernel === undefined ? {} : { kernel }),
    ...(timeField === undefined ? {} : { timeField }),
    ...(signal === undefined ? {} : { signal }),
  })
  const { version, ruleIds, destinations, tests, warnings, listFiles } = prepared
  const routes = destinations.filter((route) => route !== 'drop')
  const routeWarnings = checkRoutes(routes)
  refuseFailures(name, tests)
  return {
    ...{ source, prepared, version, ruleIds, routes, listFiles },
    tests: tests.count,
    warnings: [...warnings, ...routeWarnings],
  }
}

function refuseFailures(name: string, { count, failed, failures }: RuleTestSummary): void {
  const [first] = failures
  if (first === undefined) return
  const { expected, actual } = first
  const by = actual.rule === undefined ? '' : ` by ${actual.rule}`
  throw new ConfigError(
    'ERR_CONFIG_RULES_TESTS',
    `${failed} of the ${count} tests in ${name} fail; the first, "${first.name}", expects ${expected.route}, and the record goes to ${actual.route}${by}.`,
    { tests: failures },
  )
}

// Rules that are to be put in force: compiled, tried on their own tests, and held against the outputs there are. Changes
// nothing. Called by rules-control.ts.

import { compileRules } from '@weir/engine'
import type { Action, RuleSet, RuleSetIssue, RuleSource } from '@weir/engine'

import { listFilesOf } from '../config/list-files.ts'
import { runRuleTests } from '../config/rule-tests.ts'
import type { TestOutcome } from '../config/rule-tests.ts'
import { ConfigError } from '../errors.ts'

/** Rules that may be put in force. */
export interface Candidate {
  readonly source: RuleSource
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

/**
 * Returns the rules of the source when nothing is wrong with them. `name`: what messages call them.
 *
 * *Errors*: `ERR_RULESET_INVALID`, `ERR_RULESET_UNREADABLE`; `ERR_CONFIG_ROUTE_WITHOUT_OUTPUT`;
 * `ERR_CONFIG_RULES_TESTS`. *Cost*: compiles every pattern, on this thread.
 */
export function examine(source: RuleSource, name: string, checkRoutes: CheckRoutes): Candidate {
  const compiled = compileRules(source)
  try {
    const routes = routesOf(compiled.ruleSet)
    const routeWarnings = checkRoutes(routes)
    const tests = runRuleTests(compiled)
    refuseFailures(name, tests)
    return {
      source,
      version: compiled.version,
      ruleIds: compiled.ruleSet.rules.map(({ id }) => id),
      routes,
      tests: tests.length,
      warnings: [...compiled.warnings, ...routeWarnings],
      listFiles: listFilesOf(compiled.ruleSet),
    }
  } finally {
    compiled.release()
  }
}

function routesOf({ rules, default: whenUndecided }: RuleSet): string[] {
  const nameOf = (action: Action) => (typeof action === 'string' ? action : action.route)
  const all = [...rules.map(({ then }) => nameOf(then)), nameOf(whenUndecided)]
  return [...new Set(all)].filter((route) => route !== 'drop')
}

function refuseFailures(name: string, tests: readonly TestOutcome[]): void {
  const failed = tests.filter(({ passed }) => !passed)
  const [first] = failed
  if (first === undefined) return
  const { expected, actual } = first
  const by = actual.rule === undefined ? '' : ` by ${actual.rule}`
  throw new ConfigError(
    'ERR_CONFIG_RULES_TESTS',
    `${failed.length} of the ${tests.length} tests in ${name} fail; the first, "${first.name}", expects ${expected.route}, and the record goes to ${actual.route}${by}.`,
    { tests: failed },
  )
}

// Holds the routes that rules name against the outputs that settings give them. Called by whoever has compiled the
// rules: at start, and again when they change.

import { ConfigError } from '../errors.ts'
import type { SettingsIssue } from '../errors.ts'
import type { LoadedSettings } from './load.ts'
import { nearest } from './nearest.ts'
import { ProblemList } from './problems.ts'
import type { PipelineSettings } from './schema.ts'

/** Outcomes that need no output: what is dropped is forgotten unless it has one, and malformed records are dead letters. */
const free: ReadonlySet<string> = new Set(['drop', 'malformed'])

/** Returns whether the records of this route have somewhere to go. */
export function hasOutputFor({ routes }: PipelineSettings, route: string): boolean {
  return free.has(route) || (Object.hasOwn(routes, route) && routes[route] !== undefined)
}

/**
 * Checks the routes that the rules of each pipeline name. Returns a warning for each output that no rule sends anything
 * to: no problem, for rules may be swapped for such that do, and back.
 *
 * Errors: `ERR_CONFIG_ROUTE_WITHOUT_OUTPUT`, with a problem for each route without an output.
 */
export function checkRoutes(
  loaded: LoadedSettings,
  routesOfRules: Readonly<Record<string, readonly string[]>>,
): readonly SettingsIssue[] {
  const problems = new ProblemList((at, atKey) => loaded.placeOf(at, atKey))
  const warnings = new ProblemList((at, atKey) => loaded.placeOf(at, atKey))
  for (const [name, named] of Object.entries(routesOfRules)) {
    const pipeline = loaded.settings.pipelines[name]
    if (pipeline === undefined) throw new TypeError(`There is no pipeline ${name}.`)
    const at = ['pipelines', name, 'routes']
    const unused = Object.keys(pipeline.routes).filter((route) => !named.includes(route) && !isAlways(route))
    for (const route of named.filter((each) => !hasOutputFor(pipeline, each))) {
      const close = nearest(route, unused)
      const suggestion = close === undefined ? 'add one; `discard: {}` forgets its records' : `you have \`${close}\``
      problems.add([...at, route], 'The rules send records to this route, and it has no output.', { suggestion })
    }
    for (const route of unused) {
      warnings.add([...at, route], 'No rule sends records to this route.', { atKey: true })
    }
  }
  const issues = problems.listed()
  if (issues.length === 0) return warnings.listed()
  const message = `A route of the rules has no output: ${issues.map(({ path }) => path).join(', ')}.`
  throw new ConfigError('ERR_CONFIG_ROUTE_WITHOUT_OUTPUT', message, {}, { issues, warnings: warnings.listed() })
}

function isAlways(route: string): boolean {
  return route === 'keep' || route === 'drop'
}

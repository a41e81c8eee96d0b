// Whether the rules of pipelines can be used as the settings have them: compiled, tested, and held against the outputs of
// their routes. Puts nothing in force. Called by `weir serve` and `weir config check`, which judge alike.

import { isArchive } from '../config/delivery.ts'
import { pipelineOf, rulesOf } from '../config/load.ts'
import type { LoadedSettings } from '../config/load.ts'
import { checkRoutes } from '../config/routes.ts'
import { readRuleFile } from '../config/rule-file.ts'
import { examine } from '../pipeline/rules-candidate.ts'
import type { Issue } from './report.ts'

/** What the rules of one pipeline are: good, or why not. */
export type CheckedRules = GoodRules | BadRules

/** Rules that can be used. */
export interface GoodRules {
  readonly isGood: true
  readonly pipeline: string
  readonly version: string
  readonly rules: number
  readonly tests: number
  /** What looks wrong but is not. */
  readonly warnings: readonly Issue[]
}

/** Rules that cannot. */
export interface BadRules {
  readonly isGood: false
  readonly pipeline: string
  /** Of the classes of rule sets and settings; anything else is a fault. */
  readonly error: unknown
}

/** Checks the rules of each pipeline that has any: those of one say nothing about those of the next. */
export async function checkRules(loaded: LoadedSettings, pipelines: readonly string[]): Promise<CheckedRules[]> {
  const checked: CheckedRules[] = []
  for (const pipeline of pipelines) {
    if (isArchive(pipelineOf(loaded.settings, pipeline))) continue
    try {
      checked.push(await checkOne(loaded, pipeline))
    } catch (error) {
      checked.push({ isGood: false, pipeline, error })
    }
  }
  return checked
}

async function checkOne(loaded: LoadedSettings, pipeline: string): Promise<GoodRules> {
  const source = rulesOf(loaded, pipeline)
  const read = typeof source === 'string' ? await readRuleFile(source) : source
  const label = typeof source === 'string' ? source : `The rule set of ${pipeline}`
  const found = await examine(read, {
    name: label,
    checkRoutes: (routes) => checkRoutes(loaded, { [pipeline]: routes }),
    engine: pipelineOf(loaded.settings, pipeline),
  })
  const { version, ruleIds, tests } = found
  const file = rulesNameOf(loaded, pipeline)
  const warnings = found.warnings.map((warning) => ({ file, ...warning }))
  return { isGood: true, pipeline, version, rules: ruleIds.length, tests, warnings }
}

/** Returns what good rules are, in a few words. */
export function rulesLine({ pipeline, version, rules, tests }: GoodRules): string {
  return `${pipeline}: rules ok, version ${version}, ${rules} rules, ${tests} tests pass`
}

/** Returns what stands before the place of a problem in the rules of a pipeline: their file, or the setting. */
export function rulesNameOf(loaded: LoadedSettings, name: string): string {
  const source = rulesOf(loaded, name)
  return typeof source === 'string' ? source : `pipelines.${name}.rules`
}

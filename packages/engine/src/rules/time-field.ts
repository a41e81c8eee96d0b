// The field that holds a record's own time: its path, which an engine's option names, and its place in a plan. It is no
// part of the rule set, so the version does not depend on it. Called by compile.ts, and by options.ts for its check.

import { ConfigError } from '../errors.ts'
import { parseFieldPath } from './field-path.ts'
import type { Plan, PlanField } from './program.ts'

/** Returns the steps of the option `timeField`. Errors: `ERR_CONFIG_INVALID`. */
export function timeFieldSteps(timeField: unknown): readonly (string | number)[] {
  if (typeof timeField !== 'string') throw refused('It is not a text', timeField)
  const parsed = parseFieldPath(timeField)
  if ('steps' in parsed) return parsed.steps
  const cure = parsed.suggestion === undefined ? '' : ` Suggestion: ${parsed.suggestion}.`
  throw refused(`${parsed.message}${cure}`, timeField)
}

/**
 * Returns the plan with the field that `timeField` names as its time field; the plan itself where it names none. A field
 * that rules read already is shared with them.
 *
 * Errors: `ERR_CONFIG_INVALID` when it is no field path, or has an index and the plan is of the original's dialect, which
 * knows none.
 */
export function addTimeField<T extends Omit<Plan, 'version'>>(plan: T, timeField: string | undefined): T {
  if (timeField === undefined) return plan
  const path = timeFieldSteps(timeField)
  if (plan.dialect === 'original' && path.some((step) => typeof step === 'number')) {
    throw refused('Filters of the original know no indexes of arrays: give a path of keys', timeField)
  }
  const field: PlanField = { path, decode: 'none' }
  const isSame = (each: PlanField): boolean =>
    JSON.stringify([each.path, each.decode]) === JSON.stringify([path, 'none'])
  const known = plan.fields.findIndex(isSame)
  if (known >= 0) return { ...plan, timeField: known }
  return { ...plan, fields: [...plan.fields, field], timeField: plan.fields.length }
}

function refused(problem: string, given: unknown): ConfigError {
  const takes = 'the path of the field that holds the time of a record, such as "reqTimeSec"'
  const shown = typeof given === 'string' ? `"${given}"` : `of type ${typeof given}`
  const message = `\`timeField\` cannot be ${shown}: ${problem.replace(/\.$/, '')}. Give ${takes}.`
  return new ConfigError('ERR_CONFIG_INVALID', message, { option: 'timeField', takes })
}

// `weir rules`: what its owner does with a rule set before it is used. `check` finds every problem and runs the rule
// set's own tests; `schema` prints what editors complete by; `import` is in rules-import.ts. What is right and wrong is
// the engine's to say.

import { compileRules, ruleSetSchema } from '@weir/engine'
import type { Condition, RuleSet } from '@weir/engine'
import { Command } from 'commander'

import { runRuleTests } from '../config/rule-tests.ts'
import type { TestOutcome } from '../config/rule-tests.ts'
import { visibleLine } from '../log.ts'
import type { CommandContext } from './context.ts'
import { exitCode } from './context.ts'
import { readRules } from './named-files.ts'
import { parseRulesName } from './option-values.ts'
import { isCoded, issueLine, reportError } from './report.ts'
import { importCommand } from './rules-import.ts'

type CompiledRules = ReturnType<typeof compileRules>

/** Returns the command, to be added to the program. */
export function rulesCommand(context: CommandContext): Command {
  const check = new Command('check')
    .description('find every problem of a rule set, and run its own tests')
    .argument('<file>', 'the rule set, YAML or JSON', parseRulesName)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExample:\n  weir rules check rules.yaml\n\nExit codes: 0 the rule set is good; 1 a test of its own fails; 2 the rule set has problems.',
    )
    .action((file: string, { json }: { json?: boolean }) => checkRules(context, file, json ?? false))
  const schema = new Command('schema')
    .description('print the JSON Schema of rule sets, by which editors complete them')
    .addHelpText('after', '\nExample:\n  weir rules schema > weir-rules.schema.json')
    .action(() => context.print(JSON.stringify(ruleSetSchema(), null, 2) + '\n'))
  return new Command('rules')
    .description('check and import rule sets')
    .addCommand(check)
    .addCommand(importCommand(context))
    .addCommand(schema)
}

async function checkRules(context: CommandContext, file: string, isJson: boolean): Promise<void> {
  let compiled: CompiledRules
  try {
    compiled = compileRules(await readRules(file))
  } catch (error) {
    if (isJson && isCoded(error)) return printProblems(context, file, error)
    return reportError(context, error, { isJson: false, rulesFile: file })
  }
  const tests = runRuleTests(compiled)
  const warnings = compiled.warnings.map((issue) => issueLine(file, issue))
  if (tests.some(({ passed }) => !passed)) context.exitWith(exitCode.fault)
  const facts = describe(compiled)
  if (isJson) {
    const ok = tests.every(({ passed }) => passed)
    return context.print(JSON.stringify({ ok, file, ...facts, warnings: compiled.warnings, tests }) + '\n')
  }
  warnings.forEach((warning) => context.log(`warning: ${warning}`))
  await context.print(resultLines(file, facts, tests).join('\n') + '\n')
}

async function printProblems(context: CommandContext, file: string, error: Error & { code: string }): Promise<void> {
  const { issues, warnings } = error as { issues?: readonly unknown[]; warnings?: readonly unknown[] }
  context.exitWith(exitCode.misuse)
  const { code, message } = error
  await context.print(JSON.stringify({ ok: false, file, code, message, issues, warnings }) + '\n')
}

/** An outcome as a test expects it, or as it came. */
interface Outcome {
  readonly route: string
  readonly rule?: string | undefined
  readonly reason?: string | undefined
}

function outcomeText({ route, rule, reason }: Outcome): string {
  const by = reason ?? (rule === undefined ? undefined : `rule ${rule}`)
  return by === undefined ? route : `${route} (${by})`
}

/** What a rule set amounts to. */
interface Facts {
  readonly version: string
  /** Only where the file holds filters of the original. */
  readonly dialect?: 'original'
  readonly rules: number
  readonly routes: readonly string[]
  readonly fields: readonly string[]
}

function describe({ ruleSet, version, dialect, routes }: CompiledRules): Facts {
  return {
    version,
    ...(dialect === 'original' ? { dialect } : {}),
    rules: ruleSet.rules.length,
    // `malformed` is where records go that are no JSON, not where a rule sends any.
    routes: routes.filter((route) => route !== 'malformed'),
    fields: fieldsOf(ruleSet),
  }
}

/** Returns the field paths that the rules read, in order of first use. */
function fieldsOf(ruleSet: RuleSet): string[] {
  const fields = new Set<string>()
  const walk = (condition: Condition): void => {
    if ('all' in condition) condition.all.forEach(walk)
    else if ('any' in condition) condition.any.forEach(walk)
    else if ('not' in condition) walk(condition.not)
    else fields.add(condition.field)
  }
  for (const { when } of ruleSet.rules) walk(when)
  return [...fields]
}

function resultLines(file: string, facts: Facts, tests: readonly TestOutcome[]): string[] {
  const failed = tests.filter(({ passed }) => !passed)
  const outcome = tests.length === 0 ? 'none' : `${tests.length - failed.length} of ${tests.length} pass`
  return [
    `${visibleLine(file)}: ${failed.length === 0 ? 'ok' : `${failed.length} of its tests fail`}`,
    `version  ${facts.version}`,
    ...(facts.dialect === undefined ? [] : ['dialect  filters of the original converter']),
    `rules    ${facts.rules}`,
    `routes   ${facts.routes.join(', ')}`,
    `fields   ${facts.fields.join(', ')}`,
    `tests    ${outcome}`,
    ...failed.flatMap(({ name, expected, actual }) => [
      `failed   ${name}`,
      `         expected ${outcomeText(expected)}`,
      `         actual   ${outcomeText(actual)}`,
    ]),
  ]
}

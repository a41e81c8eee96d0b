// Cases as data: reads and checks cases/*.json. A case is records, a rule set, how the pattern tools say the same, and what
// must come out of some generated inputs. Rules that are many, or those of another case, are named in place of being
// written out. Called by main.ts, service.ts and expect.ts; knows no contenders.

import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { OriginalFilterSettings, RuleSet } from '@weir/engine'
import { UsageError } from './errors.ts'
import type { Expected } from './expected.ts'
import { faultOfInput } from './records/shape.ts'
import type { InputDescription } from './records/shape.ts'
import { generateRules } from './rule-sets/operators.ts'
import type { OperatorRules } from './rule-sets/operators.ts'
import { generateWordRule } from './rule-sets/words.ts'
import type { WordRule } from './rule-sets/words.ts'

/** How ripgrep gives the same records on generated input, or why it cannot. */
export type RgPatterns =
  | {
      /** A line is kept when one of these is found in it, */
      readonly keep: readonly string[]
      /** and none of these. */
      readonly drop?: readonly string[]
      readonly note: string
    }
  | { readonly none: string }

/** Rules that a case names in place of writing them out: those of another case, or of a generator. */
export type RulesFrom =
  | { readonly case: string }
  | ({ readonly generator: 'operators' } & OperatorRules & Made)
  | ({ readonly generator: 'words' } & WordRule & Made)

interface Made {
  /** SHA-256 of the rules as JSON: a generator that makes others is seen. Written by `npm run bench:expect`. */
  readonly sha256: string
}

/** One case. */
export interface BenchmarkCase {
  readonly name: string
  readonly description: string
  /** What the records are like. A file that says nothing means those of `weir generate ds2`. */
  readonly input: InputDescription
  /** The rule set, made or read from where the file says it is. */
  readonly rules: RuleSet
  /** What the file names in place of rules; absent where it has them. */
  readonly rulesFrom?: RulesFrom
  /** What keeps the same records in the format of the original, where that can say it. */
  readonly filters?: readonly OriginalFilterSettings[]
  readonly rg: RgPatterns
  /** Share of the input that jq is given, 0 to 1: its time grows with the input alone, and a case may take it hours. */
  readonly jq: { readonly share: number }
  /** What a plain reading of the rules finds (plain-reading.ts); written by `npm run bench:expect`. */
  readonly expected: readonly Expected[]
}

/**
 * Whether generated rules must be the ones whose hash the case has. `unchecked` is for who writes the hashes: elsewhere
 * results under one name would be about two rule sets.
 */
export type RulesCheck = 'checked' | 'unchecked'

/** Returns the cases of a folder, those with the fewest rules first. Errors: UsageError naming the file. */
export function loadCases(folder: string, check: RulesCheck = 'checked'): readonly BenchmarkCase[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
  if (files.length === 0) throw new UsageError(`There are no cases in ${folder}.`)
  const cases = files.map((file) => loadCase(join(folder, file), check))
  return cases.sort((a, b) => a.rules.rules.length - b.rules.rules.length)
}

/** Returns where a case is kept. */
export function casePath(folder: string, name: string): string {
  return join(folder, `${name}.json`)
}

/** A case as its file has it. */
interface WrittenCase extends Omit<BenchmarkCase, 'input' | 'rules' | 'rulesFrom' | 'jq'> {
  readonly input?: InputDescription
  readonly rules: RuleSet | RulesFrom
  readonly jq?: { readonly share: number }
}

/** Returns one case. Errors: UsageError naming the file. */
export function loadCase(path: string, check: RulesCheck = 'checked'): BenchmarkCase {
  const written = checkCase(JSON.parse(readFileSync(path, 'utf8')), path)
  const { rules, input = { generator: 'ds2' }, jq = { share: 1 }, ...rest } = written
  if ('default' in rules) return { ...rest, input, rules, jq }
  if ('generator' in rules) {
    const made = makeRules(rules, path)
    if (check === 'checked' && rules.sha256 !== hashOfRules(made))
      throw new UsageError(
        `${path}: the generator makes other rules than those of \`rules.sha256\`: npm run bench:expect.`,
      )
    return { ...rest, input, rules: made, rulesFrom: rules, jq }
  }
  const other = casePath(dirname(path), rules.case)
  if (!existsSync(other)) throw new UsageError(`${path}: \`rules.case\`: there is no case ${rules.case}.`)
  const from = checkCase(JSON.parse(readFileSync(other, 'utf8')), other)
  if ('case' in from.rules)
    throw new UsageError(`${path}: \`rules.case\`: ${rules.case} takes its rules from a case, too.`)
  return { ...rest, input, rules: loadCase(other, check).rules, rulesFrom: rules, jq }
}

function makeRules(from: Exclude<RulesFrom, { case: string }>, of: string): RuleSet {
  try {
    return from.generator === 'operators' ? generateRules(from) : generateWordRule(from)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new UsageError(`${of}: ${error.message}`)
  }
}

/** Returns the SHA-256 of rules, in hexadecimal, as cases with generated ones have it. */
export function hashOfRules(rules: RuleSet): string {
  return createHash('sha256').update(JSON.stringify(rules)).digest('hex')
}

/**
 * Returns the case with rules that its generator makes of another seed, and without committed answers, which are for
 * other rules; a case whose rules no generator makes as it is.
 */
export function withRulesSeed(benchmarkCase: BenchmarkCase, seed: number): BenchmarkCase {
  const { rulesFrom } = benchmarkCase
  if (rulesFrom === undefined || !('generator' in rulesFrom) || rulesFrom.seed === seed) return benchmarkCase
  const other = { ...rulesFrom, seed }
  const rules = makeRules(other, benchmarkCase.name)
  const rg = 'none' in benchmarkCase.rg ? benchmarkCase.rg : { none: 'The patterns are for rules of another seed.' }
  return { ...benchmarkCase, rules, rulesFrom: { ...other, sha256: hashOfRules(rules) }, rg, expected: [] }
}

function checkCase(value: unknown, path: string): WrittenCase {
  const read = value as Partial<WrittenCase>
  const need = (holds: boolean, what: string): void => {
    if (!holds) throw new UsageError(`${path}: a case needs ${what}.`)
  }
  need(typeof read.name === 'string' && basename(path) === `${read.name}.json`, 'the name of its file as `name`')
  need(typeof read.description === 'string', 'a `description`')
  const fault = read.input === undefined ? undefined : faultOfInput(read.input)
  if (fault !== undefined) throw new UsageError(`${path}: ${fault}`)
  const rulesFault = faultOfRules(read.rules)
  if (rulesFault !== undefined) throw new UsageError(`${path}: ${rulesFault}`)
  need(
    read.rg !== undefined && ('none' in read.rg || Array.isArray(read.rg.keep)),
    '`rg`: patterns, or why there are `none`',
  )
  need(
    read.jq === undefined || (read.jq.share > 0 && read.jq.share <= 1),
    '`jq.share` above 0 and at most 1, where it has `jq`',
  )
  need(Array.isArray(read.expected), 'a list `expected`')
  return read as WrittenCase
}

function faultOfRules(rules: Partial<WrittenCase>['rules']): string | undefined {
  if (typeof rules !== 'object' || rules === null) return '`rules` is a rule set, or says where one comes from.'
  if ('case' in rules) return typeof rules.case === 'string' ? undefined : '`rules.case` is the name of a case.'
  if ('generator' in rules) return faultOfGenerator(rules)
  if (!Array.isArray(rules.rules)) return '`rules.rules` is a list.'
  const actions = [rules.default, ...rules.rules.map(({ then }) => then)]
  // Commands that do not know routes have to give the same output.
  return actions.every((action) => typeof action === 'string')
    ? undefined
    : '`rules` keep or drop, without named routes.'
}

function faultOfGenerator(from: Exclude<RulesFrom, { case: string }>): string | undefined {
  const isCount = (value: unknown, least: number, most: number): boolean =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
  if (!isCount(from.seed, 0, 2 ** 31)) return '`rules.seed` is an integer from 0 to 2³¹.'
  switch (from.generator) {
    case 'operators': {
      const { rules, operators = 'all', fields = [''], keepShare = 1 } = from
      if (!isCount(rules, 1, 1000)) return '`rules.rules` is an integer from 1 to 1,000.'
      if (operators !== 'all' && operators !== 'plain') return '`rules.operators` is `all` or `plain`.'
      if (!Array.isArray(fields) || fields.length === 0 || fields.some((field) => typeof field !== 'string')) {
        return '`rules.fields` is a list of names of fields.'
      }
      return keepShare >= 2 ** -16 && keepShare <= 1 ? undefined : '`rules.keepShare` is above 0 and at most 1.'
    }
    case 'words':
      if (!isCount(from.words, 2, 100_000)) return '`rules.words` is an integer from 2 to 100,000.'
      return ['string', 'undefined'].includes(typeof from.start) ? undefined : '`rules.start` is a text.'
    default:
      return '`rules.generator` is `operators` or `words`.'
  }
}

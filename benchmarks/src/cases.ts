// Cases as data: reads and checks cases/*.json. A case is records, a rule set, how the pattern tools say the same, and what
// must come out of some generated inputs. Rules that are many, or those of another case, are named in place of being
// written out. Called by main.ts, service.ts and expect.ts; knows no contenders.

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { OriginalFilterSettings, RuleSet } from '@weir/engine'
import { UsageError } from './errors.ts'
import type { Expected } from './expected.ts'
import { faultOfInput } from './records/shape.ts'
import type { InputDescription } from './records/shape.ts'

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

/** Rules that stand elsewhere: in another case. */
export interface RulesOfCase {
  readonly case: string
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
  readonly rulesFrom?: RulesOfCase
  /** What keeps the same records in the format of the original, where that can say it. */
  readonly filters?: readonly OriginalFilterSettings[]
  readonly rg: RgPatterns
  /** Share of the input that jq is given, 0 to 1: its time grows with the input alone, and a case may take it hours. */
  readonly jq: { readonly share: number }
  /** What a plain reading of the rules finds (plain-reading.ts); written by `npm run bench:expect`. */
  readonly expected: readonly Expected[]
}

/** Returns the cases of a folder, those with the fewest rules first. Errors: UsageError naming the file. */
export function loadCases(folder: string): readonly BenchmarkCase[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  if (files.length === 0) throw new UsageError(`There are no cases in ${folder}.`)
  const cases = files.map((file) => loadCase(join(folder, file)))
  return cases.sort((a, b) => a.rules.rules.length - b.rules.rules.length)
}

/** Returns where a case is kept. */
export function casePath(folder: string, name: string): string {
  return join(folder, `${name}.json`)
}

/** A case as its file has it. */
interface WrittenCase extends Omit<BenchmarkCase, 'input' | 'rules' | 'rulesFrom' | 'jq'> {
  readonly input?: InputDescription
  readonly rules: RuleSet | RulesOfCase
  readonly jq?: { readonly share: number }
}

/** Returns one case. Errors: UsageError naming the file. */
export function loadCase(path: string): BenchmarkCase {
  const written = checkCase(JSON.parse(readFileSync(path, 'utf8')), path)
  const { rules, input = { generator: 'ds2' }, jq = { share: 1 }, ...rest } = written
  if ('rules' in rules) return { ...rest, input, rules, jq }
  const other = casePath(dirname(path), rules.case)
  if (!existsSync(other))
    throw new UsageError(`${path}: \`rules.case\` names the case ${rules.case}, which is not there.`)
  return { ...rest, input, rules: loadCase(other).rules, rulesFrom: rules, jq }
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
  need(
    typeof read.rules === 'object' && ('rules' in read.rules ? Array.isArray(read.rules.rules) : 'case' in read.rules),
    '`rules`: a rule set, or the `case` that has it',
  )
  need(
    read.rg !== undefined && ('none' in read.rg || Array.isArray(read.rg.keep)),
    '`rg`: patterns, or why there are `none`',
  )
  need(
    read.jq === undefined || (read.jq.share > 0 && read.jq.share <= 1),
    '`jq.share` above 0 and at most 1, where it has `jq`',
  )
  need(Array.isArray(read.expected), 'a list `expected`')
  const actions = 'rules' in read.rules! ? [read.rules.default, ...read.rules.rules.map(({ then }) => then)] : []
  // Commands that do not know routes have to give the same output.
  need(
    actions.every((action) => typeof action === 'string'),
    'rules that keep or drop, without named routes',
  )
  return read as WrittenCase
}

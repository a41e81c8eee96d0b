// Cases as data: reads and checks cases/*.json. A case is a rule set, how the pattern tools say the same, and what must
// come out of some generated inputs. Called by main.ts and expect.ts; knows no contenders.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { OriginalFilterSettings, RuleSet } from '@weir/engine'
import { UsageError } from './errors.ts'
import type { Expected } from './expected.ts'

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

/** One case. */
export interface BenchmarkCase {
  readonly name: string
  readonly description: string
  readonly rules: RuleSet
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
  const cases = files.map((file) => checkCase(JSON.parse(readFileSync(join(folder, file), 'utf8')), join(folder, file)))
  return cases.sort((a, b) => a.rules.rules.length - b.rules.rules.length)
}

/** Returns where a case is kept. */
export function casePath(folder: string, name: string): string {
  return join(folder, `${name}.json`)
}

function checkCase(value: unknown, path: string): BenchmarkCase {
  const read = value as Partial<BenchmarkCase>
  const need = (holds: boolean, what: string): void => {
    if (!holds) throw new UsageError(`${path}: a case needs ${what}.`)
  }
  need(typeof read.name === 'string' && path.endsWith(`${read.name}.json`), 'the name of its file as `name`')
  need(typeof read.description === 'string', 'a `description`')
  need(Array.isArray(read.rules?.rules), '`rules`, a rule set')
  need(
    read.rg !== undefined && ('none' in read.rg || Array.isArray(read.rg.keep)),
    '`rg`: patterns, or why there are `none`',
  )
  need(read.jq !== undefined && read.jq.share > 0 && read.jq.share <= 1, '`jq.share` above 0 and at most 1')
  need(Array.isArray(read.expected), 'a list `expected`')
  const actions = [read.rules!.default, ...read.rules!.rules.map((rule) => rule.then)]
  // Commands that do not know routes have to give the same output.
  need(
    actions.every((action) => typeof action === 'string'),
    'rules that keep or drop, without named routes',
  )
  return read as BenchmarkCase
}

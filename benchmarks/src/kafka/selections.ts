// The filters that contenders between topics are given: three sets in the original's own format, which every one of them can
// follow, and what they keep by a plain reading. Called by raw-topics.ts and the cases.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { OriginalFilterSettings, RuleSet } from '@weir/engine'
import type { Input } from '../inputs.ts'
import { decidingRule, linesOf } from '../plain-reading.ts'

/** About how many of a hundred records are kept. */
export type KeptPercent = 1 | 10 | 90

/** All shares, the smallest first. */
export const keptPercents: readonly KeptPercent[] = [1, 10, 90]

const browsers = { fieldName: 'UA', regex: '.*(Chrome|Firefox|Safari).*', include: true }

/** The filters that keep about so many of a hundred records of `weir generate ds2`. A record has to pass all of them. */
export const filtersKeeping: Readonly<Record<KeptPercent, readonly OriginalFilterSettings[]>> = {
  1: [{ fieldName: 'statusCode', regex: '50[03]', include: true }, browsers],
  10: [
    { fieldName: 'country', regex: 'BR|AU|RU', include: true },
    { fieldName: 'reqMethod', regex: 'GET', include: true },
    browsers,
  ],
  90: [
    { fieldName: 'statusCode', regex: '304', include: false },
    { fieldName: 'UA', regex: '(kube-probe|curl|Go-http-client|python-requests)%2F.*', include: false },
  ],
}

/** Returns filters as rules: the first filter that a record does not pass drops it. Records hold texts alone. */
export function rulesOf(filters: readonly OriginalFilterSettings[]): RuleSet {
  const rules = filters.map(({ fieldName, regex, include = false }, index) => {
    const matches = { field: fieldName, matches: regex }
    return { id: `filter-${index}`, when: include ? { not: matches } : matches, then: 'drop' as const }
  })
  return { version: 1, default: 'keep', rules }
}

/** Returns for each line of an input whether it is kept, as 0 or 1; read plainly once and kept in the cache folder. */
export async function keptLines(
  input: Input,
  filters: readonly OriginalFilterSettings[],
  cache: string,
): Promise<Uint8Array> {
  const rules = rulesOf(filters)
  const hash = createHash('sha256').update(basename(input.path)).update(JSON.stringify(rules))
  // Another reading may find another answer.
  hash.update(readFileSync(fileURLToPath(new URL('../plain-reading.js', import.meta.url))))
  const path = join(cache, 'answers', `${hash.digest('hex').slice(0, 24)}.kept`)
  if (existsSync(path)) return readFileSync(path)
  const kept = new Uint8Array(input.records)
  let index = 0
  for await (const line of linesOf(input.path)) kept[index++] = decidingRule(rules, line) === filters.length ? 1 : 0
  if (index !== input.records) throw new Error(`${input.path} has ${index} lines, not ${input.records}.`)
  mkdirSync(join(cache, 'answers'), { recursive: true })
  writeFileSync(path, kept)
  return kept
}

// What must come out of an input: the committed answer where the case has one for it, else a plain reading, kept in the
// cache folder. Called by main.ts and tests.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BenchmarkCase } from './cases.ts'
import type { Expected } from './expected.ts'
import type { Input } from './inputs.ts'
import { readPlainly } from './plain-reading.ts'

/** Returns what must come out of the input. Cost: without a committed or kept answer, up to a minute for 1 GB. */
export async function expectedOf(benchmarkCase: BenchmarkCase, input: Input, cache: string): Promise<Expected> {
  const { expected, rules } = benchmarkCase
  const committed = expected.find((each) => each.records === input.records && each.seed === input.seed)
  if (committed !== undefined) return committed
  const hash = createHash('sha256').update(basename(input.path)).update(JSON.stringify(rules))
  // Another reading may find another answer.
  hash.update(readFileSync(fileURLToPath(new URL('./plain-reading.js', import.meta.url))))
  const kept = join(cache, 'answers', `${hash.digest('hex').slice(0, 24)}.json`)
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8')) as Expected
  const answer: Expected = {
    records: input.records,
    seed: input.seed,
    ...(await readPlainly(rules, input.path)),
  }
  mkdirSync(join(cache, 'answers'), { recursive: true })
  writeFileSync(kept, JSON.stringify(answer))
  return answer
}

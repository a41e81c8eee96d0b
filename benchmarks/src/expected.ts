// What must come out: counts and the digest of the kept bytes, how they are collected, and how an answer that differs
// is described. Called by everything that answers or checks answers.

import { createHash } from 'node:crypto'

/** What must come out of a generated input. */
export interface Expected {
  readonly records: number
  readonly seed: number
  readonly byRoute: { readonly keep: number; readonly drop: number; readonly malformed: number }
  /** Records decided by each rule, in order, then those that no rule decided. */
  readonly byRule: readonly number[]
  /** SHA-256 of the kept records, one after another, in hexadecimal. */
  readonly sha256: string
}

/** Returns the digest of some bytes, one after another. */
export function digest(parts: Iterable<Uint8Array>): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/**
 * Returns how the answer differs from what must come out, as a sentence, or undefined when it does not. Under `kept`, a
 * malformed record that a rule drops early may be counted as dropped by it; so where there are malformed records, a rule
 * may have decided more records than it should by as many. What is kept is exact, and with it the rules that keep.
 */
export function differenceOf(
  answer: { readonly kept: number; readonly sha256: string; readonly byRule?: readonly number[] },
  expected: Expected,
): string | undefined {
  const { byRoute, byRule, sha256 } = expected
  if (answer.kept !== byRoute.keep) return `keeps ${answer.kept} records, not ${byRoute.keep}`
  if (answer.sha256 !== sha256) return `keeps the right number of records, ${answer.kept}, but other bytes`
  let spare = byRoute.malformed
  for (const [i, count] of answer.byRule?.entries() ?? []) {
    const right = byRule[i] ?? 0
    spare -= Math.max(0, count - right)
    if (count < right || spare < 0) return `decides ${count} records by rule ${i + 1}, not ${right}`
  }
  return undefined
}

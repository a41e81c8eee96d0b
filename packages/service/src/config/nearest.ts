// "Did you mean …?": the word of a list that another is probably a slip of. Called by the files beside it.

/**
 * Returns the word of `words` that `word` is probably a slip of: equal but for case, or one or two letters away.
 * Cost: the product of the lengths, for each word.
 */
export function nearest(word: string, words: Iterable<string>): string | undefined {
  const lower = word.toLowerCase()
  // A third of the letters may differ, else short words would be taken for anything.
  let best = Math.min(2, Math.floor(word.length / 3)) + 1
  let found: string | undefined
  for (const candidate of words) {
    if (candidate.toLowerCase() === lower) return candidate
    if (Math.abs(candidate.length - word.length) >= best) continue
    const slips = countSlips(lower, candidate.toLowerCase())
    if (slips >= best) continue
    best = slips
    found = candidate
  }
  return found
}

/** Counts letters inserted, left out, replaced, and neighbours swapped. */
function countSlips(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwapped ? at(i - 2, j - 2) + 1 : replaced
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped))
    }
  }
  return at(a.length, b.length)
}

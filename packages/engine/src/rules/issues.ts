// Collects what is wrong with a rule set while it is read and compiled, and gives each problem its place. Decides
// nothing about rules. Used by every file that checks a part of a rule set.

import type { RuleSetIssue } from '../errors.ts'
import type { Path, Source } from './source-node.ts'
import { formatPath, positionOf } from './source-node.ts'

/**
 * Problems, and warnings, that are listed one by one: nobody reads more, and the cause of most is among the first.
 */
const mostListed = 100

/** Entries that are kept at all, from which those first in place are listed: a 16 MiB file can have millions. */
const mostKept = 10_000

interface Entry {
  readonly path: Path
  readonly message: string
  readonly suggestion: string | undefined
  readonly atKey: boolean
  readonly at: number | undefined
}

/** How an issue is reported, beyond its path and message. */
export interface IssueOptions {
  /** What to write instead. */
  readonly suggestion?: string | undefined
  /** The key is at fault, not its value. */
  readonly atKey?: boolean
  /** Position in the source, where the path alone would not lead to it. */
  readonly at?: number
  /** A file cannot be read: not a fault of the rules themselves. */
  readonly isUnreadable?: boolean
}

/** All problems and warnings of one rule set. */
export class IssueList {
  readonly #problems: Entry[] = []
  readonly #warnings: Entry[] = []
  #problemCount = 0
  #warningCount = 0
  #unreadable = 0

  /** Number of problems; warnings do not count. */
  get count(): number {
    return this.#problemCount
  }

  /** Whether there are problems, and all of them are files that cannot be read. */
  get isUnreadable(): boolean {
    return this.count > 0 && this.#unreadable === this.count
  }

  /** Adds a problem: the rule set will be refused. `message` is one sentence. */
  add(path: Path, message: string, options: IssueOptions = {}): void {
    if (this.#problemCount++ < mostKept) this.#problems.push(entryOf(path, message, options))
    if (options.isUnreadable === true) this.#unreadable++
  }

  /** Adds a warning: the rule set is accepted, and its author had better look. */
  warn(path: Path, message: string, options: IssueOptions = {}): void {
    if (this.#warningCount++ < mostKept) this.#warnings.push(entryOf(path, message, options))
  }

  /**
   * Returns a function that tells whether the item of that index in the root's list `key` may have a problem within:
   * may say so of an item that has none, never the other way round.
   */
  suspectsIn(key: string): (index: number) => boolean {
    if (this.#problemCount > this.#problems.length) return () => true
    const indexes = new Set(this.#problems.filter(({ path }) => path[0] === key).map(({ path }) => path[1]))
    return (index) => indexes.has(index)
  }

  /** Returns the first problems in order of place in `source`; the last one tells how many more there are. */
  problems(source: Source): RuleSetIssue[] {
    return placed(this.#problems, this.#problemCount, 'problem', source)
  }

  /** Returns the first warnings in order of place in `source`; the last one tells how many more there are. */
  warnings(source: Source): RuleSetIssue[] {
    return placed(this.#warnings, this.#warningCount, 'warning', source)
  }
}

function entryOf(path: Path, message: string, options: IssueOptions): Entry {
  return { path, message, suggestion: options.suggestion, atKey: options.atKey === true, at: options.at }
}

function placed(
  entries: readonly Entry[],
  count: number,
  what: 'problem' | 'warning',
  { root, locate }: Source,
): RuleSetIssue[] {
  const more = count - mostListed
  const rest = more === 1 ? `1 more ${what} follows here.` : `${more} more ${what}s follow from here on.`
  return entries
    .map((entry) => ({
      entry,
      at: entry.at ?? (root === undefined ? 0 : positionOf(root, entry.path, entry.atKey)),
    }))
    .toSorted((a, b) => a.at - b.at)
    .slice(0, mostListed + 1)
    .map(({ entry: { path, message, suggestion }, at }, i) => ({
      path: formatPath(path),
      message: i < mostListed ? message : rest,
      ...(suggestion === undefined || i === mostListed ? {} : { suggestion }),
      ...(locate === undefined ? {} : locate(at)),
    }))
}

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
    const distance = editDistance(lower, candidate.toLowerCase())
    if (distance < best) {
      best = distance
      found = candidate
    }
  }
  return found
}

/** Counts insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1)
      current.push(least)
    }
    before = previous
    previous = current
  }
  return previous[b.length]!
}

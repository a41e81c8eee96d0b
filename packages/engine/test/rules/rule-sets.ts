// What the tests of rules/ share: rule sets made of one condition, the issues that a rule set has, and lists read back
// from a program's bytes. Holds no expectations.

import { RuleSetError, type RuleSetIssue } from '#src/errors.js'
import { compileRuleSet, type CompiledRuleSet, type RuleSource } from '#src/rules/compile.js'
import { hashText, headerWord, listKind, listWords, type Program } from '#src/rules/program.js'
import type { Action, Condition, Rule, RuleSet } from '#src/rules/rule-set.js'

/** Returns a rule set with the one condition. */
export function ruleSetOf(when: unknown, more: object = {}): RuleSet {
  return { version: 1, default: 'drop', rules: [{ id: 'only', when: when as Condition, then: 'keep' }], ...more }
}

/** Compiles a rule set with the one condition. */
export function compileOne(when: unknown, more: object = {}): CompiledRuleSet {
  return compileRuleSet(ruleSetOf(when, more))
}

/** Returns `count` rules with ids of their own; `part` gives what else stands in each. */
export function rulesOf(count: number, part: (index: number) => { when: unknown; then?: Action }): Rule[] {
  return Array.from({ length: count }, (_, i) => ({ id: `rule-${i}`, then: 'drop', ...part(i) }) as Rule)
}

/** Compiles a rule set with these rules. */
export function compileSeveral(rules: readonly Rule[]): CompiledRuleSet {
  return compileRuleSet({ version: 1, default: 'keep', rules })
}

/** Returns a condition inside of `depth` times `not`. */
export function nested(depth: number): unknown {
  let condition: unknown = { field: 'a', exists: true }
  for (let i = 0; i < depth; i++) condition = { not: condition }
  return condition
}

/** Returns the error that compiling throws, and fails when it throws none. */
export function errorOf(source: RuleSource): RuleSetError {
  try {
    compileRuleSet(source)
  } catch (error) {
    if (error instanceof RuleSetError) return error
    throw error
  }
  throw new Error('the rule set was accepted')
}

/** Returns all issues of a rule set that has some. */
export function issuesOf(source: RuleSource): readonly RuleSetIssue[] {
  return errorOf(source).issues
}

/** Returns issues as lines: `line:column path: message [suggestion]`. */
export function shown(issues: readonly RuleSetIssue[]): string[] {
  return issues.map(({ line, column, path, message, suggestion }) => {
    const place = line === undefined ? '' : `${line}:${column} `
    return `${place}${path}: ${message}${suggestion === undefined ? '' : ` [${suggestion}]`}`
  })
}

/** Returns the YAML text of a rule set whose one rule has the condition `when`, on line 5 from column 11. */
export function yamlOf(when: string): { text: string } {
  return { text: `version: 1\ndefault: drop\nrules:\n  - id: a\n    when: ${when}\n    then: keep\n` }
}

/** A list of a program, read back. */
export type ReadList =
  | { readonly kind: 'set' | 'substrings'; readonly entries: readonly Buffer[] }
  | { readonly kind: 'networks'; readonly v4: readonly [number, number][]; readonly v6: readonly [bigint, bigint][] }

/** Returns the lists of a program, after checking what the layout promises of each. */
export function readLists(program: Program): ReadList[] {
  const header = wordsAt(program, 0, 16)
  const count = header[headerWord.listCount]!
  const directory = wordsAt(program, header[headerWord.listsAt]!, count * listWords)
  return Array.from({ length: count }, (_, i) =>
    readList(program, [...directory.subarray(i * listWords, (i + 1) * listWords)]),
  )
}

/** Returns the fold table of a program. */
export function readFolds(program: Program): [number, number][] {
  const header = wordsAt(program, 0, 16)
  const words = wordsAt(program, header[headerWord.foldAt]!, header[headerWord.foldCount]! * 2)
  return Array.from({ length: words.length / 2 }, (_, i) => [words[2 * i]!, words[2 * i + 1]!])
}

function wordsAt(program: Program, at: number, length: number): Uint32Array {
  check(at % 4 === 0, 'a position is a multiple of 4')
  return new Uint32Array(program.bytes.buffer, program.bytes.byteOffset + at, length)
}

function check(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`the layout breaks its promise: ${promise}`)
}

function readList(program: Program, words: readonly number[]): ReadList {
  const kind = words[0]
  if (kind === listKind.set) return readSet(program, words)
  if (kind === listKind.substrings) return readSubstrings(program, words)
  const [, v4Count, v4At, v6Count, v6At] = words as [number, number, number, number, number]
  const v4 = wordsAt(program, v4At, v4Count * 2)
  const v6 = wordsAt(program, v6At, v6Count * 8)
  const address = (at: number): bigint => v6.subarray(at, at + 4).reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
  return {
    kind: 'networks',
    v4: Array.from({ length: v4Count }, (_, i) => [v4[2 * i]!, v4[2 * i + 1]!]),
    v6: Array.from({ length: v6Count }, (_, i) => [address(8 * i), address(8 * i + 4)]),
  }
}

function readSet(program: Program, words: readonly number[]): ReadList {
  const [, count, hashesAt, offsetsAt, bytesAt, bucketsAt, bucketBits, byteLength] = words as number[] & { length: 8 }
  const hashes = wordsAt(program, hashesAt!, count!)
  const entries = readEntries(program, count!, offsetsAt!, bytesAt!, byteLength!)
  check(bucketBits! >= 1 && bucketBits! <= 24, 'bucketBits is 1 to 24')
  const buckets = wordsAt(program, bucketsAt!, 2 ** bucketBits! + 1)
  check(buckets[0] === 0 && buckets[2 ** bucketBits!] === count, 'buckets cover all entries')
  for (const [i, entry] of entries.entries()) {
    check(hashes[i] === hashText(entry), 'hashes are hashText of the entries')
    const bucket = hashes[i]! >>> (32 - bucketBits!)
    check(buckets[bucket]! <= i && i < buckets[bucket + 1]!, 'an entry stands in the bucket of its hash')
    const isAscending =
      i === 0 ||
      hashes[i - 1]! < hashes[i]! ||
      (hashes[i - 1] === hashes[i] && Buffer.compare(entries[i - 1]!, entry) < 0)
    check(isAscending, 'entries ascend by hash and bytes')
  }
  return { kind: 'set', entries }
}

function readSubstrings(program: Program, words: readonly number[]): ReadList {
  const [, count, offsetsAt, bytesAt, pairsAt, byteLength] = words as number[] & { length: 8 }
  const entries = readEntries(program, count!, offsetsAt!, bytesAt!, byteLength!)
  const expected = new Uint8Array(8192)
  for (const [i, entry] of entries.entries()) {
    check(i === 0 || Buffer.compare(entries[i - 1]!, entry) < 0, 'entries ascend by bytes')
    if (entry.length === 0) continue
    const seconds = entry.length > 1 ? [entry[1]!] : Array.from({ length: 256 }, (_, second) => second)
    for (const second of seconds) expected[(entry[0]! | (second << 8)) >> 3]! |= 1 << (entry[0]! & 7)
  }
  const pairs = program.bytes.slice(pairsAt, pairsAt! + 8192)
  check(Buffer.compare(pairs, expected) === 0, 'pairs are the first two bytes of entries')
  return { kind: 'substrings', entries }
}

function readEntries(
  program: Program,
  count: number,
  offsetsAt: number,
  bytesAt: number,
  byteLength: number,
): Buffer[] {
  const offsets = wordsAt(program, offsetsAt, count + 1)
  check(offsets[0] === 0 && offsets[count] === byteLength, 'offsets cover all bytes')
  const bytes = Buffer.from(program.bytes.slice(bytesAt, bytesAt + byteLength))
  return Array.from({ length: count }, (_, i) => bytes.subarray(offsets[i], offsets[i + 1]))
}

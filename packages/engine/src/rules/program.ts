// A compiled rule set as one block of shared memory that both kernels read: a plan (JSON) and its lists
// (binary, so that a million entries lie in memory once). compile.ts writes programs; nothing changes one.
// The list layouts are repeated in native/program.h; `programFormat` changes with either.

/** Version of the layout below; a kernel refuses any other. */
export const programFormat = 3

/** Indexes of the routes that every program has. Named routes follow. */
export const route = { keep: 0, drop: 1, malformed: 2 } as const

/** One distinct thing that predicates look at: a value's text, after decoding. */
export interface PlanField {
  /** Keys and array indexes from the record's object down; the first is a key. */
  readonly path: readonly (string | number)[]
  readonly decode: 'none' | 'url'
}

/** One distinct test. `field` is an index into `fields`, `list` into the program's lists. */
export type PlanPredicate =
  | { readonly op: 'exists'; readonly field: number }
  /** `pattern` is complete: `(?i)` stands in it where the rule ignores case. `whole`: the whole text must match. */
  | { readonly op: 'regex'; readonly field: number; readonly pattern: string; readonly whole: boolean }
  /** The text, folded when `fold`, is an entry of a `set` list (whose entries are folded already). */
  | { readonly op: 'set'; readonly field: number; readonly list: number; readonly fold: boolean }
  /** The text, folded when `fold`, begins or ends with one of `texts` (folded already). */
  | {
      readonly op: 'prefix' | 'suffix'
      readonly field: number
      readonly texts: readonly string[]
      readonly fold: boolean
    }
  /** The text, folded when `fold`, contains an entry of a `substrings` list (folded already). */
  | { readonly op: 'substrings'; readonly field: number; readonly list: number; readonly fold: boolean }
  /** The text is a number, and every bound present holds. Bounds are JSON numbers as written, leading zeros allowed. */
  | {
      readonly op: 'compare'
      readonly field: number
      readonly lt?: string
      readonly lte?: string
      readonly gt?: string
      readonly gte?: string
    }
  /** The text is an address within a `networks` list. */
  | { readonly op: 'networks'; readonly field: number; readonly list: number }

/** A condition over predicate indexes. */
export type PlanCondition =
  number | readonly ['all', ...PlanCondition[]] | readonly ['any', ...PlanCondition[]] | readonly ['not', PlanCondition]

export interface PlanRule {
  readonly id: string
  readonly when: PlanCondition
  /** Index into `routes`. */
  readonly route: number
}

/**
 * Whose meaning records, fields and values have: this language's, or that of the original converter's filters
 * (docs/original.md).
 */
export type Dialect = 'weir' | 'original'

/** What a kernel needs to know, but for the lists. */
export interface Plan {
  /** In the dialect `original`, all predicates are patterns, and the last rule, if any, is for records `null`. */
  readonly dialect: Dialect
  /** 16 hexadecimal digits that depend on the meaning of the rule set alone. */
  readonly version: string
  /** Texts that count as absent, compared before decoding. */
  readonly missing: readonly string[]
  readonly fields: readonly PlanField[]
  /** Index of the field that holds the time of a record, which is not decoded; absent where delays are not counted. */
  readonly timeField?: number
  readonly predicates: readonly PlanPredicate[]
  readonly rules: readonly PlanRule[]
  /** Route of a record that no rule decides. */
  readonly defaultRoute: number
  /** `keep`, `drop`, `malformed`, then the named routes. */
  readonly routes: readonly string[]
}

/** What a plan says to those who do not evaluate: of a large rule set a small part. */
export interface PlanOutline extends Pick<Plan, 'version' | 'routes' | 'fields' | 'timeField'> {
  readonly rules: readonly Pick<PlanRule, 'id'>[]
}

/** Returns the outline of a plan, and nothing else of it. */
export function outlineOf({ version, routes, fields, rules, timeField }: Plan): PlanOutline {
  const outline = { version, routes, fields, rules: rules.map(({ id }) => ({ id })) }
  return timeField === undefined ? outline : { ...outline, timeField }
}

/** What the words of the block's header mean; word *i* is a little-endian uint32 at byte 4 × *i*. */
export const headerWord = {
  magic: 0,
  format: 1,
  totalBytes: 2,
  planAt: 3,
  planBytes: 4,
  listCount: 5,
  /** Byte position of `listCount` × `listWords` words. */
  listsAt: 6,
  /** Byte position of the fold table: `foldCount` pairs (code point, folded code point), ascending. */
  foldAt: 7,
  foldCount: 8,
} as const
export const headerBytes = 64
export const programMagic = 0x52494557 // "WEIR"

/** Words of one list's directory entry; all positions are bytes from the start of the block, 4-aligned. */
export const listWords = 8
/** Kinds of list, word 0 of a directory entry. */
export const listKind = { set: 1, substrings: 2, networks: 3 } as const
/**
 * Directory entries by kind.
 *
 * `set`: [1, count, hashesAt, offsetsAt, bytesAt, bucketsAt, bucketBits, byteLength]. Entries are distinct UTF-8
 * texts in ascending order of (hash, bytes). `hashes`: `count` words, `hashText` of each entry. `offsets`:
 * `count + 1` words, entry *i* is bytes[offsets[i], offsets[i + 1]) from `bytesAt`. `buckets`:
 * 2^bucketBits + 1 words; the entries whose hash has the upper bits *b* are [buckets[b], buckets[b + 1]).
 * `bucketBits` is 1 to 24.
 *
 * `substrings`: [2, count, offsetsAt, bytesAt, pairsAt, byteLength, 0, 0]. Entries are distinct UTF-8 texts in
 * ascending byte order; the empty text, if there, is entry 0 and is contained in every text. `pairs`: 8192 bytes,
 * a bitmap of the first two bytes of entries; bit (first | second << 8) is bit (n & 7) of byte (n >> 3). An entry
 * of one byte sets all 256 bits of its first byte.
 *
 * `networks`: [3, v4Count, v4At, v6Count, v6At, 0, 0, 0]. Disjoint ascending inclusive ranges. v4: pairs of words
 * (low, high). v6: eight words (low, high), four each, most significant first.
 */
export interface ProgramList {
  readonly kind: (typeof listKind)[keyof typeof listKind]
  readonly words: readonly number[]
}

/**
 * Returns the 32-bit hash of bytes[start, end) that `set` lists are ordered by (MurmurHash3 x86 32, seed 0).
 * Both kernels compute it alike.
 */
export function hashText(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let h = 0
  let i = start
  for (; i + 4 <= end; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    k = Math.imul(k, 0xcc9e2d51)
    k = (k << 15) | (k >>> 17)
    h ^= Math.imul(k, 0x1b873593)
    h = (h << 13) | (h >>> 19)
    h = (Math.imul(h, 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let j = end - 1; j >= i; j--) tail = (tail << 8) | bytes[j]!
  if (i < end) {
    tail = Math.imul(tail, 0xcc9e2d51)
    tail = (tail << 15) | (tail >>> 17)
    h ^= Math.imul(tail, 0x1b873593)
  }
  h ^= end - start
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** A compiled rule set: immutable, shared by all threads. */
export interface Program {
  readonly plan: Plan
  /** The block described above, over a SharedArrayBuffer. */
  readonly bytes: Uint8Array
}

/** Returns the plan that stands in a program's block. Cost: one JSON.parse of the plan. */
export function readPlan(bytes: Uint8Array): Plan {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, headerBytes / 4)
  if (words[headerWord.magic] !== programMagic || words[headerWord.format] !== programFormat) {
    throw new TypeError('not a program of this version')
  }
  const at = words[headerWord.planAt]!
  // TextDecoder refuses shared memory, so the plan is copied out first.
  return JSON.parse(new TextDecoder().decode(bytes.slice(at, at + words[headerWord.planBytes]!))) as Plan
}

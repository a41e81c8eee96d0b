// The verdict of one evaluate() call: columns with an entry per record, and what can be asked of them. Columns of
// several answers are joined here; dispatch belongs to the engine. The only loops over records in JavaScript are
// those over these columns.

import { malformedReason, slabWord } from './batch/batch.ts'
import type { MalformedReason } from './batch/batch.ts'
import { lineFeed } from './batch/framing.ts'
import type { Slab } from './batch/slab.ts'
import { EngineError } from './errors.ts'
import { route as routeNumber } from './rules/program.ts'
import type { PlanOutline } from './rules/program.ts'
import type { Counts } from './verdict/verdict.ts'

/** The columns of a verdict: entry *i* of each is about record *i*. */
export interface RecordColumns {
  readonly recordStarts: Uint32Array
  readonly recordEnds: Uint32Array
  readonly rules: Uint16Array
  readonly routes: Uint8Array
  readonly reasons: Uint8Array
}

/** Returns the columns of the answer that stands in a slab: views, which end with the slab's ownership. */
export function viewColumns(slab: Slab): RecordColumns {
  const records = slab.words[slabWord.records]!
  return {
    recordStarts: slab.recordStarts.subarray(0, records),
    recordEnds: slab.recordEnds.subarray(0, records),
    rules: slab.rules.subarray(0, records),
    routes: slab.routes.subarray(0, records),
    reasons: slab.reasons.subarray(0, records),
  }
}

/** Returns the columns in memory of their own, with `shift` added to all positions. */
export function copyColumns(columns: RecordColumns, shift = 0): RecordColumns {
  const move = (positions: Uint32Array): Uint32Array => positions.slice().map((position) => position + shift)
  return {
    recordStarts: shift === 0 ? columns.recordStarts.slice() : move(columns.recordStarts),
    recordEnds: shift === 0 ? columns.recordEnds.slice() : move(columns.recordEnds),
    rules: columns.rules.slice(),
    routes: columns.routes.slice(),
    reasons: columns.reasons.slice(),
  }
}

/** Returns the columns of all parts, one after another. */
export function joinColumns(parts: readonly RecordColumns[]): RecordColumns {
  if (parts.length === 1) return parts[0]!
  const records = parts.reduce((sum, part) => sum + part.routes.length, 0)
  const joined = {
    recordStarts: new Uint32Array(records),
    recordEnds: new Uint32Array(records),
    rules: new Uint16Array(records),
    routes: new Uint8Array(records),
    reasons: new Uint8Array(records),
  }
  let at = 0
  for (const part of parts) {
    joined.recordStarts.set(part.recordStarts, at)
    joined.recordEnds.set(part.recordEnds, at)
    joined.rules.set(part.rules, at)
    joined.routes.set(part.routes, at)
    joined.reasons.set(part.reasons, at)
    at += part.routes.length
  }
  return joined
}

/** Records of one route that a kernel gathered, one after another. */
export interface GatheredSegment {
  /** The route's index. */
  readonly route: number
  readonly bytes: Uint8Array
}

/** Returns what the kernel gathered in a slab: views, which end with the slab's ownership. */
export function viewSegments({ words, gather }: Slab): GatheredSegment[] {
  return Array.from({ length: words[slabWord.segments]! }, (_, i) => {
    const at = slabWord.segment + i * 3
    return { route: words[at]!, bytes: gather.subarray(words[at + 1], words[at + 2]) }
  })
}

/** Returns the segments in memory of their own. */
export function copySegments(segments: readonly GatheredSegment[]): GatheredSegment[] {
  return segments.map(({ route, bytes }) => ({ route, bytes: bytes.slice() }))
}

/** Returns the routes that verdicts have gathered in the same pass that judges: all but `drop`, which is rarely wanted. */
export function gatheredRoutes(plan: PlanOutline): number[] {
  return Array.from(plan.routes.keys()).filter((index) => index !== routeNumber.drop)
}

/** What a verdict is made of. */
export interface VerdictParts {
  readonly plan: PlanOutline
  readonly counts: Counts
  readonly columns: RecordColumns
  /** The records of `gatheredRoutes`, in input order within each route. */
  readonly segments: readonly GatheredSegment[]
  readonly bytes: Uint8Array
  readonly valueStarts?: Uint32Array
  /** Called once, by `release()`, when the verdict lies in memory that can be used again. */
  readonly release?: () => void
}

/**
 * The answer for some input. Positions are bytes from the start of `bytes`, which is the input as it was when
 * `evaluate` was called (for `evaluateMany`: the values one after another).
 *
 * *Ownership*: the arrays are the verdict's. They stay as they are until `release()`; without a release, memory is
 * given back some time after the verdict was dropped. A released verdict still has its counts.
 */
export class Verdict {
  /** Counts of all records. */
  readonly counts: Counts
  /** Version of the rule set that judged: all records by the same one. */
  readonly version: string
  /** Names of routes; entry *r* is what the value *r* in `routes` means. */
  readonly routeNames: readonly string[]
  /** Ids of rules; entry *r* is what the value *r* in `rules` means. One entry more, `default`, stands for no rule. */
  readonly ruleNames: readonly string[]
  #parts: VerdictParts | undefined

  /** Verdicts are made by the engine. */
  constructor(parts: VerdictParts) {
    this.counts = parts.counts
    this.version = parts.plan.version
    this.routeNames = parts.plan.routes
    this.ruleNames = [...parts.plan.rules.map((rule) => rule.id), 'default']
    this.#parts = parts
  }

  /** How many records there are. Blank lines are none. */
  get records(): number {
    return this.counts.records
  }

  /** The bytes that positions refer to: the verdict's own copy of the input. Do not write into it. */
  get bytes(): Uint8Array {
    return this.#held.bytes
  }

  /** Position of each record's first byte; ascending. */
  get recordStarts(): Uint32Array {
    return this.#held.columns.recordStarts
  }

  /** Position after each record's line end; record *i* is `bytes` [recordStarts[i], recordEnds[i]). */
  get recordEnds(): Uint32Array {
    return this.#held.columns.recordEnds
  }

  /** Index in `ruleNames` of the rule that decided each record; 65,535 where the record is malformed. */
  get rules(): Uint16Array {
    return this.#held.columns.rules
  }

  /** Index in `routeNames` of each record's route. */
  get routes(): Uint8Array {
    return this.#held.columns.routes
  }

  /** Why each record is malformed: a value of `malformedReason`; 0 where it is not. */
  get reasons(): Uint8Array {
    return this.#held.columns.reasons
  }

  /**
   * Position of each value's first byte, and the end: `values.length + 1` entries. Value *i* is
   * `bytes` [valueStarts[i], valueStarts[i + 1]). For `evaluate`, the input counts as one value.
   */
  get valueStarts(): Uint32Array {
    const { valueStarts, bytes } = this.#held
    return valueStarts ?? Uint32Array.of(0, bytes.length)
  }

  /** Returns [first, end): the indexes of the records of value `value`. Errors: RangeError. Cost: a binary search. */
  recordsOf(value: number): [first: number, end: number] {
    const starts = this.valueStarts
    if (!Number.isInteger(value) || value < 0 || value >= starts.length - 1) {
      throw new RangeError(`there is no value ${value}; there are ${starts.length - 1}`)
    }
    return [firstAtLeast(this.recordStarts, starts[value]!), firstAtLeast(this.recordStarts, starts[value + 1]!)]
  }

  /** Returns why record `record` is malformed, or undefined when it is not. */
  reasonOf(record: number): MalformedReason | undefined {
    const code = this.reasons[record]
    return reasonNames[code ?? 0]
  }

  /**
   * Returns where a route's records lie: pairs [start, end) of positions in `bytes`, ascending. Records that touch
   * are one range. Errors: `ERR_ENGINE_UNKNOWN_ROUTE`, `ERR_ENGINE_VERDICT_RELEASED`. Cost: one pass over all records.
   */
  ranges(route: string): Uint32Array {
    const { columns } = this.#held
    const index = routeIndex(this.routeNames, route)
    const { recordStarts, recordEnds, routes } = columns
    const pairs = new Uint32Array(2 * countRuns(columns, index))
    let at = 0
    let end = -1
    for (let i = 0; i < routes.length; i++) {
      if (routes[i] !== index) continue
      if (recordStarts[i] !== end) {
        pairs[at] = recordStarts[i]!
        at += 2
      }
      end = recordEnds[i]!
      pairs[at - 1] = end
    }
    return pairs
  }

  /**
   * Returns a route's records one after another, unchanged, in memory of the caller's. The last one gets a line feed
   * if the input ended without one. Errors: `ERR_ENGINE_UNKNOWN_ROUTE`, `ERR_ENGINE_VERDICT_RELEASED`.
   * Cost: a copy of what it returns; for `drop` a pass over all records as well.
   */
  gather(route: string): Uint8Array<ArrayBuffer> {
    const { segments } = this.#held
    const index = routeIndex(this.routeNames, route)
    if (index === routeNumber.drop) return this.#gatherRanges(this.ranges(route))
    const parts = segments.filter((segment) => segment.route === index)
    const gathered = unwritten(parts.reduce((sum, { bytes }) => sum + bytes.length, 0))
    let at = 0
    for (const { bytes } of parts) {
      gathered.set(bytes, at)
      at += bytes.length
    }
    return gathered
  }

  /** For the route that no kernel was asked to gather. */
  #gatherRanges(pairs: Uint32Array): Uint8Array<ArrayBuffer> {
    const { bytes } = this.#held
    const last = pairs.at(-1)
    const lacksLineFeed = last !== undefined && bytes[last - 1] !== lineFeed
    let length = lacksLineFeed ? 1 : 0
    for (let i = 0; i < pairs.length; i += 2) length += pairs[i + 1]! - pairs[i]!
    const gathered = unwritten(length)
    let at = 0
    for (let i = 0; i < pairs.length; i += 2) {
      gathered.set(bytes.subarray(pairs[i], pairs[i + 1]), at)
      at += pairs[i + 1]! - pairs[i]!
    }
    if (lacksLineFeed) gathered[at] = lineFeed
    return gathered
  }

  /** Gives the verdict's memory back to the engine at once; its arrays must not be used afterwards. */
  release(): void {
    const parts = this.#parts
    this.#parts = undefined
    parts?.release?.()
  }

  get #held(): VerdictParts {
    if (this.#parts === undefined) {
      throw new EngineError(
        'ERR_ENGINE_VERDICT_RELEASED',
        'The verdict was released: its arrays and bytes are gone. Take what you need before `release()`.',
      )
    }
    return this.#parts
  }
}

/** Returns memory that is about to be written, and need not be cleared. */
function unwritten(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer)
}

const reasonNames: readonly (MalformedReason | undefined)[] = [
  undefined,
  ...(Object.keys(malformedReason) as MalformedReason[]),
]

/** Returns a route's index. Errors: `ERR_ENGINE_UNKNOWN_ROUTE`. */
export function routeIndex(names: readonly string[], route: string): number {
  const index = names.indexOf(route)
  if (index >= 0) return index
  throw new EngineError(
    'ERR_ENGINE_UNKNOWN_ROUTE',
    `The rule set has no route "${route}"; it has ${names.map((name) => `"${name}"`).join(', ')}.`,
    { details: { route, routes: names } },
  )
}

function countRuns({ recordStarts, recordEnds, routes }: RecordColumns, index: number): number {
  let runs = 0
  let end = -1
  for (let i = 0; i < routes.length; i++) {
    if (routes[i] !== index) continue
    if (recordStarts[i] !== end) runs++
    end = recordEnds[i]!
  }
  return runs
}

function firstAtLeast(ascending: Uint32Array, position: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! < position) low = middle + 1
    else high = middle
  }
  return low
}

// Runs a kernel over some bytes as the engine would, and returns the whole answer as plain data that tests compare.
// Slabs are made for one run each, so that a test decides their shape, the padding and what lies behind the input.

import { delayBoundsMs, malformedReason, maxSegments, paddingBytes, slabFlag, slabWord } from '#src/batch/batch.js'
import type { Validation } from '#src/batch/batch.js'
import { createSlab } from '#src/batch/slab.js'
import type { Slab } from '#src/batch/slab.js'
import type { Evaluator } from '#src/kernel/kernel.js'

/** What one run asks for; the defaults suit a whole input, judged in full, with all routes gathered. */
export interface RunOptions {
  readonly validation?: Validation
  readonly maxRecordBytes?: number
  /** Records that the verdict arrays hold; more records mean more calls. */
  readonly recordCapacity?: number
  /** Whether verdict arrays are wanted; without them `records` of the answer is empty. */
  readonly arrays?: boolean
  /** Indexes of the routes to gather. */
  readonly gather?: readonly number[]
  readonly continues?: boolean
  readonly open?: boolean
  /** Bytes before the input in its region, which the request does not name. */
  readonly lead?: Uint8Array
  /** What lies right behind the input; at most the padding. */
  readonly trail?: Uint8Array
  /** When the batch arrived, in milliseconds since 1970. */
  readonly nowMs?: number
}

/** One record's verdict; positions count from the start of the input. */
export interface RecordVerdict {
  readonly start: number
  readonly end: number
  readonly route: number
  readonly rule: number
  readonly reason: number
}

/** A whole answer, of as many calls as it took. */
export interface RunAnswer {
  readonly records: RecordVerdict[]
  readonly counts: { records: number; kept: number; dropped: number; malformed: number; lines: number }
  readonly malformedBy: number[]
  readonly byRule: number[]
  /** Records of each route that has any. */
  readonly byRoute: Record<number, number>
  /** Gathered bytes of each route that has any, as latin1 text. */
  readonly gathered: Record<number, string>
  /** Start, line feeds before it, reason: of the first malformed records, in order. */
  readonly samples: [start: number, lines: number, reason: number][]
  /** Delays of records that go on; all 0 where the program has no time field. */
  readonly delays: { buckets: number[]; ahead: number; missing: number; unreadable: number; sumMs: number }
  /** Kernel calls that it took. */
  calls: number
}

const reasonCount = Object.keys(malformedReason).length

/** Returns an answer to which nothing was added yet. */
export function emptyAnswer(): RunAnswer {
  return {
    records: [],
    counts: { records: 0, kept: 0, dropped: 0, malformed: 0, lines: 0 },
    malformedBy: new Array<number>(reasonCount).fill(0),
    byRule: [],
    byRoute: {},
    gathered: {},
    samples: [],
    delays: {
      buckets: new Array<number>(delayBoundsMs.length + 1).fill(0),
      ahead: 0,
      missing: 0,
      unreadable: 0,
      sumMs: 0,
    },
    calls: 0,
  }
}

/** Returns what `evaluator` answers to `input`. Throws when an answer contradicts itself or the layout. */
export function runKernel(
  evaluator: Evaluator,
  input: Uint8Array,
  ruleCount: number,
  options: RunOptions = {},
): RunAnswer {
  const answer = emptyAnswer()
  runSlab(answer, evaluator, makeSlab(input, options), ruleCount, options.lead?.length ?? 0)
  return answer
}

/**
 * Adds to `answer` what `evaluator` answers to the request that stands in the slab, in as many calls as it takes.
 * `origin`: the position in the slab's input region that record positions count from.
 */
export function runSlab(answer: RunAnswer, evaluator: Evaluator, slab: Slab, ruleCount: number, origin: number): void {
  for (;;) {
    const from = slab.words[slabWord.start]!
    evaluator.evaluate(slab.bytes)
    answer.calls++
    addAnswer(answer, slab, origin)
    if (slab.isWhole) break
    if (slab.words[slabWord.consumed]! <= from) throw new Error('the kernel makes no headway')
    slab.words[slabWord.start] = slab.words[slabWord.consumed]!
    slab.words[slabWord.flags]! &= ~slabFlag.continues
  }
  if (slab.words[slabWord.consumed] !== slab.words[slabWord.end])
    throw new Error('the kernel consumed more than there is')
  for (let rule = 0; rule <= ruleCount; rule++) answer.byRule[rule] = (answer.byRule[rule] ?? 0) + slab.counts[rule]!
  if (slab.counts.subarray(ruleCount + 1).some((count) => count !== 0)) throw new Error('counts behind the default')
}

function makeSlab(input: Uint8Array, options: RunOptions): Slab {
  const lead = options.lead ?? new Uint8Array(0)
  const slab = createSlab({
    inputBytes: lead.length + input.length,
    recordCapacity: options.recordCapacity ?? input.length + 4,
    gatherBytes: input.length + 1,
  })
  const inputAt = slab.words[slabWord.inputAt]!
  slab.bytes.set(lead, inputAt)
  slab.bytes.set(input, inputAt + lead.length)
  const trail = options.trail ?? new Uint8Array(paddingBytes)
  slab.bytes.set(trail.subarray(0, paddingBytes), inputAt + lead.length + input.length)
  slab.request({
    start: lead.length,
    end: lead.length + input.length,
    flags:
      ((options.arrays ?? true) ? slabFlag.records : 0) |
      (options.continues === true ? slabFlag.continues : 0) |
      (options.open === true ? slabFlag.open : 0),
    validation: options.validation ?? 'full',
    maxRecordBytes: options.maxRecordBytes ?? 1 << 20,
    gather: options.gather ?? [...Array(256).keys()],
    nowMs: options.nowMs ?? 0,
  })
  return slab
}

function addAnswer(answer: RunAnswer, slab: Slab, lead: number): void {
  const { words } = slab
  const records = words[slabWord.records]!
  const linesBefore = answer.counts.lines
  for (const name of ['records', 'kept', 'dropped', 'malformed', 'lines'] as const) {
    answer.counts[name] += words[slabWord[name]]!
  }
  for (let i = 0; i < reasonCount; i++) answer.malformedBy[i]! += words[slabWord.malformedBy + i]!
  for (let to = 0; to < 256; to++) {
    const count = words[slabWord.byRoute + to]!
    if (count > 0) answer.byRoute[to] = (answer.byRoute[to] ?? 0) + count
  }
  for (let i = 0; i < words[slabWord.sampleCount]!; i++) {
    const at = slabWord.sample + i * 3
    answer.samples.push([words[at]! - lead, words[at + 1]! + linesBefore, words[at + 2]!])
  }
  // Each call describes its own first malformed records; together only the first sixteen are compared.
  answer.samples.splice(16)
  addDelays(answer.delays, words)
  addSegments(answer, slab)
  if ((words[slabWord.flags]! & slabFlag.records) === 0) return
  for (let i = 0; i < records; i++) {
    answer.records.push({
      start: slab.recordStarts[i]! - lead,
      end: slab.recordEnds[i]! - lead,
      route: slab.routes[i]!,
      rule: slab.rules[i]!,
      reason: slab.reasons[i]!,
    })
  }
}

function addDelays(sum: RunAnswer['delays'], words: Uint32Array): void {
  sum.buckets.forEach((_, i) => (sum.buckets[i]! += words[slabWord.delay + i]!))
  sum.ahead += words[slabWord.timeAhead]!
  sum.missing += words[slabWord.timeMissing]!
  sum.unreadable += words[slabWord.timeUnreadable]!
  sum.sumMs += words[slabWord.delaySum]! + words[slabWord.delaySum + 1]! * 2 ** 32
}

function addSegments(answer: RunAnswer, slab: Slab): void {
  const { words } = slab
  const segments = words[slabWord.segments]!
  if (segments > maxSegments) throw new Error('more segments than fit')
  let length = 0
  for (let i = 0; i < segments; i++) {
    const [to, first, end] = words.subarray(slabWord.segment + i * 3, slabWord.segment + i * 3 + 3) as unknown as [
      number,
      number,
      number,
    ]
    if (first >= end) throw new Error('an empty segment')
    length += end - first
    const text = Buffer.from(slab.gather.subarray(first, end)).toString('latin1')
    answer.gathered[to] = (answer.gathered[to] ?? '') + text
  }
  if (length !== words[slabWord.gathered]) throw new Error('`gathered` is not the sum of the segments')
}

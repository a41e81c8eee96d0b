// A batch in memory: one SharedArrayBuffer, a slab, that holds the request to a kernel, the bytes, the verdict and
// the gathered output. One owner at a time may touch it: the main thread, or the worker it was sent to.
// The word numbers are repeated in native/slab.h; `slabFormat` changes with either, and the kernels' self-test
// compares them.

/** Version of the layout below. */
export const slabFormat = 2

/** How much of a record is checked: see docs/rules.md. */
export const validation = { kept: 0, full: 1, read: 2 } as const
export type Validation = keyof typeof validation

/** Why a record is malformed, in order of precedence; the number is what verdicts carry, 0 meaning well-formed. */
export const malformedReason = { 'too-long': 1, utf8: 2, syntax: 3, 'not-object': 4, depth: 5 } as const
export type MalformedReason = keyof typeof malformedReason

/**
 * Words of a slab's header; word *i* is a uint32 at byte 4 × *i*. Positions named `…At` are bytes from the start of
 * the slab; the others are bytes from the start of the input region.
 */
export const slabWord = {
  // Request: written by the owner before a kernel call.
  format: 0,
  /** Where the input region begins; 64 readable bytes follow its `end`. */
  inputAt: 1,
  /** [start, end): the input bytes to evaluate. `start` is the start of a line, unless `flag.continues`. */
  start: 2,
  end: 3,
  flags: 4,
  /** A record with more bytes than this, line end not counted, is malformed `too-long`. */
  maxRecordBytes: 5,
  /** Verdict arrays, one after another: starts u32 × capacity, ends u32 × capacity, rules u16 × capacity, routes u8 × capacity, reasons u8 × capacity. 4-aligned. */
  recordsAt: 6,
  /** Capacity in records; a multiple of 4. */
  recordCapacity: 7,
  /** Where gathered bytes go, and how many fit: at least `end - start + 1`. */
  gatherAt: 8,
  gatherCapacity: 9,
  /** Records per rule: u32 × `countCapacity`, entry *rules.length* being the default. 4-aligned. The kernel adds to it. */
  countsAt: 10,
  /** At least the number of rules + 1. */
  countCapacity: 11,
  /** 256 bits: routes whose records are gathered. Bit *r* is bit (r & 31) of word (gatherRoutes + (r >> 5)). */
  gatherRoutes: 12,
  /** When the batch arrived, in milliseconds since 1970: the lower 32 bits, then the upper. Delays are measured to it. */
  now: 20,

  // Answer: written by the kernel, which sets all of it at each call.
  /** Position up to which the input is decided; below `end` when the arrays filled up: call again with it as `start`. */
  consumed: 32,
  records: 33,
  kept: 34,
  dropped: 35,
  malformed: 36,
  /** Five words, by reason: too-long, utf8, syntax, not-object, depth. */
  malformedBy: 37,
  /** Line feeds consumed. */
  lines: 42,
  /** Segments of gathered bytes. */
  segments: 43,
  /** Malformed records described in `samples`. */
  sampleCount: 44,
  /** Bytes gathered in this call. */
  gathered: 45,
  /** Records by route: 256 words. */
  byRoute: 64,
  /** Up to `maxSegments` triples: route, first byte, end byte, both relative to `gatherAt`. One call's segments of one route are in input order. */
  segment: 320,
  /** Up to 16 triples: start, line feeds before it in this call, reason. The first malformed records of the call. */
  sample: 1088,
  /**
   * All words from here on stay 0 where the program has no time field. Records that are kept or routed, by delay: one
   * word for each of `delayBoundsMs`, the first that is not below the delay, and one for what exceeds all of them.
   */
  delay: 1136,
  /** The same kind of records whose time lies behind `now`, or that have none, or whose time is none that is known. */
  timeAhead: 1168,
  timeMissing: 1169,
  timeUnreadable: 1170,
  /** Sum in milliseconds of the delays that were counted: the lower 32 bits, then the upper. */
  delaySum: 1171,
} as const

/** The word behind the last one of the answer. */
export const answerEnd = slabWord.delaySum + 2

/**
 * Bounds of delays in milliseconds, ascending, each inclusive: from 1 ms to a week, and closest where logs of a CDN
 * arrive, from ten seconds to five minutes.
 */
export const delayBoundsMs = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1000, 2000, 5000, 10_000, 15_000, 20_000, 30_000, 45_000],
  ...[60_000, 90_000, 120_000, 180_000, 300_000, 600_000, 900_000, 1_800_000],
  ...[3_600_000, 10_800_000, 21_600_000, 86_400_000, 259_200_000, 604_800_000],
] as const

/** Bits of the word `flags`; bits 0 and 1 are the validation mode. */
export const slabFlag = {
  /** The bytes through the first LF continue a too-long record that an earlier batch counted: no record, but malformed bytes. */
  continues: 4,
  /** The last line goes on behind `end`: it is too long, and no LF is added when it is gathered. */
  open: 8,
  /** Verdict arrays are wanted. Without it the kernel may reuse them within the call, and what they hold afterwards means nothing. */
  records: 16,
} as const

export const maxSegments = 256
export const headerBytes = 4736
/** Readable bytes that must follow the input region, for vector loads. Their content does not matter. */
export const paddingBytes = 64
/** Rule number of a malformed record. The default's is the number of rules. */
export const noRule = 0xffff

// A batch in memory: one SharedArrayBuffer, a slab, that holds the request to a kernel, the bytes, the verdict and
// the gathered output. One owner at a time may touch it: the main thread, or the worker it was sent to.
// The word numbers are repeated in native/slab.h; `slabFormat` changes with either, and the kernels' self-test
// compares them.

/** Version of the layout below. */
export const slabFormat = 1

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
} as const

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
export const headerBytes = 4608
/** Readable bytes that must follow the input region, for vector loads. Their content does not matter. */
export const paddingBytes = 64
/** Rule number of a malformed record. The default's is the number of rules. */
export const noRule = 0xffff

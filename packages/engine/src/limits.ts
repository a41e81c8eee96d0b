// Every bound of the engine, with its unit and the reason for its value. Nothing here is computed;
// docs/rules.md and docs/engine.md quote this table and a test compares them.

/** The bounds that the engine enforces. Sizes are bytes and times are milliseconds unless the name says otherwise. */
export const limits = {
  /** Longest pattern, in UTF-8 bytes: long enough for any hand-written pattern; longer ones belong in a list. */
  patternBytes: 4096,
  /** Largest compiled pattern, in RE2 program instructions: bounds the time and memory of one match. */
  patternInstructions: 2000,
  /** Largest pattern in RE2's instructions for bytes, about: above it a kernel's 8 MiB for a pattern do not suffice. */
  patternByteInstructions: 60_000,
  /** Instructions of all patterns together: bounds the time to compile a rule set on each worker (about 5 s). */
  totalInstructions: 500_000,
  /** Most rules in a set: the deciding rule travels as 16 bits, and reading more is beyond people. */
  rules: 1000,
  /** Most named routes: a route travels as 8 bits, of which three values are `keep`, `drop` and `malformed`. */
  namedRoutes: 250,
  /** Deepest nesting of `all`, `any` and `not`. */
  conditionDepth: 64,
  /** Most predicates in a rule set, counted after joining equal ones. */
  predicates: 65_535,
  /** Most steps of one field path. */
  fieldPathSteps: 64,
  /** Most entries of one list. */
  listEntries: 10_000_000,
  /** Most bytes of one list file. */
  listBytes: 512 << 20,
  /** Most bytes of a rule file. */
  ruleFileBytes: 16 << 20,
  /** Deepest nesting of a record; a record's own object counts as 1. */
  recordDepth: 1024,
  /** For filters of the original, deepest nesting of a record: what Jackson 2.18 reads. */
  originalDepth: 1000,
  /** The same: most digits of a number. */
  originalNumberDigits: 1000,
  /** The same: most UTF-16 units of a key. */
  originalKeyUnits: 50_000,
  /** The same: most UTF-16 units of a text. */
  originalStringUnits: 20_000_000,
  /** Bytes of a batch: smallest, largest and default. 2 MiB keeps dispatch under a fifth of the work. */
  batchBytes: { least: 4096, most: 256 << 20, standard: 2 << 20 },
  /**
   * Most batches of a file that a worker reads and evaluates in one task, one after the other in the same slab: at
   * several GB/s the way to the main thread and back would cost a third of the time that a single batch takes.
   */
  fileSpanBatches: 32,
  /** Batches' worth of records that one such task may gather; then its results are due. */
  fileGatherBatches: 2,
  /** Time after which such a task begins no other batch: results should not come in jerks. */
  fileSpanMs: 50,
  /** Bytes of one record without its line end: smallest, largest and default limit. */
  maxRecordBytes: { least: 64, most: 128 << 20, standard: 1 << 20 },
  /** Worker threads. */
  threads: { least: 1, most: 256 },
  /** Inputs up to this size are evaluated on the calling thread: a hand-over would cost more than the work. */
  inlineBytes: 16 << 10,
  /**
   * Where threads start when they are needed, so long the calling thread evaluates files before, in turns of milliseconds;
   * they start earlier where they would spare more than `threadStartMs`, which is about what their start takes.
   */
  ownThreadMs: 200,
  threadStartMs: 60,
  /** The same: bytes of streams that are evaluated on the calling thread before. */
  ownThreadBytes: 1 << 20,
  /** Bytes one call of `evaluate` may be given: positions are 32 bits. */
  evaluateBytes: 1 << 30,
  /** Time bytes of a stream may wait for their batch to fill: long enough to fill it at 50 MB/s, and hardly felt. */
  batchAgeMs: { least: 0, most: 60_000, standard: 50 },
  /** Time that `deadlineBytes` may take before their worker counts as hung. */
  batchDeadlineMs: 30_000,
  /** Bytes that one deadline is for; more have as many: large batches, and the batches of a file in one task. */
  deadlineBytes: 2 << 20,
  /** So many times longer may the portable kernel take: it is that much slower, and more with many patterns. */
  portableDeadlineFactor: 20,
  /** Time `close()` waits for what is in flight before it gives up on hung workers. */
  closeDeadlineMs: 5_000,
  /** Time a worker may take to start and answer its first probe. */
  workerStartMs: 15_000,
  /**
   * Time that a rule set may take to be prepared, once for each `compileBytes` begun: a hundred patterns take 0.1 s. It
   * counts while the process has a processor.
   */
  compileMs: 5_000,
  /** So many times longer it may take by the clock: other programs, or a slow disk, keep it waiting. */
  compileWaitFactor: 6,
  /** A rule set that takes longer to make ready comes with workers of its own, so that no batch waits meanwhile. */
  readyInPlaceMs: 100,
  /** Bytes of rule texts and list files that one `compileMs` is for: 8 MiB of YAML, the slowest, take about 3 s. */
  compileBytes: 8 << 20,
  /** Failed tests of a rule set that are told one by one; the rest are counted. */
  failuresListed: 100,
  /** Malformed records that a kernel call describes one by one; the rest are counted. */
  malformedSamples: 16,
} as const

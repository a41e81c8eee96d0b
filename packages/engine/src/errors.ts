// Every fault the engine can report: the code table, the three error classes, and the form in which an
// error crosses a thread. Data that does not parse is never here: it is counted in the verdict.
// Used by every layer above; imports nothing.

/** One row of the code table: the class that carries the code, and what the caller should do. */
export interface ErrorCodeRow {
  readonly kind: 'rule-set' | 'config' | 'engine'
  readonly meaning: string
  readonly cure: string
}

/**
 * Every error code of the engine, with its meaning and its cure. `docs/errors.md` is held equal to this table
 * by a test.
 */
export const errorCodes = {
  ERR_RULESET_INVALID: {
    kind: 'rule-set',
    meaning: 'The rule set has problems; `issues` lists them.',
    cure: 'Mend every issue listed; each names its place and suggests a change.',
  },
  ERR_RULESET_UNREADABLE: {
    kind: 'rule-set',
    meaning: 'A rule file, or a list file that it names, cannot be read.',
    cure: 'Check the path and its permissions; list files are relative to the rule file.',
  },
  ERR_RULESET_TOO_COSTLY: {
    kind: 'rule-set',
    meaning: 'Compiling the rule set took longer, or more memory, than it may.',
    cure: 'Use fewer and simpler patterns, split lists, or give the machine time: nothing has changed.',
  },
  ERR_CONFIG_INVALID: {
    kind: 'config',
    meaning: 'An option or argument has the wrong type or is out of its range.',
    cure: 'Give the option a value within the range that the message names.',
  },
  ERR_ENGINE_CLOSED: {
    kind: 'engine',
    meaning: 'The engine is closed or closing.',
    cure: 'Create a new engine; do not call one after `close()`.',
  },
  ERR_ENGINE_INPUT_TOO_LARGE: {
    kind: 'engine',
    meaning: 'One call was given more bytes than it can address.',
    cure: 'Split the input at line ends, or use `filter()`.',
  },
  ERR_ENGINE_KERNEL_UNAVAILABLE: {
    kind: 'engine',
    meaning: 'The native kernel was asked for and cannot be loaded, or fails its self-test.',
    cure: 'Read the reason; build it in a checkout, or choose `kernel: "auto"` or `"portable"`.',
  },
  ERR_ENGINE_KERNEL_FAULT: {
    kind: 'engine',
    meaning: 'A kernel failed inside a batch, for example when a matcher ran out of memory.',
    cure: 'Retry the batch; if it fails again, set it aside and report it.',
  },
  ERR_ENGINE_WORKER_LOST: {
    kind: 'engine',
    meaning: 'A worker thread died twice on the same batch.',
    cure: 'The engine is still usable; set the batch aside.',
  },
  ERR_ENGINE_WORKER_HUNG: {
    kind: 'engine',
    meaning: 'A batch exceeded its deadline twice.',
    cure: 'The engine is still usable; set the batch aside, and end the process when convenient.',
  },
  ERR_ENGINE_WORKER_LOAD: {
    kind: 'engine',
    meaning: 'A worker thread could not start.',
    cure: 'Read the cause: usually a missing file or too little memory.',
  },
  ERR_ENGINE_READ: {
    kind: 'engine',
    meaning: 'A range of the file that was handed to the engine could not be read.',
    cure: 'Check that the file is still there and did not shrink while it was read.',
  },
  ERR_ENGINE_UNKNOWN_ROUTE: {
    kind: 'engine',
    meaning: 'A route was named that the rule set does not have.',
    cure: 'Use `keep`, `drop`, `malformed`, or a route that some rule names.',
  },
  ERR_ENGINE_VERDICT_RELEASED: {
    kind: 'engine',
    meaning: 'The bytes of a verdict were asked for after `release()`.',
    cure: 'Take `gather()` before `release()`.',
  },
} as const satisfies Record<string, ErrorCodeRow>

/** A code of the table. */
export type ErrorCode = keyof typeof errorCodes

type CodesOf<K extends ErrorCodeRow['kind']> = {
  [C in ErrorCode]: (typeof errorCodes)[C]['kind'] extends K ? C : never
}[ErrorCode]

/** One problem of a rule set. */
export interface RuleSetIssue {
  /** Where in the rule set, as a path from its root, for example `rules[2].when.all[0].field`; `` for the root. */
  readonly path: string
  /** What is wrong, one sentence, ending in a full stop. */
  readonly message: string
  /** What to write instead, when a likely cure is known. */
  readonly suggestion?: string
  /** 1-based line in the rule file, when the rule set came from text. */
  readonly line?: number
  /** 1-based column in the rule file, in characters, when the rule set came from text. */
  readonly column?: number
}

/** Base of the engine's errors: match `code`, never the message. */
export abstract class WeirError extends Error {
  readonly code: ErrorCode
  /** Plain data about the error; can be posted between threads. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }
}

/** The rule set is wrong: fix the rules. Holds the problems found, not only the first. */
export class RuleSetError extends WeirError {
  override readonly name = 'RuleSetError'
  /** The problems in order of place; beyond the first hundred, the last one tells how many more there are. */
  readonly issues: readonly RuleSetIssue[]
  /** What else looks wrong, in order of place: no reason to refuse the rule set, but perhaps the cause of an issue. */
  readonly warnings: readonly RuleSetIssue[]

  constructor(
    code: CodesOf<'rule-set'>,
    message: string,
    issues: readonly RuleSetIssue[],
    options: { warnings?: readonly RuleSetIssue[]; cause?: unknown } = {},
  ) {
    const { warnings = [], cause } = options
    super(code, message, { details: { issues, warnings }, cause })
    this.issues = issues
    this.warnings = warnings
  }
}

/** A setting or argument is wrong: fix the call. */
export class ConfigError extends WeirError {
  override readonly name = 'ConfigError'

  constructor(code: CodesOf<'config'>, message: string, details?: Record<string, unknown>) {
    super(code, message, details === undefined ? {} : { details })
  }
}

/** The engine cannot do what was asked: operate (retry, set aside, restart) as the code's cure says. */
export class EngineError extends WeirError {
  override readonly name = 'EngineError'

  constructor(
    code: CodesOf<'engine'>,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(code, message, options)
  }
}

/** An error as plain data. Posting an Error between threads loses its class, code and details; this keeps them. */
export interface EncodedError {
  readonly code: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
  readonly stack: string | undefined
}

/** Returns `error` as plain data that survives being posted to another thread. */
export function encodeError(error: unknown): EncodedError {
  if (error instanceof WeirError) {
    return { code: error.code, message: error.message, details: error.details, stack: error.stack }
  }
  const message = error instanceof Error ? error.message : String(error)
  const stack = error instanceof Error ? error.stack : undefined
  return { code: 'ERR_ENGINE_KERNEL_FAULT', message, details: {}, stack }
}

/** Rebuilds the error that `encodeError` turned into plain data; an unknown code becomes a kernel fault. */
export function decodeError(encoded: EncodedError): WeirError {
  const row = (errorCodes as Record<string, ErrorCodeRow>)[encoded.code]
  const error =
    row?.kind === 'rule-set'
      ? new RuleSetError(
          encoded.code as CodesOf<'rule-set'>,
          encoded.message,
          (encoded.details['issues'] as readonly RuleSetIssue[] | undefined) ?? [],
          { warnings: (encoded.details['warnings'] as readonly RuleSetIssue[] | undefined) ?? [] },
        )
      : row?.kind === 'config'
        ? new ConfigError(encoded.code as CodesOf<'config'>, encoded.message, { ...encoded.details })
        : new EngineError(
            row === undefined ? 'ERR_ENGINE_KERNEL_FAULT' : (encoded.code as CodesOf<'engine'>),
            encoded.message,
            { details: { ...encoded.details } },
          )
  if (encoded.stack !== undefined) error.stack = encoded.stack
  return error
}

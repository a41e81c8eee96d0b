// The rule set as people write it, after parsing: types only. parse.ts makes it from YAML or JSON,
// compile.ts turns it into a program. Semantics are in docs/rules.md.

/** What happens to a record: kept, dropped, or sent to a named route. */
export type Action = 'keep' | 'drop' | { readonly route: string }

/** A condition of a rule. `all` and `any` have at least one member. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | Predicate

/** A list kept in a file of lines: one entry a line, CR before LF dropped, blank lines skipped. */
export interface ListFile {
  /** Path, relative to the rule file. */
  readonly file: string
}

/** Text to compare with. Integers and booleans stand for their text as written. */
export type Literal = string | number | bigint | boolean

/** A bound of a comparison: a number, or text that is a JSON number. */
export type Bound = string | number | bigint

/** One test on one field. Several operators in one predicate are joined by *and*. */
export interface Predicate {
  /** Field path: `a.b`, `a["b.c"]`, `a[0]`. */
  readonly field: string
  /** `url`: percent escapes and `+` are decoded before the operators look at the text. */
  readonly decode?: 'url'
  /** Compare with RE2's simple case folding; applies to the text operators, not to numbers or networks. */
  readonly ignoreCase?: boolean
  /** RE2 pattern that must match the whole text. */
  readonly matches?: string
  /** RE2 pattern that must match somewhere in the text. */
  readonly search?: string
  readonly equals?: Literal
  /** The text is one of these. */
  readonly in?: readonly Literal[] | ListFile
  /** The text begins with this, or with one of these. */
  readonly prefix?: Literal | readonly Literal[]
  readonly suffix?: Literal | readonly Literal[]
  /** The text contains this, or one of these. */
  readonly contains?: Literal | readonly Literal[] | ListFile
  /** `true`: the field has a value that is not missing. `false`: it is missing. */
  readonly exists?: boolean
  readonly lt?: Bound
  readonly lte?: Bound
  readonly gt?: Bound
  readonly gte?: Bound
  /** The text is an address within this network, or one of these. */
  readonly cidr?: string | readonly string[] | ListFile
}

/** A rule: the first rule whose condition holds decides. */
export interface Rule {
  readonly id: string
  readonly when: Condition
  readonly then: Action
}

/** An expectation about one record, run by `weir rules check`. */
export interface RuleTest {
  readonly name: string
  /** The record: an object, or its exact text. */
  readonly record: Readonly<Record<string, unknown>> | string
  /** `keep`, `drop`, `malformed`, or a route's name. */
  readonly expect: string
  /** The id of the rule that must have decided, or `default`. */
  readonly rule?: string
}

/** A rule set, as written. */
export interface RuleSet {
  readonly version: 1
  /** Texts that count as absent, compared before decoding. Default: none. */
  readonly missing?: readonly string[]
  /** What happens to a record that no rule decides. */
  readonly default: Action
  readonly rules: readonly Rule[]
  readonly tests?: readonly RuleTest[]
}

/** A filter of the original converter. Records must pass all of them. */
export interface OriginalFilterSettings {
  readonly fieldName: string
  /** Pattern of java.util.regex, which the whole value must match. */
  readonly regex: string
  /** `true`: what does not match is dropped. `false`, the default: what matches is dropped. */
  readonly include?: boolean
}

/** Settings of the original converter, of which only the filters are read. */
export interface OriginalSettings {
  readonly filters: readonly OriginalFilterSettings[]
  readonly kafka?: unknown
  readonly count?: unknown
  readonly workers?: unknown
}

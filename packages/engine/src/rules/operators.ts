// The operators and modifiers of a predicate, as a table: which kind of value each takes and what it means.
// parse.ts reads predicates by it, schema.ts describes them by it, and a test holds docs/rules.md against it.

/**
 * What an operator takes. `pattern`: an RE2 pattern. `literal`: one text. `literals`: a list of texts or a list file.
 * `literalOrList`: one text or several. `literalOrLists`: the same or a list file. `bound`: a number.
 * `networks`: one network, several, or a list file. `boolean`: true or false.
 */
export type OperandKind =
  'pattern' | 'literal' | 'literals' | 'literalOrList' | 'literalOrLists' | 'bound' | 'networks' | 'boolean'

/** One row of the operator table. */
export interface OperatorRow {
  readonly operand: OperandKind
  /** Whether `ignoreCase` changes what the operator does. */
  readonly isText: boolean
  readonly meaning: string
}

/** Every operator, in the order in which documents list them. */
export const operators = {
  matches: { operand: 'pattern', isText: true, meaning: 'RE2 pattern that must match the whole text.' },
  search: { operand: 'pattern', isText: true, meaning: 'RE2 pattern that must match somewhere in the text.' },
  equals: { operand: 'literal', isText: true, meaning: 'The text is exactly this.' },
  in: { operand: 'literals', isText: true, meaning: 'The text is one of these, or a line of the file.' },
  prefix: { operand: 'literalOrList', isText: true, meaning: 'The text begins with this, or with one of these.' },
  suffix: { operand: 'literalOrList', isText: true, meaning: 'The text ends with this, or with one of these.' },
  contains: {
    operand: 'literalOrLists',
    isText: true,
    meaning: 'The text contains this, or one of these, or a line of the file.',
  },
  exists: {
    operand: 'boolean',
    isText: false,
    meaning: '`true`: the field has a value that is not missing. `false`: it is missing.',
  },
  lt: { operand: 'bound', isText: false, meaning: 'The text is a number less than this.' },
  lte: { operand: 'bound', isText: false, meaning: 'The text is a number less than or equal to this.' },
  gt: { operand: 'bound', isText: false, meaning: 'The text is a number greater than this.' },
  gte: { operand: 'bound', isText: false, meaning: 'The text is a number greater than or equal to this.' },
  cidr: {
    operand: 'networks',
    isText: false,
    meaning: 'The text is an IPv4 or IPv6 address within this network, or one of these, or a line of the file.',
  },
} as const satisfies Record<string, OperatorRow>

/** The name of an operator. */
export type OperatorName = keyof typeof operators

/** All operator names, in the table's order. */
export const operatorNames = Object.keys(operators) as OperatorName[]

/** The keys of a predicate that are no operators, with what they mean. */
export const predicateParts = {
  field: 'Path of the value to test: `a.b` walks objects, `a["b.c"]` quotes a key, `a[0]` indexes an array.',
  decode: '`url`: percent escapes and `+` are decoded before the operators look at the text.',
  ignoreCase: 'Compare with simple case folding; applies to the text operators, not to numbers and networks.',
} as const

/** The boolean forms of a condition, with what they mean. */
export const booleanForms = {
  all: 'Every condition of the list holds.',
  any: 'At least one condition of the list holds.',
  not: 'The condition does not hold.',
} as const

/** Words that are actions or results, and so neither rule ids nor names of routes. */
export const reservedNames: readonly string[] = ['keep', 'drop', 'malformed', 'default']

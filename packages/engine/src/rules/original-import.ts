// Turns filters of the original into a rule set of Weir's own language: as data, as a YAML file, and with a report of
// which records the two judge differently. Called by the layers above; compile.ts does the translating.

import { RuleSetError } from '../errors.ts'
import type { RuleSetIssue } from '../errors.ts'
import { limits } from '../limits.ts'
import type { RuleSource } from './compile.ts'
import { compileRuleSet } from './compile.ts'
import type { TranslatedFilter } from './original-plan.ts'
import type { RuleSet } from './rule-set.ts'

/** One filter, and the rule that it became. */
export interface ImportedFilter {
  /** Id of the rule. */
  readonly rule: string
  readonly fieldName: string
  /** The pattern in Java's dialect, as written. */
  readonly regex: string
  readonly include: boolean
  /** The same in RE2's. */
  readonly pattern: string
  /** Names of the `differences` that this filter brings along. */
  readonly differences: readonly string[]
}

/** A kind of records that the filters and the rule set judge differently. */
export interface ImportDifference {
  readonly name: string
  /** Which records, and what becomes of them by the filters and by the rule set. */
  readonly text: string
}

/** The outcome of an import. */
export interface ImportedFilters {
  readonly ruleSet: RuleSet
  /** The rule set as a rule file. */
  readonly yaml: string
  readonly filters: readonly ImportedFilter[]
  /** Where none of these applies, both judge alike. */
  readonly differences: readonly ImportDifference[]
  readonly warnings: readonly RuleSetIssue[]
}

/** What differs for any filters. */
const always: readonly ImportDifference[] = [
  {
    name: 'repeated-keys',
    text: 'An object with equal keys: the filters see the last one, the rules the first.',
  },
  {
    name: 'text-behind',
    text: 'Text after the first JSON value of a line: the filters ignore it and forward the line, to the rules the record is malformed.',
  },
  {
    name: 'value-text',
    text: 'Values that are objects, arrays, -0, or numbers with a fraction or an exponent: the filters see the text that Java prints ({k=v}, [a, b], 100.0, 1.0E10), the rules see numbers as written and of objects and arrays no text.',
  },
  {
    name: 'encoding',
    text: 'Bytes that are not UTF-8, and escaped halves of surrogate pairs: the filters judge such a record, with U+FFFD for bytes and halves as they are; to the rules bytes make it malformed, and halves read as U+FFFD.',
  },
  {
    name: 'empty-lines',
    text: 'Empty lines: malformed to the filters, no records to the rules.',
  },
  {
    name: 'null-lines',
    text: 'Lines that hold `null`: the filters drop them, to the rules they are malformed.',
  },
  {
    name: 'sizes',
    text: 'Records nested more than 1000 deep, with a number of more than 1000 digits, a key of more than 50000 characters or a text of more than 20000000: malformed to the filters, as Jackson refuses them; to the rules only those nested more than 1024 deep.',
  },
]

const withoutFilters: ImportDifference = {
  name: 'no-filters',
  text: 'There are no filters, so the original keeps every line, even such as are no JSON; the rule set keeps every well-formed record.',
}

const nestedNames: ImportDifference = {
  name: 'dotted-names',
  text: 'Names with a dot, where a key on the way is absent or null: the filter then looks for the last key in the object that it has reached, the rule finds nothing.',
}

const wordEdges: ImportDifference = {
  name: 'word-edges',
  text: 'Patterns with \\b or \\B: beside characters beyond ASCII, Java may see the edge of a word elsewhere.',
}

/**
 * Returns what filters of the original become in Weir's own language. `name` is what the YAML's first line calls them.
 *
 * Errors: those of `compileRules`; `ERR_RULESET_INVALID` also when `source` holds a rule set and no filters.
 */
export function importFilters(source: RuleSource, name = 'filters of the original'): ImportedFilters {
  const { filters, ruleSet, warnings } = compileRuleSet(source)
  if (filters === undefined) {
    const message = 'This is a rule set already, and holds no filters to import.'
    throw new RuleSetError('ERR_RULESET_INVALID', message, [{ path: '', message }])
  }
  refuseLong(filters)
  const imported = filters.map((filter): ImportedFilter => {
    const { id, fieldName, regex, include, pattern } = filter
    return {
      rule: id,
      fieldName,
      regex,
      include,
      pattern,
      differences: ownDifferences(filter).map((each) => each.name),
    }
  })
  const own = new Set(filters.flatMap(ownDifferences))
  const differences = filters.length === 0 ? [withoutFilters] : [...always, ...own]
  return { ruleSet, yaml: yamlOf(ruleSet, filters, differences, name), filters: imported, differences, warnings }
}

/** Java's short forms may take many more characters in RE2's dialect, and rule files bound them. */
function refuseLong(filters: readonly TranslatedFilter[]): void {
  const issues = filters.flatMap(({ index, pattern }): RuleSetIssue[] => {
    const bytes = Buffer.byteLength(pattern)
    if (bytes <= limits.patternBytes) return []
    const message = `In RE2's dialect the pattern is ${bytes} bytes long; at most ${limits.patternBytes} are allowed.`
    return [
      { path: `filters[${index}].regex`, message, suggestion: 'use the filters as they are, or a shorter pattern' },
    ]
  })
  if (issues.length > 0) throw new RuleSetError('ERR_RULESET_INVALID', issues[0]!.message, issues)
}

function ownDifferences({ steps, hasWordEdges }: TranslatedFilter): ImportDifference[] {
  return [...(steps.length > 1 ? [nestedNames] : []), ...(hasWordEdges ? [wordEdges] : [])]
}

function yamlOf(
  { rules }: RuleSet,
  filters: readonly TranslatedFilter[],
  differences: readonly ImportDifference[],
  name: string,
): string {
  const lines = [
    `# Made of ${comment(name)}. A record that a filter does not let pass is dropped by the rule of that`,
    '# name, all others are kept. Judged differently are:',
    ...differences.flatMap(({ text }) => wrapped(text)),
    'version: 1',
    'default: keep',
    ...(rules.length === 0 ? ['rules: []'] : ['rules:']),
  ]
  for (const [i, { id, when }] of rules.entries()) {
    const { fieldName, regex, include } = filters[i]!
    const predicate = 'not' in when ? when.not : when
    const { field, matches } = predicate as { field: string; matches: string }
    const test = `{ field: ${quoted(field)}, matches: ${quoted(matches)} }`
    lines.push(
      `  # ${comment(fieldName)} ${include ? 'must' : 'must not'} match ${comment(regex)}`,
      `  - id: ${quoted(id)}`,
      `    when: ${include ? `{ not: ${test} }` : test}`,
      '    then: drop',
    )
  }
  return `${lines.join('\n')}\n`
}

/** A text in the comment of a file, where it must not end the line. */
function comment(text: string): string {
  // Quotes and backslashes mean nothing here, and patterns are easier to read without more of them.
  const visible = quoted(text).slice(1, -1).replaceAll('\\"', '"').replaceAll('\\\\', '\\')
  return visible === '' ? '(nothing)' : visible
}

/** A list item of the comment above the rules, in lines of about 110 characters. */
function wrapped(text: string): string[] {
  const lines: string[] = []
  let line = '# -'
  for (const word of text.split(' ')) {
    if (line.length + word.length > 108) {
      lines.push(line)
      line = '#  '
    }
    line += ` ${word}`
  }
  return [...lines, line]
}

/** A text in double quotes, where YAML reads JSON's escapes. */
function quoted(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what YAML does not take as they are
  return JSON.stringify(text).replaceAll(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

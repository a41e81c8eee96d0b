// Arbitrary rule sets that compile, with every operator, modifier and boolean form. They shrink towards fewer rules
// and plainer predicates. Used by the differential tests.

import * as fc from 'fast-check'
import type { Condition, Predicate, Rule, RuleSet } from '#src/rules/rule-set.js'
import { numberTexts, paths, text, word } from './vocabulary.ts'

/** A text that a rule may hold: rule files are Unicode, so no surrogate stands alone. */
const literal = fc
  .oneof({ weight: 4, arbitrary: text }, { weight: 1, arbitrary: word.map((whole) => [...whole].slice(0, 1).join('')) })
  .filter((candidate) => Buffer.from(candidate).toString() === candidate)
const literals = fc.array(literal, { minLength: 1, maxLength: 5 })

const escapePattern = (plain: string): string => plain.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')
const atom = fc.oneof(
  { weight: 6, arbitrary: literal.map(escapePattern) },
  { weight: 1, arbitrary: literal.filter((plain) => !plain.includes('\\')).map((plain) => `\\Q${plain}\\E`) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '.',
      '\\d',
      '\\D',
      '\\w',
      '\\s',
      '[a-c]',
      '[^x]',
      '[[:upper:]]',
      '\\pL',
      '\\p{Greek}',
      '\\PN',
      '[é-ü]',
      '\\x{1F600}',
      '^',
      '$',
      '\\b',
      '\\Bb',
      '\\A',
      '\\z',
      '(?m)^',
      '(?m)$',
      '(?s).',
      '(?i)chrome',
      '(?i:k)',
      '5\\d\\d',
      '.*',
      '(?:)',
      '\\n',
      '\\x00',
    ),
  },
)
const quantified = fc
  .tuple(atom, fc.constantFrom('', '', '', '*', '+', '?', '*?', '{0,2}', '{2}'))
  .map(([part, times]) => (times === '' ? part : `(?:${part})${times}`))
const pattern = fc
  .array(
    fc.array(quantified, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
    { minLength: 1, maxLength: 3 },
  )
  .map((alternatives) => alternatives.map((part) => `(?:${part})`).join('|'))
const search = fc.oneof(
  pattern,
  literal.map(escapePattern),
  literals.map((all) => all.map(escapePattern).join('|')),
)

const bound = fc.constantFrom(...numberTexts)
const network = fc.constantFrom(
  '10.0.0.0/8',
  '10.1.2.3',
  '0.0.0.0/0',
  '::/0',
  '2001:db8::/32',
  '::ffff:10.0.0.0/104',
  '::10.0.0.0/120',
)

const operators: fc.Arbitrary<Partial<Predicate>> = fc.oneof(
  fc.record({ equals: literal }),
  fc.record({ in: literals }),
  fc.record({ prefix: fc.oneof(literal, literals) }),
  fc.record({ suffix: fc.oneof(literal, literals) }),
  fc.record({ contains: fc.oneof(literal, literals) }),
  fc.record({ matches: pattern }),
  fc.record({ search }),
  fc.record({ search, matches: pattern, prefix: literal }, { requiredKeys: ['search'] }),
)
const textPredicate = fc
  .tuple(
    fc.constantFrom(...paths),
    operators,
    fc.constantFrom(
      {},
      {},
      { ignoreCase: true },
      { decode: 'url' as const },
      { ignoreCase: true, decode: 'url' as const },
    ),
  )
  .map(([field, operator, modifiers]): Predicate => ({ field, ...operator, ...modifiers }))
const path = fc.constantFrom(...paths)
/** Half of these look at the fields that log records have numbers and addresses in. */
const pathTo = (likely: string): fc.Arbitrary<string> => fc.oneof(fc.constant(likely), path)
const decoding = fc.constantFrom({}, {}, { decode: 'url' as const })
const exists = fc.tuple(path, fc.record({ exists: fc.boolean() }))
const compare = fc.tuple(
  pathTo('reqTimeMs'),
  fc.oneof(
    fc.record({ gte: bound }),
    fc.record({ lte: bound }),
    fc.record({ gt: bound }),
    fc.record({ lt: bound, gt: bound }, { requiredKeys: ['lt'] }),
  ),
  decoding,
)
const cidr = fc.tuple(pathTo('cliIP'), fc.record({ cidr: fc.array(network, { minLength: 1, maxLength: 3 }) }), decoding)
const otherPredicate = fc
  .oneof({ weight: 1, arbitrary: exists }, { weight: 3, arbitrary: compare }, { weight: 2, arbitrary: cidr })
  .map(([field, operator, modifiers]): Predicate => ({ field, ...operator, ...modifiers }))

const { condition } = fc.letrec<{ condition: Condition }>((tie) => {
  const several = fc.array(tie('condition'), { minLength: 1, maxLength: 4, depthIdentifier: 'condition' })
  return {
    condition: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'condition' },
      { weight: 5, arbitrary: textPredicate },
      { weight: 3, arbitrary: otherPredicate },
      { weight: 1, arbitrary: several.map((all) => ({ all })) },
      { weight: 1, arbitrary: several.map((any) => ({ any })) },
      { weight: 1, arbitrary: tie('condition').map((not) => ({ not })) },
    ),
  }
})

/** Few rules, mostly; now and then more than a word has bits. */
const rulesOf = (rule: fc.Arbitrary<[Condition, unknown]>): fc.Arbitrary<[Condition, unknown][]> =>
  fc.oneof(
    { weight: 24, arbitrary: fc.array(rule, { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.array(rule, { minLength: 65, maxLength: 140 }) },
  )

const action = fc.constantFrom('keep', 'keep', 'drop', { route: 'red' }, { route: 'green' } as const)

/** Rule sets that compile. */
export const ruleSet: fc.Arbitrary<RuleSet> = fc
  .record({
    missing: fc.oneof(fc.constant([]), fc.constant(['-', '^']), fc.uniqueArray(literal, { maxLength: 3 })),
    fallback: action,
    rules: rulesOf(fc.tuple(condition, action)),
  })
  .map(({ missing, fallback, rules }) => ({
    version: 1,
    missing,
    default: fallback as RuleSet['default'],
    rules: rules.map(([when, then], i): Rule => ({ id: `r${i}`, when, then: then as Rule['then'] })),
  }))

// What peers are tried on: every operator, on values that are hard to quote, and what some of them cannot tell.
// Called by peers.test.ts.

import type { Condition, Predicate, RuleSet } from '@weir/engine'

/** Values that are texts. */
export const texts = [
  ...[
    '',
    '-',
    '^',
    'abc',
    'Abc',
    'ABC',
    'a.b',
    'axb',
    'xa.b',
    "it's",
    '"quoted"',
    'back\\slash',
    'a\\.b',
    'C:\\',
    '\\1',
  ],
  ...[
    'per%20cent+x',
    '100%',
    '%s',
    '{{x}}',
    '{x',
    '$(x) ${y} $1',
    'a$b',
    '\\(x)',
    '(a|b)',
    '[a]',
    ']',
    'a-b',
    '*?+',
    '^a$',
  ],
  ...[
    'é',
    'É',
    '日本',
    '😀',
    'x/y',
    'a/b?c=d&e',
    '#!;',
    '&<>',
    '~`',
    '\ttab',
    'line\nbreak',
    'true',
    'nullable',
    ' abc',
  ],
  ...[
    '500',
    '0500',
    '5',
    '4',
    '6',
    '-5',
    '12',
    '12.5',
    '12.50',
    '11.9',
    '13',
    '1700000000.971',
    'nan',
    'inf',
    '0x10',
    '5.',
    '.5',
  ],
  ...[
    '10.1.2.3',
    '10.01.2.3',
    '10.1.2',
    '10.1.2.3.4',
    '11.1.2.3',
    '172.16.5.4',
    '172.31.255.255',
    '172.32.0.1',
    '1.2.3.4',
  ],
  ...[
    '2001:db8::1',
    '2001:0DB8:0:0::5',
    '2001:db9::1',
    '2001:468::1',
    '2001:046F:1::',
    '2001:470::1',
    '2001:db8:dfff::1',
    '2001:db8:bfff::1',
    '2001:1fff::',
    '2001:db8:1:2:3:4:5:6',
    '10x1x2x3',
    '0',
    '0.0',
    '0.5',
  ],
]
/** Values that are no texts, and `undefined` for none. */
const others = [undefined, null, true, false, 500, 12, -5]

const tests: readonly (Omit<Predicate, 'field'> | Condition)[] = [
  ...[
    '5\\d\\d',
    'a\\.b',
    '[^a-z]+',
    '.*',
    'a.b',
    "(?:abc|it's)",
    '[a-z]+\\\\[a-z]+',
    '[\\w.-]+',
    '(?i)ab[c-d]',
    '\\[a\\]',
  ].map((matches) => ({ matches })),
  ...[
    "it's",
    '"q',
    'k\\\\[s]l',
    '(?i)AB',
    '^a|\\$$',
    '%20',
    '\\{\\{',
    '\\[a\\]',
    'x/y',
    'a+?b*?',
    '(?:^|/)y',
    '\\(x\\)',
    '^b',
  ].map((search) => ({ search })),
  { equals: '500' },
  { equals: 'true' },
  { equals: '' },
  { in: ['abc', "it's", 'a\\.b', 'C:\\', '"quoted"', '{{x}}', 'é', '日本', '%s', '5'] },
  { in: Array.from({ length: 40 }, (_, i) => (i === 7 ? '$(x) ${y} $1' : i === 8 ? 'abc' : `word ${i}`)) },
  { prefix: ['a', '"', '\\', '{{', '[', '日'] },
  { prefix: 'per%' },
  { suffix: ['.b', "'s", '\\', '}}', ']', '本', '$'] },
  { suffix: '+x' },
  { contains: ['a.b', '$', '\\', '{x', '`'] },
  {
    contains: Array.from({ length: 300 }, (_, i) =>
      i === 7 ? '(a|' : i === 299 ? 'kin' : i === 298 ? '\\s' : `word ${i}`,
    ),
  },
  { exists: true },
  { exists: false },
  { lt: 5 },
  { lte: 5 },
  { gt: 5 },
  { gte: 5 },
  { lt: 12 },
  { lte: 12 },
  { gt: 12 },
  { gte: 12 },
  { gt: 12.5 },
  { lte: 12.5 },
  { cidr: '10.0.0.0/8' },
  { cidr: ['172.16.0.0/12', '1.2.3.4/32'] },
  { cidr: '2001:db8::/32' },
  { cidr: '2001:db8::/48' },
  { cidr: '2001:468::/29' },
  { cidr: ['2001:db8:c000::/35', '2001:1000::/20'] },
  { gt: 0 },
  { lte: 0 },
  { gte: 0 },
  { prefix: 'a', suffix: 'b' },
  { ignoreCase: true, equals: 'aBC' },
  { ignoreCase: true, contains: ['Bc', 'QUOTED"'] },
  { ignoreCase: true, prefix: 'A' },
  { ignoreCase: true, matches: 'a.[bc]' },
  { decode: 'url', contains: 'per cent x' },
  { not: { field: 'v', search: 'a' } },
  { not: { field: 'v', exists: true } },
  {
    any: [{ field: 'v', equals: 'abc' }, { all: [{ field: 'v', prefix: 'a' }, { not: { field: 'v', suffix: 'b' } }] }],
  },
  { field: 'deep.list[1].x', equals: 'abc' },
  { field: 'deep.none.x', exists: false },
  { field: 'deep.flag', equals: 'true' },
]

/** What a peer has no means to tell, by the value of a record; such records are not tried on it. */
export const blindSpots: Readonly<Record<string, (value: unknown, isPlain: boolean) => boolean>> = {
  // An empty text is to them as an absent one.
  'syslog-ng': (value) => value === '',
  rsyslog: (value) => value === '',
  // Its quick functions, which are for plain spelling, read texts only; generated records of that spelling have no others.
  chdb: (value, isPlain) => isPlain && value !== undefined && typeof value !== 'string',
}

function conditionOf(each: (typeof tests)[number]): Condition {
  return 'field' in each || 'all' in each || 'any' in each || 'not' in each ? each : { field: 'v', ...each }
}

/** A test, the values that it is tried on, and what its records name it. */
export interface Trial {
  readonly name: string
  readonly when: Condition
  readonly values: readonly unknown[]
}

/** All trials. */
export const trials: readonly Trial[] = [
  ...tests.map((each) => ({ when: conditionOf(each), values: [...texts, ...others] })),
  // For one text it is enough to find it, and not to find it in two others.
  ...texts.flatMap((text) =>
    (['equals', 'contains', 'prefix', 'suffix'] as const).map((operator) => ({
      when: conditionOf({ [operator]: text }),
      values: [text, 'other', undefined],
    })),
  ),
].map((each, i) => ({
  ...each,
  name: `${JSON.stringify(each.when)
    .replaceAll(/[^\w]+/g, '_')
    .slice(0, 60)}_${i}`,
}))

/** Returns the rule of a trial: it holds on records that name the trial, where the condition does. */
export function ruleOf({ name, when }: Trial): RuleSet['rules'][number] {
  return { id: name, when: { all: [{ field: 't', equals: name }, when] }, then: 'keep' }
}

// Arbitrary patterns of java.util.regex, of every construct, also such as Java or Weir refuse; and texts that they often
// match, and nearly match. Used by original-java.test.ts.

import * as fc from 'fast-check'

/** Characters that dialects read differently: line ends, spaces, letters that fold, digits and marks beyond ASCII. */
const characters: readonly string[] = [
  ...'aabbkKsSiI019_-.,{}[]()^$|\\#& \t\n\r\f\u000b\u0000\u0007\u001b\u007f'.split(''),
  ...['\u0085', '\u2028', '\u2029', '\u00a0', '\u1680', '\u180e', '\u3000', '\u200b', 'é', 'É', 'ß', 'ſ', '\u212a'],
  ...['ı', 'İ', 'Σ', 'ς', 'σ', '\u0301', '٣', '日', '😀', '𝐀', 'ǅ', '\ufffd', '\ud7ff', '\ue000'],
]
const character = fc.constantFrom(...characters)

/** Returns short texts over the characters of the pattern and a few others, so that it matches some of them. */
export function textFor(pattern: string): fc.Arbitrary<string> {
  const plain = pattern.replaceAll(/\\[A-Za-z]|\(\?[^)]|[*+?()[\]{}|^$\\]/g, '')
  const own = fc.constantFrom(...plain, 'a', 'b', '\n', '\r\n')
  return fc
    .oneof(
      { weight: 1, arbitrary: fc.constant([plain]) },
      { weight: 8, arbitrary: fc.array(own, { maxLength: 4 }) },
      { weight: 3, arbitrary: fc.array(fc.oneof(own, character), { maxLength: 4 }) },
      { weight: 2, arbitrary: character.map((each) => [each]) },
    )
    .map((parts) => parts.join(''))
}

const escapes: readonly string[] = [
  ...'dDwWsShHvVRbBAzZGXtnrfaeQEC123kqyg'.split('').map((letter) => `\\${letter}`),
  ...['\\x41', '\\x4', '\\x{1F600}', '\\x{110000}', '\\u00e9', '\\uD83D\\uDE00', '\\uD83D', '\\u12', '\\0101', '\\07'],
  ...[
    '\\0',
    '\\cA',
    '\\c',
    '\\.',
    '\\\\',
    '\\-',
    '\\[',
    '\\]',
    '\\{',
    '\\ ',
    '\\#',
    '\\_',
    '\\é',
    '\\&',
    '\\N{DIGIT ONE}',
  ],
  ...['\\Qa.b\\E', '\\Q[\\E', '\\Q', '\\Q\\E', '\\Qa\\E\\Qb\\E'],
]
const properties: readonly string[] = [
  ...[
    'Lower',
    'Upper',
    'ASCII',
    'Alpha',
    'Digit',
    'Alnum',
    'Punct',
    'Graph',
    'Print',
    'Blank',
    'Cntrl',
    'XDigit',
    'Space',
  ],
  ...['L', 'Lu', 'Ll', 'Lt', 'Nd', 'P', 'IsL', 'gc=Lu', 'IsLatin', 'IsGreek', 'script=Han', 'sc=Cyrillic', 'LC', 'LD'],
  ...['L1', 'all', 'C', 'Cn', 'Cs', 'Cc', 'Zs', 'Mn', 'So', 'InGreek', 'IsAlphabetic', 'javaLowerCase', 'Nonsense', ''],
]
const property = fc
  .tuple(fc.constantFrom('p', 'P'), fc.constantFrom(...properties))
  .map(([letter, name]) => `\\${letter}{${name}}`)

const single = fc.constantFrom('a', 'b', 'k', 's', 'i', '0', 'é', 'ß', '-', '&', '^', '.', '#', ' ', '$', '|', '😀')
const range = fc.constantFrom(
  'a-c',
  'A-Z',
  'a-z',
  '0-9',
  'k-k',
  ' -~',
  '\\t-\\r',
  'é-ü',
  '\\x{1F600}-\\x{1F64F}',
  'z-a',
  '+--',
)
const member = fc.oneof(
  { weight: 5, arbitrary: single },
  { weight: 4, arbitrary: range },
  { weight: 2, arbitrary: fc.constantFrom(...escapes) },
  { weight: 1, arbitrary: property },
)

const brackets = fc.letrec<{ brackets: string; part: string }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'brackets' },
    { weight: 6, arbitrary: member },
    { weight: 1, arbitrary: tie('brackets') },
    { weight: 1, arbitrary: fc.constantFrom('&&', '&', ']', '[') },
  ),
  brackets: fc
    .tuple(fc.constantFrom('', '', '^'), fc.array(tie('part'), { minLength: 1, maxLength: 4 }))
    .map(([caret, parts]) => `[${caret}${parts.join('')}]`),
})).brackets

const count = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('*', '+', '?') },
  { weight: 3, arbitrary: fc.constantFrom('{2}', '{0,2}', '{1,}', '{0}', '{1,3}') },
  { weight: 1, arbitrary: fc.constantFrom('{', '{,2}', '{2,1}', '{1001}', '{a}', '**', '{2}{2}', '+ +') },
)
const mode = fc.constantFrom('', '', '', '', '?', '+', '+')

const open = fc.constantFrom(
  '(',
  '(',
  '(?:',
  '(?:',
  '(?:',
  '(?>',
  '(?<n>',
  '(?i:',
  '(?s:',
  '(?-i:',
  '(?x:',
  '(?iu:',
  '(?d:',
  '(?m:',
)
const flags = fc.constantFrom(
  '(?i)',
  '(?s)',
  '(?m)',
  '(?d)',
  '(?x)',
  '(?iu)',
  '(?-i)',
  '(?u)',
  '(?U)',
  '(?is-m)',
  '(?)',
  '(?z)',
)

const tree = fc.letrec<{ node: string; sequence: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'node' },
    { weight: 10, arbitrary: fc.constantFrom('a', 'b', 'k', '0', '1', 'ab', '\\.', 'é', '\\n') },
    { weight: 4, arbitrary: fc.constantFrom('.', '.', '^', '$', '.*', '.*', '\\d', '\\s', '\\w+', '(?!a)', '(?<=b)') },
    { weight: 2, arbitrary: fc.constantFrom(...escapes) },
    { weight: 3, arbitrary: brackets },
    { weight: 1, arbitrary: property },
    { weight: 1, arbitrary: character },
    { weight: 6, arbitrary: fc.tuple(tie('node'), count, mode).map((parts) => parts.join('')) },
    { weight: 4, arbitrary: fc.tuple(open, tie('sequence')).map(([before, inside]) => `${before}${inside})`) },
    {
      weight: 1,
      arbitrary: fc.tuple(tie('sequence'), tie('sequence')).map(([one, other]) => `(${one}|${other})`),
    },
  ),
  sequence: fc.array(tie('node'), { maxLength: 4, depthIdentifier: 'node' }).map((parts) => parts.join('')),
}))

/** Patterns of every construct: about half of them are legal. */
export const javaPattern: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom('', '', flags), tree.sequence)
      .chain(([first, rest]) => (typeof first === 'string' ? fc.constant(rest) : first.map((set) => set + rest))),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.constantFrom(...'ab.*+?()[]{}^$|\\&-,012Qx #'.split('')), { maxLength: 10 })
      .map((parts) => parts.join('')),
  },
)

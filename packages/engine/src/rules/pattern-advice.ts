// What to write in place of a pattern that RE2 refuses: most come from other dialects and have a rewrite. Called by
// patterns.ts with the parser's complaint; decides nothing about which patterns are accepted.

/** Advice on a refused pattern. `what` says what is wrong: in our words, where the parser's would not help. */
export interface PatternAdvice {
  readonly what: string
  readonly suggestion?: string
}

/** Returns advice for `pattern`, given the parser's complaint and the part of the pattern it names. */
export function adviseOn(pattern: string, kind: string, fragment: string): PatternAdvice {
  const advice =
    adviseOnGroup(pattern, fragment) ?? adviseOnEscape(kind, fragment) ?? adviseOnSyntax(pattern, kind, fragment)
  return { what: `RE2 says: ${kind}`, ...advice }
}

function adviseOnGroup(pattern: string, fragment: string): PatternAdvice | undefined {
  // The parser names a group up to the first letter that it does not know, which for `(?P=` is the P.
  const group = fragment === '(?P' ? (/\(\?P[=>]/.exec(pattern)?.[0] ?? fragment) : fragment
  for (const [start, advice] of groupAdvice) {
    if (group.startsWith(start)) return advice
  }
  if (/^\(\?(?:[0-9+]|-[0-9])/.test(group)) return recursion
  const flags = /^\(\?[a-zA-Z^-]+/.exec(fragment)?.[0]
  if (flags === undefined) return undefined
  if (flags.includes('x')) {
    return { what: 'RE2 has no flag `x`', suggestion: 'write the pattern without the spaces and comments' }
  }
  const rest = pattern.includes('(?-') ? '' : ', and (?-i) to end one'
  return { what: 'RE2 has the flags `i`, `m`, `s` and `U`', suggestion: `write (?i), (?m), (?s) or (?U)${rest}` }
}

const look = 'RE2 has no look-ahead and no look-behind'
const recursion: PatternAdvice = {
  what: 'RE2 has no recursion',
  suggestion: 'write the pattern out to the depth that you need',
}

/** By the first characters of a group. Longer beginnings come first. */
const groupAdvice: readonly (readonly [string, PatternAdvice])[] = [
  ['(?=', { what: look, suggestion: 'test it by a second predicate on the same field, both under `all`' }],
  ['(?!', { what: look, suggestion: 'test what must not be there by a predicate under `not:`, both under `all`' }],
  ['(?<=', { what: look, suggestion: 'match what stands before as part of the pattern' }],
  ['(?<!', { what: look, suggestion: 'test what must not be there by a predicate under `not:`, both under `all`' }],
  [
    '(?>',
    {
      what: 'RE2 has no atomic groups and needs none, as it never backtracks',
      suggestion: 'write (?: in place of (?>',
    },
  ],
  ['(?|', { what: 'RE2 has no branch reset groups', suggestion: 'write (?: in place of (?|' }],
  ['(?#', { what: 'RE2 has no comments in patterns', suggestion: 'drop the comment' }],
  ['(?(', { what: 'RE2 has no conditionals', suggestion: 'write both cases as alternatives: (?:…|…)' }],
  ["(?'", { what: 'RE2 writes named groups in another way', suggestion: 'write (?P<name>…) or (?:…)' }],
  [
    '(?P=',
    { what: 'RE2 has no back-references, and they have no rewrite', suggestion: 'list the cases as alternatives' },
  ],
  ['(?P>', recursion],
  ['(?R', recursion],
  ['(?&', recursion],
  [
    '(?<',
    {
      what: 'the name of a group is letters, digits and `_` of ASCII, once each',
      suggestion: 'write (?P<name>…) or (?:…)',
    },
  ],
  [
    '(?P<',
    {
      what: 'the name of a group is letters, digits and `_` of ASCII, once each',
      suggestion: 'write (?P<name>…) or (?:…)',
    },
  ],
]

function adviseOnEscape(kind: string, fragment: string): PatternAdvice | undefined {
  if (kind !== 'invalid escape sequence') return undefined
  const letter = fragment.slice(1, 2)
  const known = escapeAdvice[letter]
  if (known !== undefined) return known
  if (/[1-9]/.test(letter)) {
    return {
      what: 'RE2 has no back-references, and they have no rewrite',
      suggestion: 'list the cases as alternatives',
    }
  }
  if (letter === 'x') {
    return {
      what: 'the code after `\\x` is no character',
      suggestion: 'write \\x41 or \\x{1F600}, at most \\x{10FFFF}',
    }
  }
  if (/[A-Za-z]/.test(letter)) {
    return {
      what: `RE2 has no escape \`\\${letter}\``,
      suggestion: `write ${letter} for the letter, or \\\\${letter} for a backslash and the letter`,
    }
  }
  return {
    what: 'only ASCII punctuation may follow a backslash',
    suggestion: `write ${fragment.slice(1)} without the backslash`,
  }
}

const instead = (what: string, rewrite: string): PatternAdvice => ({
  what: `RE2 has no ${what}`,
  suggestion: `write ${rewrite}`,
})

/** By the letter after the backslash. */
const escapeAdvice: Readonly<Record<string, PatternAdvice>> = {
  C: { what: '`\\C` would match half a character, and fields are text', suggestion: 'write (?s:.) for any character' },
  Z: instead('`\\Z`', '\\z for the end of the text'),
  G: instead('`\\G`', '\\A for the beginning of the text'),
  K: instead('`\\K`; only whether a pattern matches counts here', 'the pattern without it'),
  R: instead('`\\R`', '(?:\\r\\n|[\\n\\v\\f\\r\\x{85}\\x{2028}\\x{2029}])'),
  X: instead('`\\X`', '(?:\\PM\\pM*)'),
  N: instead('`\\N`', '[^\\n]'),
  h: instead('`\\h`', '[ \\t], which may stand inside other brackets as \\x20\\t'),
  H: instead('`\\H`', '[^ \\t]'),
  V: instead('`\\V`', '[^\\n\\v\\f\\r]'),
  e: instead('`\\e`', '\\x1b'),
  c: instead('control escapes', 'the code, as in \\x01 for Control-A'),
  u: instead('`\\u`', 'the code as \\x{…}, as in \\x{41} for \\u0041'),
  U: instead('`\\U`', 'the code as \\x{…}, as in \\x{1F600}'),
  o: instead('`\\o{…}`', 'the code as \\x{…}'),
  k: { what: 'RE2 has no back-references, and they have no rewrite', suggestion: 'list the cases as alternatives' },
  g: { what: 'RE2 has no back-references, and they have no rewrite', suggestion: 'list the cases as alternatives' },
  E: { what: '`\\E` ends no `\\Q`', suggestion: 'drop the \\E, or write \\Q before the literal part' },
  Q: { what: '`\\Q` cannot stand inside brackets', suggestion: 'escape the characters one by one' },
  b: { what: '`\\b` cannot stand inside brackets', suggestion: 'write \\x08 for a backspace' },
  B: { what: '`\\B` cannot stand inside brackets', suggestion: 'write it outside of them' },
  A: { what: '`\\A` cannot stand inside brackets', suggestion: 'write it outside of them' },
  z: { what: '`\\z` cannot stand inside brackets', suggestion: 'write it outside of them' },
}

function adviseOnSyntax(pattern: string, kind: string, fragment: string): PatternAdvice | undefined {
  switch (kind) {
    case 'invalid nested repetition operator':
      if (!fragment.endsWith('+')) {
        return { what: 'two repetitions follow each other', suggestion: 'put the first in a group: (?:…)' }
      }
      return {
        what: 'RE2 has no possessive repetition and needs none, as it never backtracks',
        suggestion: `write ${fragment.slice(0, -1)} in place of ${fragment}`,
      }
    case 'missing argument to repetition operator':
      return {
        what: 'nothing stands before the repetition',
        suggestion: /^[*?]/.test(pattern)
          ? 'write .* for any text; patterns are not wildcards'
          : `write \\${fragment.slice(0, 1)} for the character itself`,
      }
    case 'invalid character class range':
      return adviseOnClass(fragment)
    default:
      return syntaxAdvice[kind]
  }
}

/** By the parser's complaint. */
const syntaxAdvice: Readonly<Record<string, PatternAdvice>> = {
  'invalid repeat count': {
    what: 'a repetition counts to 1000 at most, with those around it multiplied, and the lower count comes first',
    suggestion: 'use smaller counts, or + and *',
  },
  'missing closing )': {
    what: 'a group is not closed',
    suggestion: 'add ), or write \\( for the character itself',
  },
  'unexpected )': { what: 'a `)` closes no group', suggestion: 'drop it, or write \\) for the character itself' },
  'missing closing ]': {
    what: 'the brackets are not closed',
    suggestion: 'add ], or write \\[ for the character itself',
  },
  'trailing backslash at end of expression': {
    what: 'it ends in a backslash',
    suggestion: 'write \\\\ for the character itself',
  },
  'invalid named capture': {
    what: 'the name of a group is letters, digits and `_` of ASCII',
    suggestion: 'write (?P<name>…) or (?:…)',
  },
  'duplicate capture group name': {
    what: 'two groups have the same name',
    suggestion: 'write (?:…), as names mean nothing here',
  },
  'expression nests too deeply': {
    what: 'it nests too deeply',
    suggestion: 'nest fewer groups, or split it over several predicates under `any`',
  },
  'expression too large': { what: 'it is too large', suggestion: 'split it over several predicates under `any`' },
}

function adviseOnClass(fragment: string): PatternAdvice {
  if (/^\\[pP]/.test(fragment)) {
    return {
      what: 'it names no general category or script of Unicode',
      suggestion: 'write a category such as \\p{Lu} or a script such as \\p{Latin}',
    }
  }
  if (fragment.startsWith('[:')) {
    return { what: 'it names no POSIX class', suggestion: 'write one such as [[:alpha:]] or [[:digit:]]' }
  }
  const [low, high] = fragment.split('-')
  const isReversed = low !== undefined && high !== undefined && low.length === 1 && high.length === 1
  return {
    what: 'the range in brackets ends before it begins',
    suggestion: isReversed ? `write ${high}-${low}, or put the - last` : 'swap its ends, or put the - last',
  }
}

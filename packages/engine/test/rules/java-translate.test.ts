// Java's patterns in RE2's dialect: each construct, and each that is refused. That translations match the same texts,
// original-java.test.ts asks Java itself.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { translateJavaPattern } from '#src/rules/java-translate.js'

/** Fails unless each pattern has the translation beside it. */
function checkAll(pairs: Readonly<Record<string, string>>): void {
  for (const [pattern, expected] of Object.entries(pairs)) {
    const found = translateJavaPattern(pattern)
    assert.equal('pattern' in found ? found.pattern : `refused: ${found.message}`, expected, pattern)
  }
}

/** Fails unless each pattern is refused at the index and for the reason beside it. */
function checkRefused(pairs: Readonly<Record<string, readonly [index: number, reason: RegExp]>>): void {
  for (const [pattern, [index, reason]] of Object.entries(pairs)) {
    const found = translateJavaPattern(pattern)
    assert.ok('message' in found, `${pattern} is taken: ${JSON.stringify(found)}`)
    assert.deepEqual([found.index, reason.test(found.message)], [index, true], `${pattern}: ${found.message}`)
  }
}

const dot = '[^\\n\\r\\x85\\x{2028}\\x{2029}]'

test('a dot leaves out what ends a line to Java', () => {
  checkAll({
    'a.b': `a${dot}b`,
    '(?s)a.b': 'a(?s:.)b',
    '(?d).': '[^\\n]',
    '(?s:.).': `(?s:.)${dot}`,
    '(?s)(?-s).': dot,
  })
})

test('places at the ends mean what they mean for a whole value', () => {
  checkAll({
    '^a$': '\\Aa\\z',
    '\\Aa\\z': '\\Aa\\z',
    'a\\Z': 'a\\z',
    '(a$|b)': '(?:a\\z|b)',
    a$b: 'a\\zb',
    '(?m)a$': 'a\\z',
    '(?d)a$\\r?': 'a\\z\\r?',
    '\\bx\\B': '\\bx\\B',
  })
  checkRefused({
    'a$\\n': [1, /before something that may match the last line end/],
    '(a$)*\\s': [2, /before something/],
    'a\\Z.*\\R?': [1, /before something/],
    '(?m)^a': [4, /under \(\?m\)/],
  })
})

test('case is ignored for letters of ASCII, and with u for what folds to them', () => {
  checkAll({
    '(?i)k1é': '[Kk]1\\xe9',
    '(?i)[b-d]': '[B-Db-d]',
    '(?i)[^k]': '[^Kk]',
    'a(?i)b(?-i)c': 'a[Bb]c',
    '(?i:a)b': '[Aa]b',
    '((?i)a|b)c': '(?:[Aa]|[Bb])c',
    '(?iu)k': '[Kk\\x{212a}]',
    '(?u)k': 'k',
  })
  checkRefused({
    '(?iu)é': [5, /beyond ASCII under \(\?iu\)/],
    '(?iu)[à-ü]': [6, /beyond ASCII/],
    '(?i)\\p{Lower}': [4, /versions of Java differ/],
    '(?i)\\p{Lu}': [4, /versions of Java differ/],
  })
})

test('classes are computed on code points', () => {
  checkAll({
    '[a-d[m-p]]': '[a-dm-p]',
    '[a-z&&[^bc]]': '[ad-z]',
    '[a-z&&def]': '[d-f]',
    '[^a-z&&[def]]': '[^d-f]',
    '[a-z&&[aeiou]&&[a-e]]': '[ae]',
    '[]a]': '[\\]a]',
    '[a-]': '[\\-a]',
    '[^^]': '[^\\^]',
    '[&a]': '[\\&a]',
    '[\\d\\-x]': '[\\-0-9x]',
    '[\\Q^]\\E]': '[\\]\\^]',
    '[[a]]': 'a',
    '[a&&b]': '[^\\x00-\\x{10ffff}]',
    '[\\s\\S]': '(?s:.)',
    '\\s': '[\\t-\\r\\x20]',
    '\\h\\v':
      '[\\t\\x20\\xa0\\x{1680}\\x{180e}\\x{2000}-\\x{200a}\\x{202f}\\x{205f}\\x{3000}][\\n-\\r\\x85\\x{2028}\\x{2029}]',
    '\\R': '(?:\\r\\n|[\\n-\\r\\x85\\x{2028}\\x{2029}])',
    '\\W': '[^0-9A-Z_a-z]',
  })
  checkRefused({
    '[a&&&b]': [4, /`&&&`/],
    '[&&a]': [1, /nothing before it/],
    '[a&&]': [4, /nothing behind it/],
    '[a&&[b]c]': [0, /mixes brackets and characters/],
    '[z-a]': [1, /end comes before/],
    '[a': [0, /without its `\]`/],
    '[\\v-]': [1, /reads as one character/],
    '[\\p{L}&&a]': [0, /intersects a class of Unicode/],
    '(?x)[a b]': [6, /Java skips/],
  })
})

test('names of classes are those that both know', () => {
  checkAll({
    '\\p{Lower}\\p{Punct}': '[a-z][\\!-\\/\\:-\\@\\[-\\`\\{-\\~]',
    '\\p{L}\\pN\\P{Lu}': '[\\p{L}][\\p{N}][^\\p{Lu}]',
    '\\p{IsL}\\p{gc=Nd}': '[\\p{L}][\\p{Nd}]',
    '\\p{IsLatin}\\p{script=Han}\\p{sc=greek}': '[\\p{Latin}][\\p{Han}][\\p{Greek}]',
    '[a\\p{L}]': '[a\\p{L}]',
    '[^\\p{L}]': '[^\\p{L}]',
    '\\p{LC}': '[\\p{Lu}\\p{Ll}\\p{Lt}]',
    '\\p{L1}': '[\\x00-\\xff]',
  })
  checkRefused({
    '\\p{InGreek}': [0, /RE2 does not know/],
    'a\\p{javaLowerCase}': [1, /RE2 does not know/],
    '\\p{Cn}': [0, /unassigned/],
    '\\p{isLatin}': [0, /RE2 does not know/],
    '\\p{Nonsense}': [0, /RE2 does not know/],
    '\\p{': [0, /Java does not know/],
  })
})

test('characters may be written by number, and quoted', () => {
  checkAll({
    '\\x41\\u0042\\x{43}\\0104': 'ABCD',
    '\\uD83D\\uDE00': '\\x{1f600}',
    '\\cA\\t\\a\\e\\f\\r\\n': '\\x01\\t\\x07\\x1b\\f\\r\\n',
    '\\Qa.b\\E+': 'a\\.b+',
    '\\Q\\E': '',
    '\\Qa|': 'a\\|',
    '\\_\\é\\ ': '_\\xe9\\x20',
    '(?x) a b # c\n d': 'abd',
    '(?x)a\\ \\#': 'a\\x20\\#',
    ']}': '\\]\\}',
  })
  checkRefused({
    '\\uD83D': [0, /half of a surrogate pair/],
    '\\x4': [0, /hexadecimal digits/],
    '\\0': [0, /octal digits/],
    '\\x{110000}': [0, /beyond U\+10FFFF/],
    'a\\': [1, /ends with a backslash/],
    '\\c\\Qa\\E': [0, /lacks a character/],
    'a\\y': [1, /Java does not know/],
    'a\\E': [1, /Java does not know/],
    '\\N{DIGIT ONE}': [0, /by `\\N`/],
  })
})

test('groups and counts keep what decides whether a whole text matches', () => {
  checkAll({
    '(a)(?<n>b)(?:c)': 'abc',
    '(ab)+?': '(?:ab)+',
    'a{2}b{1,}c{0,3}d{2,}': 'a{2}b+c{0,3}d{2,}',
    'a|': '(?:a|)',
    '(a|b){2}': '(?:(?:a|b)){2}',
  })
  checkRefused({
    'a**': [2, /repeated already/],
    'a{2}{3}': [4, /repeated already/],
    '*a': [0, /nothing before it/],
    'a|*': [2, /nothing before it/],
    '{a': [0, /begins no count/],
    'a{,2}': [1, /begins no count/],
    'a{3,2}': [1, /wrong way round/],
    'a)': [1, /without its `\(`/],
    '(?<n>a)(?<n>b)': [7, /names two groups/],
    '(?<1>a)': [0, /not letters and digits/],
    '(?z)a': [0, /flag `z`/],
    '(?U)a': [0, /flag U/],
    '(?#a)': [0, /does not know/],
  })
})

test('what gives nothing back is taken where that makes no difference', () => {
  checkAll({
    'a*+': 'a*',
    '[a-c]++d': '[a-c]+d',
    '\\d*+\\.\\d++': '[0-9]*\\.[0-9]+',
    '(?>ab)c': '(?:ab)c',
    '(?>a*)b': '(?:a*)b',
    '(?:ab){2}+a': '(?:ab){2}a',
  })
  checkRefused({
    'a*+a': [1, /possessive/],
    '.*+b': [1, /possessive/],
    '(a|ab)*+c': [6, /possessive/],
    '(?>a|ab)c': [0, /atomic/],
    '(a*+b?)*': [2, /possessive/],
  })
})

test('a line break is counted only where taking CR and LF as a whole makes no difference', () => {
  const line = '(?:\\r\\n|[\\n-\\r\\x85\\x{2028}\\x{2029}])'
  checkAll({
    '\\R\\n': `${line}\\n`,
    '\\R*': `(?:${line})*`,
    'a\\R+b': `a(?:${line})+b`,
    '(\\R){0,2}': `(?:${line}){0,2}`,
    '(?:a\\R)*b': `(?:a${line})*b`,
  })
  checkRefused({
    '\\R{2}': [0, /counts `\\R`/],
    '\\R*?\\n': [0, /counts/],
    '(?:(\\R)){1}\\s': [4, /counts/],
    '(?:a\\R)*\\n': [4, /counts/],
    '(?:\\R+)*': [3, /counts/],
  })
})

test('what may be empty at some places only is not counted to two and more', () => {
  checkAll({ '(^|b)+': '(?:(?:\\A|b))+', '(^b){2}': '(?:\\Ab){2}', '(a|){2}': '(?:(?:a|)){2}' })
  checkRefused({
    '(^|b){2,}': [5, /may be empty at some places only/],
    'a(?:b|\\b){3}?': [9, /may be empty at some places only/],
    '($?a?){2}': [6, /may be empty at some places only/],
  })
})

test('what RE2 has no form for is refused, with what to write instead', () => {
  for (const pattern of [
    'a(?=b)',
    '(?!a)b',
    '(?<=a)b',
    '(?<!a)b',
    '(a)\\1',
    '(?<n>a)\\k<n>',
    '\\Ga',
    '\\X',
    '\\b{g}a',
  ]) {
    const found = translateJavaPattern(pattern)
    assert.ok('message' in found && /RE2 lacks/.test(found.message), pattern)
    if (!pattern.startsWith('\\b')) assert.ok(found.suggestion !== undefined, pattern)
  }
})

test('half of a surrogate pair is taken where Java takes it', () => {
  // U+10FFFF stands for it.
  checkAll({
    '[^a]': '[^a]',
    '[\\ud7ff-\\ue000]': '[\\x{d7ff}-\\x{e000}\\x{10ffff}]',
    '\\x{10ffff}': '[^\\x00-\\x{10ffff}]',
  })
})

test('a counted \\R is refused where Java would not give back the LF of a CR LF', () => {
  const lineBreak = '(?:\\r\\n|[\\n-\\r\\x85\\x{2028}\\x{2029}])'
  checkAll({
    '\\R': lineBreak,
    '\\R\\n': `${lineBreak}\\n`,
    '\\R+': `(?:${lineBreak})+`,
    '\\R*a': `(?:${lineBreak})*a`,
    '\\R{1,3}': `(?:${lineBreak}){1,3}`,
    '(?:a\\R){2}': `(?:a${lineBreak}){2}`,
  })
  const reason = /counts `\\R`/
  checkRefused({
    '\\R{2}': [0, reason],
    '\\R+\\n': [0, reason],
    '\\R?\\s': [0, reason],
    '(?:\\R){2}': [3, reason],
    '(?:a\\R)+\\n': [4, reason],
    '(\\R+a?)*': [1, reason],
  })
})

test('a quote in a comment is refused, since Java unwinds quotes first', () => {
  checkAll({ '(?x)a#b\nc': 'ac', '(?x)\\Q#\\E b': '\\#b' })
  checkRefused({
    '(?x)a#\\Q\nb c': [6, /`\\Q` in a comment/],
    '(?x)a # b \\Qc\\E\nd': [10, /`\\Q` in a comment/],
  })
})

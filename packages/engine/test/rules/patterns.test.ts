// Patterns: what RE2 refuses is refused, with advice; what only re2js or only RE2 takes is refused for all kernels.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { RE2JS } from 're2js'
import { limits } from '#src/limits.js'
import { constructsOf, type Complaint } from '#src/rules/pattern-constructs.js'
import { checkPattern, type PatternFault } from '#src/rules/patterns.js'
import { writeOutClasses } from '#src/rules/pattern-classes.js'
import { differingGroups, groupNames } from '#src/rules/unicode-groups.js'
import { compileOne, issuesOf, shown, yamlOf } from './rule-sets.js'

const engineFolder = dirname(createRequire(import.meta.url).resolve('@weir/engine/package.json'))

function faultOf(pattern: string): { message: string; suggestion?: string | undefined } {
  return faultsOf(pattern)[0]!
}

function faultsOf(pattern: string): readonly PatternFault[] {
  const result = checkPattern(pattern, pattern, true)
  assert.ok('faults' in result, `${pattern} is accepted`)
  return result.faults
}

test("RE2's syntax is accepted as it is", () => {
  const patterns = [
    '',
    '5\\d\\d',
    '(?i)chrome|firefox',
    '(?P<name>a)(?<other>b)',
    '(?i-s:a)(?m)^b$(?U)c+?',
    '[[:alpha:]_\\d-]',
    '[^]a]',
    '[]a]',
    '\\Qa.b\\E+\\x41\\x{1F600}\\012\\z',
    '\\bword\\b\\Bx',
    'a{2,5}?b{3}c{0,}{',
    'x{,2}',
    '\\p{Greek}\\PZ\\p{^Sc}\\p{Any}',
    'ünï\u{1F600}.',
    '(|a)*()',
  ]
  for (const pattern of patterns) assert.ok('pattern' in checkPattern(pattern, pattern, true), pattern)
})

test('syntax of other dialects is refused with a rewrite', () => {
  const cases: readonly [string, RegExp, RegExp][] = [
    ['a(?=b)', /look-ahead/, /second predicate/],
    ['a(?!b)', /look-ahead/, /`not:`/],
    ['(?<=a)b', /look-behind/, /part of the pattern/],
    ['(?<!a)b', /look-behind/, /`not:`/],
    ['(a)\\1', /back-references/, /alternatives/],
    ['(?P<n>a)(?P=n)', /back-references/, /alternatives/],
    ['(?<n>a)\\k<n>', /back-references/, /alternatives/],
    ['a++', /possessive/, /write \+ in place of \+\+/],
    ['a*+', /possessive/, /write \* in place of \*\+/],
    ['a{2}+', /possessive/, /write \{2\} in place/],
    ['(?>a)', /atomic/, /\(\?:/],
    ['a**', /two repetitions/, /group/],
    ['a\\Z', /no `\\Z`/, /\\z/],
    ['\\h', /no `\\h`/, /\[ \\t\]/],
    ['\\u0041', /no `\\u`/, /\\x\{41\}/],
    ['\\cA', /control escapes/, /\\x01/],
    ['\\e', /no `\\e`/, /\\x1b/],
    ['\\R', /no `\\R`/, /\\r\\n/],
    ['\\C', /half a character/, /\(\?s:\.\)/],
    ['[\\b]', /inside brackets/, /\\x08/],
    ['\\y', /no escape `\\y`/, /write y for the letter/],
    ['\\é', /only ASCII punctuation/, /write é/],
    ['\\x{110000}', /no character/, /\\x\{10FFFF\}/],
    ['(?x)a', /no flag `x`/, /without the spaces/],
    ['(?#c)a', /no comments/, /drop/],
    ['(?R)', /recursion/, /./],
    ['(?|a)', /branch reset/, /\(\?:/],
    ["(?'n'a)", /named groups/, /\(\?P<name>/],
    ['(?P<é>a)', /ASCII/, /\(\?P<name>/],
    ['(?P<a>x)(?P<a>y)', /same name/, /\(\?:/],
    ['*.jpg', /nothing stands before/, /\.\*/],
    ['a|+', /nothing stands before/, /write \\\+/],
    ['(a', /not closed/, /\\\(/],
    ['a)', /closes no group/, /\\\)/],
    ['[a', /not closed/, /\\\[/],
    ['a\\', /ends in a backslash/, /\\\\/],
    ['[z-a]', /ends before it begins/, /write a-z/],
    ['[[:foo:]]', /no POSIX class/, /\[:alpha:\]/],
    ['\\p{Foo}', /no general category or script/, /\\p\{Latin\}/],
    ['a{1001}', /1000 at most/, /smaller/],
    ['(a{100}){11}', /1000 at most/, /smaller/],
    ['a{3,2}', /lower count comes first/, /./],
  ]
  for (const [pattern, message, suggestion] of cases) {
    const fault = faultOf(pattern)
    assert.match(fault.message, message, pattern)
    assert.match(fault.suggestion ?? '', suggestion, pattern)
  }
})

test('every construct that RE2 lacks is named at once, and what else the parser says', () => {
  const told = (pattern: string): string[] =>
    faultsOf(pattern).map(({ message }) => message.slice(message.indexOf('refused') + 'refused'.length))
  assert.deepEqual(told('(?<=x)\\1\\Z('), [
    ' at `(?<=`: RE2 has no look-ahead and no look-behind.',
    ' at `\\1`: RE2 has no back-references, and they have no rewrite.',
    ' at `\\Z`: RE2 has no `\\Z`.',
    ': a group is not closed.',
  ])
  assert.deepEqual(told('(?!a)(?<!b)\\2(?>c)\\1d++\\2'), [
    ' at `(?!`, `(?<!`: RE2 has no look-ahead and no look-behind.',
    ' at `\\2`, `\\1`: RE2 has no back-references, and they have no rewrite.',
    ' at `(?>`: RE2 has no atomic groups and needs none, as it never backtracks.',
    ' at `++`: RE2 has no possessive repetition and needs none, as it never backtracks.',
  ])
  assert.deepEqual(told('(?x)[\\h-z\\b[:foo:]a-\\Z](?#note)*(?&n)(?-1)(?+2)'), [
    ' at `(?x`: RE2 has no flag `x`.',
    ' at `\\h`: RE2 has no `\\h`.',
    ' at `\\b`: `\\b` cannot stand inside brackets.',
    ' at `[:foo:]`: it names no POSIX class.',
    ' at `\\Z`: RE2 has no `\\Z`.',
    ' at `(?#`: RE2 has no comments in patterns.',
    ' at `(?&`, `(?-1`, `(?+2`: RE2 has no recursion.',
  ])
  assert.deepEqual(told('a{1001}+'), [
    ' at `{1001}+`, `{1001}`: a repetition counts to 1000 at most, with those around it multiplied, and the lower count comes first.',
  ])
})

test('what only looks like a construct that RE2 lacks is not named', () => {
  const harmless = [
    '\\Q(?=\\1\\E',
    '\\\\Z',
    '[(?=]',
    '\\(?=',
    '\\012',
    '\\x{41}\\pL',
    '(?P<n>a)(?<m>b)(?i-s:c)',
    'a\\++',
    '[a]+',
  ]
  for (const pattern of harmless) {
    assert.ok('pattern' in checkPattern(pattern, pattern, true), pattern)
    const faults = faultsOf(`${pattern}\\Z`)
    assert.equal(faults.length, 1, pattern)
    assert.match(faults[0]!.message, /at `\\Z`/, pattern)
  }
})

test('in an accepted pattern no construct is found, and a refused one has a fault in words', () => {
  const pieces = fc.constantFrom(
    ...[
      'a',
      '(',
      '(?',
      ')',
      '[',
      '[^',
      ']',
      '\\',
      '\\Q',
      '\\E',
      '\\1',
      '\\12',
      '\\Z',
      '\\b',
      '\\pL',
      '\\x{41}',
      '\\x',
      '\\k',
    ],
    ...[
      '*',
      '+',
      '{2}',
      '{1,',
      '}',
      '|',
      '-',
      '(?=',
      '(?<!',
      '(?>',
      '(?P<n>',
      '(?<n',
      '(?i)',
      '(?#',
      '<',
      '>',
      ':',
      '\n',
      '\u{1F600}',
    ],
  )
  fc.assert(
    fc.property(fc.array(pieces, { minLength: 1, maxLength: 9 }), (parts) => {
      const pattern = parts.join('')
      const complain = (probe: string): Complaint | undefined => {
        try {
          RE2JS.compile(probe)
          return undefined
        } catch {
          return { kind: 'refused', fragment: '' }
        }
      }
      if (complain(pattern) === undefined) {
        assert.deepEqual(constructsOf(pattern, complain), { constructs: [], rest: pattern })
      } else {
        for (const { message } of faultsOf(pattern)) assert.match(message, /is refused.*: \S.*[^ ]\.$/s)
        assert.ok(faultsOf(pattern).length > 0)
      }
    }),
    { numRuns: 3000 },
  )
})

test('what re2js accepts and RE2 refuses is refused', () => {
  assert.match(faultOf('\\p{Cn}').message, /`Cn`, which RE2 does not know/)
  assert.match(faultOf('[\\p{Assigned}]').message, /`Assigned`/)
  assert.match(faultOf('\\p{Garay}').message, /`Garay`/)
  assert.match(faultOf('\\p{Lc}').suggestion ?? '', /\\p\{Lu\}\\p\{Ll\}\\p\{Lt\}/)
  assert.match(faultOf('(?:(?:x{501}){0}){2}').message, /repeats more than 1000 times/)
  assert.ok('pattern' in checkPattern('(?:x{0}){2}', '(?:x{0}){2}', true))
  // The character 0 is no count, and what stands behind an escaped backslash is.
  for (const pattern of ['\\x{0}', '(?:a\\x{0}){100}', '[\\x{0}-\\x{1f}]+', '\\\\x{0}']) {
    assert.ok('pattern' in checkPattern(pattern, pattern, true), pattern)
  }
  assert.match(faultOf('(?:(?:\\\\x{1000}){0}){2}').message, /repeats more than 1000 times/)
  assert.ok('pattern' in checkPattern('\\Q\\p{Cn}\\E\\\\p{Cn}', '\\Q\\p{Cn}\\E\\\\p{Cn}', true))
})

test('an empty place found by \\B alone is refused in a search, where RE2 looks inside of characters', () => {
  assert.match(faultOf('\\B').message, /`\\B` alone/)
  assert.match(faultOf('a*\\B').message, /`\\B` alone/)
  assert.match(faultOf('\\B(?:\\Qx').message, /not closed/)
  for (const pattern of ['\\Bx', 'x\\B', '(?:a\\B)?', '\\\\B']) {
    assert.ok('pattern' in checkPattern(pattern, pattern, true), pattern)
  }
  assert.ok('pattern' in checkPattern('\\B', '\\B', false))
})

test('the class table is the one that the RE2 sources and re2js give', async () => {
  const script = pathToFileURL(join(engineFolder, 'native', 'unicode-groups.mjs')).href
  const { groupTables } = (await import(script)) as {
    groupTables: () => { names: string[]; differing: [string, string][] }
  }
  const { names, differing } = groupTables()
  assert.ok(names.length > 150)
  assert.deepEqual([...groupNames], names)
  assert.deepEqual(Object.entries(differingGroups), differing)
})

test('classes that depend on the version of Unicode are written out, so that every kernel reads the same', async () => {
  const script = pathToFileURL(join(engineFolder, 'native', 'unicode-groups.mjs')).href
  const { readGroups } = (await import(script)) as { readGroups: () => Map<string, [number, number][]> }
  for (const [name, ranges] of readGroups()) {
    const inside = RE2JS.compile(patternOf(`[\\p{${name}}-]`))
    const outside = RE2JS.compile(patternOf(`\\P{${name}}`))
    const negated = RE2JS.compile(patternOf(`[\\P{${name}}]`))
    for (const point of ranges.flatMap(([low, high]) => [low - 1, low, high, high + 1])) {
      if (point < 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) || point === 0x2d) continue
      const text = String.fromCodePoint(point)
      const isMember = ranges.some(([low, high]) => low <= point && point <= high)
      assert.equal(inside.matches(text), isMember, `${name} ${point.toString(16)}`)
      assert.equal(outside.matches(text), !isMember, `${name} ${point.toString(16)}`)
      assert.equal(negated.matches(text), !isMember, `${name} ${point.toString(16)}`)
    }
  }
})

function patternOf(pattern: string): string {
  const result = writeOutClasses(pattern)
  assert.ok('pattern' in result, pattern)
  return result.pattern
}

test('only classes are written out', () => {
  for (const pattern of ['\\p{Greek}', '\\\\pL', '\\Q\\pL\\E', 'pL', '[a]\\Q[\\E\\pZ', '[[:alpha:]\\]]']) {
    assert.equal(patternOf(pattern), pattern)
  }
  assert.match(patternOf('\\Q[\\E\\pL'), /^\\Q\[\\E\[\\x\{41\}-\\x\{5a\}/)
  assert.match(patternOf('[]\\p{^Sc}a]'), /^\[\]\\x\{0\}-\\x\{23\}.*-\\x\{10ffff\}a\]$/)
  assert.match(patternOf('\\pSc'), /^\[\\x\{24\}.*\]c$/)
})

test('a negated class inside brackets is refused where case is ignored', () => {
  const result = writeOutClasses('(?i)[\\PL5]')
  assert.match('message' in result ? result.message : '', /negated class `\\PL` inside brackets/)
  assert.ok('pattern' in writeOutClasses('(?i)[\\P{Greek}5]'))
})

test('ignoreCase stands in front of the whole pattern', () => {
  const { plan } = compileOne({ field: 'a', search: 'a|b', matches: 'c', ignoreCase: true }).program
  assert.deepEqual(plan.predicates, [
    { op: 'regex', field: 0, pattern: '(?i)c', whole: true },
    { op: 'regex', field: 0, pattern: '(?i)a|b', whole: false },
  ])
})

test('a refused pattern is named with its place', () => {
  assert.deepEqual(shown(issuesOf(yamlOf("{ any: [{ field: a, search: '(?=x)' }, { field: a, matches: '(' }] }"))), [
    '5:39 rules[0].when.any[0].search: The pattern `(?=x)` is refused at `(?=`: RE2 has no look-ahead and no look-behind. [test it by a second predicate on the same field, both under `all`]',
    '5:71 rules[0].when.any[1].matches: The pattern `(` is refused: a group is not closed. [add ), or write \\( for the character itself]',
  ])
})

test('long and large patterns are refused with the limit', () => {
  const tooLong = 'é'.repeat(limits.patternBytes / 2 + 1)
  assert.match(faultOf(tooLong).message, /is 4098 bytes long; at most 4096 are allowed/)
  assert.match(faultOf('(?:ab){1000}').message, /compiles to 200[0-9] instructions; at most 2000/)
  assert.match(faultOf('\\pL{100}').message, /compiles to \d{6} instructions for bytes; at most 60000/)
  assert.ok('pattern' in checkPattern('\\pL{20}.{500}', '\\pL{20}.{500}', true))
  assert.match(faultOf(`${'('.repeat(2000)}a${')'.repeat(2000)}`).message, /nests too deeply|too complex/)
})

// Peer: Miller. It reads and writes JSON Lines, and writes records anew.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { debianPackage } from '../tools/debian.ts'
import { numberPattern, patternOfTexts, writePattern } from './pattern.ts'
import type { Pattern } from './pattern.ts'
import type { Peer } from './peer.ts'
import { Inexpressible, keepTest, translate } from './translation.ts'
import type { Field, Language, Translation } from './translation.ts'

/** The values that have a text; JSON's null is none of these. */
const kindsOfText = ['is_string', 'is_numeric', 'is_boolean']

const language: Language = {
  all: (tests) => `(${tests.join(' && ')})`,
  any: (tests) => `(${tests.join(' || ')})`,
  not: (test) => `!(${test})`,
  hasText: (field, missing) => hasValue(field, missing, kindsOfText),
  exists: (field, missing) => hasValue(field, missing, [...kindsOfText, 'is_map', 'is_array']),
  oneOf: (field, texts) => {
    const tests = texts.map((text) => sameText(field, text))
    return tests.length === 1 ? tests[0]! : `(${tests.join(' || ')})`
  },
  // Of functions on texts it has none for these.
  prefix: (field, texts) => patternTest(field, patternOfTexts(texts, 'start', false)),
  suffix: (field, texts) => patternTest(field, patternOfTexts(texts, 'end', false)),
  contains: (field, texts) => patternTest(field, patternOfTexts(texts, 'anywhere', false)),
  pattern: patternTest,
  compare: (field, comparison, bound) =>
    `(${patternTest(field, numberPattern)} && float(${name(field)}) ${comparison} ${bound})`,
  faultOfPath: (path) =>
    path.some((part) => typeof part === 'string' && /["{}\\]/.test(part)) ? 'keys with braces or quotes' : undefined,
}

function name({ index }: Field): string {
  return `f${index}`
}

function valueOf({ path: [first, ...rest] }: Field): string {
  // Positions in arrays count from one.
  const steps = rest.map((part) => (typeof part === 'number' ? `[${part + 1}]` : `["${part}"]`))
  return `\${${first}}${steps.join('')}`
}

function hasValue(field: Field, missing: readonly string[], kinds: readonly string[]): string {
  const isKind = `(${kinds.map((kind) => `${kind}(${valueOf(field)})`).join(' || ')})`
  return `(${[isKind, ...missing.map((text) => `!(${sameText(field, text)})`)].join(' && ')})`
}

/** A text in quotes has few escapes, so one that needs any is said as a pattern, which has all. */
function sameText(field: Field, text: string): string {
  if (/["\\\p{Cc}]/u.test(text)) return patternTest(field, patternOfTexts([text], 'whole', false))
  return `${name(field)} == "${text}"`
}

/** In the quotes of a pattern only some escapes are taken; all others are said by number. */
function patternTest(field: Field, pattern: Pattern): string {
  const number = (character: string): string => `\\x{${character.codePointAt(0)!.toString(16)}}`
  const text = writePattern(pattern).replaceAll(/\\(.)|["\p{Cc}]/gsu, (whole, escaped?: string) =>
    escaped === undefined ? number(whole) : /[\\\w.]/.test(escaped) ? whole : number(escaped),
  )
  return `${name(field)} =~ "${text}"`
}

/** Returns what `filter` takes. Errors: Inexpressible. */
export function millerFilter(translation: Translation): string {
  const texts = translation.fields.map((field) => {
    const value = valueOf(field)
    return `${name(field)} = is_string(${value}) ? ${value} : is_numeric(${value}) || is_boolean(${value}) ? string(${value}) : "";`
  })
  return `${texts.join('\n')}\n${keepTest(translation, language)}\n`
}

/** Miller. It reads, filters and writes in threads of its own, whose number it chooses. */
export const miller: Peer = {
  id: 'miller',
  label: 'Miller',
  tool: debianPackage({ name: 'miller', program: 'usr/bin/mlr' }),
  hasThreads: true,
  rewrites: true,
  translate: ({ rules, input }) => {
    // It ends at the first.
    if (input.generator === 'records' && input.malformedEvery !== undefined)
      throw new Inexpressible('malformed records')
    return millerFilter(translate(rules, language))
  },
  command: (translation, { found, input, output, folder }) => {
    const filter = join(folder, 'filter.mlr')
    writeFileSync(filter, translation)
    return `$TIME ${found.command} --ijsonl --ojsonl filter -f ${quote(filter)} ${quote(input)} > ${quote(output)}`
  },
}

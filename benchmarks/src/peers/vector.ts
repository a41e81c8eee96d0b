// Peer: Vector's language (VRL). Vector itself is in no registry; the language is a crate, and the program in peers/vrl
// runs a program in it over the lines of a file, compiled once, which is the part of Vector that filters.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { ownCrate } from '../tools/crates.ts'
import type { FieldPath } from './field-path.ts'
import { numberPattern, patternOfTexts, writePattern } from './pattern.ts'
import type { Pattern } from './pattern.ts'
import type { Peer } from './peer.ts'
import { translate } from './translation.ts'
import type { Field, Language, Translation } from './translation.ts'

/** Texts that are compared one by one; more of them are one pattern, which finds all at once. */
const mostTexts = 8

const language: Language = {
  all: (tests) => `(${tests.join(' && ')})`,
  any: (tests) => `(${tests.join(' || ')})`,
  not: (test) => `!(${test})`,
  hasText: (field, missing) => `(${isText(field)}${exceptFor(field, missing)})`,
  exists: (field, missing) =>
    `(exists(${valueOf(field.path)}) && !is_null(${valueOf(field.path)})${exceptFor(field, missing)})`,
  oneOf: (field, texts) =>
    texts.length === 1
      ? `${name(field)} == ${literal(texts[0]!)}`
      : `includes([${texts.map(literal).join(', ')}], ${name(field)})`,
  prefix: textsTest('starts_with', 'start'),
  suffix: textsTest('ends_with', 'end'),
  contains: textsTest('contains', 'anywhere'),
  pattern: patternTest,
  compare: (field, comparison, bound) =>
    `(${patternTest(field, numberPattern)} && (to_float(${name(field)}) ?? 0.0) ${comparison} ${floatOf(bound)})`,
  cidr: (field, networks) => {
    // Other text than an address is an error, and no address of any network.
    const tests = networks.map((network) => `(ip_cidr_contains(${literal(network)}, ${name(field)}) ?? false)`)
    return tests.length === 1 ? tests[0]! : `(${tests.join(' || ')})`
  },
  decodesUrls: true,
}

function name({ index }: Field): string {
  return `f${index}`
}

function valueOf(path: FieldPath): string {
  return path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${JSON.stringify(part)}`)).join('')
}

function textOf({ path, decode }: Field): string {
  const text = `to_string(${valueOf(path)}) ?? ""`
  return decode === 'url' ? `decode_percent(replace(${text}, "+", " "))` : text
}

function isText({ path }: Field): string {
  const kinds = ['is_string', 'is_integer', 'is_float', 'is_boolean']
  return `(${kinds.map((kind) => `${kind}(${valueOf(path)})`).join(' || ')})`
}

function exceptFor(field: Field, missing: readonly string[]): string {
  // Before decoding, as what is missing is.
  return missing.map((text) => ` && ${valueOf(field.path)} != ${literal(text)}`).join('')
}

/** Text in double quotes; two opening braces would begin a template. */
function literal(text: string): string {
  const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '{': '\\u{7b}' }
  return `"${text.replaceAll(/[\\"\n\r\t{]/g, (character) => named[character] ?? `\\${character}`)}"`
}

/** A pattern is in single quotes, and nothing in it is escaped but these. */
function patternTest(field: Field, pattern: Pattern): string {
  return `match(${name(field)}, r'${writePattern(pattern).replaceAll(/\\'|'/g, '\\x27')}')`
}

function textsTest(test: string, at: Pattern['at']): (field: Field, texts: readonly string[]) => string {
  return (field, texts) => {
    if (texts.length > mostTexts) return patternTest(field, patternOfTexts(texts, at, false))
    const tests = texts.map((text) => `${test}(${name(field)}, ${literal(text)})`)
    return tests.length === 1 ? tests[0]! : `(${tests.join(' || ')})`
  }
}

function floatOf(bound: string): string {
  return Number.isInteger(Number(bound)) ? `${Number(bound)}.0` : String(Number(bound))
}

/** Returns a program whose value is whether the record is kept. Errors: Inexpressible. */
export function vrlProgram({ fields, rules, keepsByDefault }: Translation): string {
  const texts = fields.map((field) => `${name(field)} = ${textOf(field)}`)
  // A chain of `else` takes the compiler seconds where rules are hundreds.
  const branches = rules.map(({ test, keeps }) => `if ${test} { return ${keeps} }`)
  return `${[...texts, ...branches, String(keepsByDefault)].join('\n')}\n`
}

/** Vector's language. */
export const vector: Peer = {
  id: 'vrl',
  label: 'Vector’s language (VRL)',
  tool: ownCrate({ name: 'vrl', program: 'weir-vrl' }),
  hasThreads: false,
  rewrites: false,
  translate: ({ rules }) => vrlProgram(translate(rules, language)),
  command: (translation, { found, input, output, folder }) => {
    const program = join(folder, 'program.vrl')
    writeFileSync(program, translation)
    return `$TIME ${found.command} ${quote(program)} ${quote(input)} ${quote(output)}`
  },
}

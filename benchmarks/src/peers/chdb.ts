// Peer: chDB, which is ClickHouse as a library, in a Node process of its own. Lines are read as text and leave as they
// came. chdb-run.ts is the process.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchmarkCase } from '../cases.ts'
import { quote } from '../contenders/command-line.ts'
import { isSpelledPlainly } from '../records/shape.ts'
import { npmPackage } from '../tools/npm.ts'
import { numberPattern, writePattern } from './pattern.ts'
import type { Pattern } from './pattern.ts'
import type { Peer } from './peer.ts'
import { translate } from './translation.ts'
import type { Field, Language, Translation } from './translation.ts'

/** Most texts that one call searches for. */
const mostNeedles = 255

const language: Language = {
  all: (tests) => `(${tests.join(' AND ')})`,
  any: (tests) => `(${tests.join(' OR ')})`,
  not: (test) => `(NOT ${test})`,
  hasText: (field, missing) => hasValue(field, missing),
  exists: (field, missing) => hasValue(field, missing),
  oneOf: (field, texts) => `${name(field)} IN (${texts.map(literal).join(', ')})`,
  prefix: anyOf('startsWith'),
  suffix: anyOf('endsWith'),
  contains: (field, texts) => {
    if (texts.length === 1) return `position(${name(field)}, ${literal(texts[0]!)}) > 0`
    const groups = Array.from({ length: Math.ceil(texts.length / mostNeedles) }, (_, i) =>
      texts.slice(i * mostNeedles, (i + 1) * mostNeedles),
    )
    const tests = groups.map((group) => `multiSearchAny(${name(field)}, [${group.map(literal).join(', ')}])`)
    return tests.length === 1 ? tests[0]! : `(${tests.join(' OR ')})`
  },
  pattern: patternTest,
  compare: (field, comparison, bound) =>
    `(${patternTest(field, numberPattern)} AND toFloat64OrZero(${name(field)}) ${comparison} ${bound})`,
  cidr: (field, networks) => {
    const tests = networks.map((network) => `isIPAddressInRange(${name(field)}, ${literal(network)})`)
    // Other text than an address would end the query.
    return `if(isIPv4String(${name(field)}) OR isIPv6String(${name(field)}), ${tests.join(' OR ')}, 0)`
  },
  decodesUrls: true,
}

function name({ index }: Field): string {
  return `f${index}`
}

/** A text is in single quotes, with a backslash before one and before a backslash. */
function literal(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`
}

function patternTest(field: Field, pattern: Pattern): string {
  // Here the dot takes line feeds unless it is told not to.
  return `match(${name(field)}, ${literal(writePattern(pattern, 's'))})`
}

function anyOf(test: string): (field: Field, texts: readonly string[]) => string {
  return (field, texts) => {
    const tests = texts.map((text) => `${test}(${name(field)}, ${literal(text)})`)
    return tests.length === 1 ? tests[0]! : `(${tests.join(' OR ')})`
  }
}

function hasValue(field: Field, missing: readonly string[]): string {
  const isThere = `JSONType(line, ${steps(field)}) != 'Null'`
  const value = `JSONExtractString(line, ${steps(field)})`
  return missing.length === 0 ? isThere : `(${isThere} AND ${value} NOT IN (${missing.map(literal).join(', ')}))`
}

/** Positions in arrays count from one. */
function steps({ path }: Field): string {
  return path.map((part) => (typeof part === 'number' ? String(part + 1) : literal(part))).join(', ')
}

/** How a field's text is read from a line. */
function textOf(field: Field, isPlain: boolean): string {
  const text =
    isPlain && field.path.length === 1
      ? `simpleJSONExtractString(line, ${steps(field)})`
      : `JSONExtractString(line, ${steps(field)})`
  return field.decode === 'url' ? `decodeURLFormComponent(${text})` : text
}

/**
 * Returns the query. `isPlain`: records are flat and without white space or odd escapes, for which ClickHouse has quicker
 * functions; elsewhere those that read all of JSON. Errors: Inexpressible.
 */
export function chdbQuery({ fields, rules, keepsByDefault }: Translation, isPlain: boolean): string {
  const branches = rules.map(({ test, keeps }) => `${test}, ${keeps ? 1 : 0}`)
  const decision =
    branches.length === 0
      ? keepsByDefault
        ? '1'
        : '0'
      : `multiIf(${branches.join(',\n')},\n${keepsByDefault ? 1 : 0})`
  const texts = fields.map((field) => `${textOf(field, isPlain)} AS ${name(field)}`)
  return `${texts.length === 0 ? '' : `WITH ${texts.join(',\n')}\n`}SELECT line FROM file($INPUT, 'LineAsString', 'line String')
WHERE ${decision}${isPlain ? '' : ' AND isValidJSON(line)'}\n`
}

/** Whether the quicker functions read the records of a case right. */
function isPlain({ input }: BenchmarkCase): boolean {
  return isSpelledPlainly(input) && (input.generator === 'ds2' || (input.nesting ?? 'flat') === 'flat')
}

/** chDB, with as many threads as it is given cores. */
export const chdb: Peer = {
  id: 'chdb',
  label: 'chDB (ClickHouse)',
  tool: npmPackage({ name: 'chdb', package: 'chdb', runner: '../peers/chdb-run.js' }),
  hasThreads: true,
  rewrites: false,
  reorders: true,
  translate: (each) => chdbQuery(translate(each.rules, language), isPlain(each)),
  command: (translation, { found, input, output, folder, threads }) => {
    const query = join(folder, 'query.sql')
    writeFileSync(
      query,
      `${translation.replace('$INPUT', () => literal(input))}INTO OUTFILE ${literal(output)} TRUNCATE FORMAT TSVRaw\n`,
    )
    return `$TIME ${found.command} ${quote(query)} ${threads}`
  },
}

// Peer: DuckDB, as a library in a Node process of its own. Lines are read as JSON objects that stay text, and what is kept
// leaves as that text. duckdb-run.ts is the process.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { npmPackage } from '../tools/npm.ts'
import type { FieldPath } from './field-path.ts'
import { numberPattern, writePattern } from './pattern.ts'
import type { Pattern } from './pattern.ts'
import type { Peer } from './peer.ts'
import { translate } from './translation.ts'
import type { Field, Language, Translation } from './translation.ts'

const language: Language = {
  all: (tests) => `(${tests.join(' AND ')})`,
  any: (tests) => `(${tests.join(' OR ')})`,
  not: (test) => `(NOT ${test})`,
  hasText: hasValue,
  exists: hasValue,
  oneOf: (field, texts) => `${name(field)} IN (${texts.map(literal).join(', ')})`,
  prefix: anyOf('starts_with'),
  suffix: anyOf('ends_with'),
  contains: anyOf('contains'),
  pattern: patternTest,
  // Text that is no number is no error of a cast that is only tried.
  compare: (field, comparison, bound) =>
    `(${patternTest(field, numberPattern)} AND TRY_CAST(${name(field)} AS DOUBLE) ${comparison} ${bound})`,
  decodesUrls: true,
}

function name({ index }: Field): string {
  return `f${index}`
}

/** A text is in single quotes, which are doubled; a backslash is itself. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function hasValue({ index }: Field, missing: readonly string[]): string {
  const isThere = `v${index} IS NOT NULL`
  return missing.length === 0 ? isThere : `(${isThere} AND v${index} NOT IN (${missing.map(literal).join(', ')}))`
}

function anyOf(test: string): (field: Field, texts: readonly string[]) => string {
  return (field, texts) => {
    const tests = texts.map((text) => `${test}(${name(field)}, ${literal(text)})`)
    return tests.length === 1 ? tests[0]! : `(${tests.join(' OR ')})`
  }
}

function patternTest(field: Field, pattern: Pattern): string {
  return `regexp_matches(${name(field)}, ${literal(writePattern(pattern))})`
}

function jsonPath(path: FieldPath): string {
  return `$${path.map((part) => (typeof part === 'number' ? `[${part}]` : `."${part.replaceAll('"', '\\"')}"`)).join('')}`
}

/** What cannot be decoded to UTF-8 is an error of `url_decode`, and stays as it is written. */
function textOf({ index, decode }: Field): string {
  const text = `coalesce(v${index}, '')`
  return decode === 'url' ? `coalesce(try(url_decode(replace(${text}, '+', ' '))), ${text})` : text
}

/** Returns the query: the text of each field once, then the rules in order. Errors: Inexpressible. */
export function duckdbQuery({ fields, rules, keepsByDefault }: Translation): string {
  const values = fields.map(({ path, index }) => `, json->>${literal(jsonPath(path))} AS v${index}`)
  const texts = fields.map((field) => `, ${textOf(field)} AS f${field.index}`)
  const branches = rules.map(({ test, keeps }) => `WHEN ${test} THEN ${keeps}`)
  const decision =
    branches.length === 0 ? String(keepsByDefault) : `CASE ${branches.join('\n')}\nELSE ${keepsByDefault} END`
  const lines = `SELECT json${values.join('')} FROM read_ndjson_objects($INPUT, ignore_errors = true) WHERE json IS NOT NULL`
  return `SELECT json FROM (SELECT *${texts.join('')} FROM (${lines}))\nWHERE ${decision}\n`
}

/** DuckDB, with as many threads as it is given cores. */
export const duckdb: Peer = {
  id: 'duckdb',
  label: 'DuckDB',
  tool: npmPackage({ name: 'duckdb', package: '@duckdb/node-api', runner: '../peers/duckdb-run.js' }),
  hasThreads: true,
  rewrites: false,
  translate: ({ rules }) => duckdbQuery(translate(rules, language)),
  command: (translation, { found, input, output, folder, threads }) => {
    const query = join(folder, 'query.sql')
    const copy = `COPY (\n${translation}) TO ${literal(output)}
(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\\x01')`
    writeFileSync(
      query,
      copy.replace('$INPUT', () => literal(input)),
    )
    return `$TIME ${found.command} ${quote(query)} ${threads}`
  },
}

// Arbitrary filters of the original converter, with patterns that Weir takes. They shrink towards fewer filters. Used
// by the differential tests; java-patterns.ts draws patterns of any kind.

import * as fc from 'fast-check'
import type { OriginalSettings } from '#src/rules/rule-set.js'
import { text } from './vocabulary.ts'

const fieldName = fc.constantFrom(
  ...['a', 'a', 'b', 'UA', 'statusCode', 'a.b', 'a.b.c', 'b.a', 'a.a.a', 'a..', '.a', '', 'é', 'c', 'x"y', 'k\uFFFD'],
  ...['nowhere', 'nowhere.a', 'nowhere.b.UA', 'a.nowhere.b', 'country', 'cliIP', 'reqTimeMs'],
)

const escapePattern = (plain: string): string => plain.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')
const literal = text.filter((plain) => Buffer.from(plain).toString() === plain).map(escapePattern)

const regex = fc.oneof(
  { weight: 3, arbitrary: literal },
  { weight: 2, arbitrary: literal.map((plain) => `(?s).*${plain}.*`) },
  { weight: 2, arbitrary: literal.map((plain) => `(?i).*${plain}.*`) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...['.*', '.+', '5\\d\\d', '[^5].*', '(?s).*', '\\d+\\.\\d+(E\\d+)?', '.*E.*', '\\{.*\\}', '\\[.*\\]', '\\{\\}'],
      ...['Infinity', 'null', 'true|false', '\\PL*', '.*\uFFFD.*', '\\{a=.*', '.*, b=.*', '\\w*', '-?0(\\.0)?'],
    ),
  },
)

/** Filters as a settings.json holds them. */
export const originalSettings: fc.Arbitrary<OriginalSettings> = fc
  .array(fc.record({ fieldName, regex, include: fc.boolean() }), { maxLength: 4 })
  .map((filters) => ({ filters }))

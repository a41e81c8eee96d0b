// How the values of options are read: sizes, whole numbers, shares.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseBytes, parseInteger, parseShare } from '#src/commands/option-values.js'

const accepts = <T>(parse: (text: string) => T, cases: Record<string, T>) => {
  for (const [text, value] of Object.entries(cases)) assert.equal(parse(text), value, text)
}
const refuses = (parse: (text: string) => unknown, texts: readonly string[]) => {
  for (const text of texts) assert.throws(() => parse(text), { code: 'commander.invalidArgument' }, text)
}

test('sizes are bytes, or have a unit of 1,000 or 1,024', () => {
  const parse = parseBytes({ least: 1, most: 2 ** 40 })
  accepts(parse, { '1': 1, '64KiB': 65_536, '2MiB': 2 << 20, '1.5MiB': 1_572_864, '1GiB': 2 ** 30, '2kB': 2000, '3 MB': 3e6, '2mib': 2 << 20, '64KIB': 65_536, '1mb': 1e6, '7b': 7 }) // prettier-ignore
  refuses(parse, ['', '0', '-1', '1.5', '2M', 'MiB', '1e6', '0x10', '1.0001KiB', '2 TiB', '2constructor', '9999GiB'])
})

test('whole numbers are decimal digits within the range', () => {
  accepts(parseInteger({ least: 0, most: 10 }), { '0': 0, '010': 10, '7': 7 })
  refuses(parseInteger({ least: 1, most: 10 }), ['0', '11', '1.0', ' 1', '+1', '1e1', 'ten', ''])
})

test('shares are from 0 to 1', () => {
  accepts(parseShare, { '0': 0, '1': 1, '.5': 0.5, '0.001': 0.001, '1e-3': 0.001 })
  refuses(parseShare, ['1.1', '-0.1', '50%', '', '.', 'NaN'])
})

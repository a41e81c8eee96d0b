// Lists of many entries on every kernel: all entries are found, and nothing beside them. What belongs to a list is
// known by construction. Lists in files and their parsing are tested with the rules.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRuleSet } from '#src/rules/compile.js'
import type { Predicate } from '#src/rules/rule-set.js'
import { settledKernels } from '../judge.ts'
import { runKernel } from '../kernel-run.ts'

/** Runs `values` through one predicate on every kernel, and compares with `isMember`. */
function testList(
  name: string,
  predicate: Omit<Predicate, 'field'>,
  values: string[],
  isMember: (value: string) => boolean,
): void {
  for (const [kernelName, loaded] of Object.entries(settledKernels)) {
    test(`${kernelName}: ${name}`, { skip: loaded.skip ?? false }, () => {
      assert.ok(loaded.skip === undefined)
      const { program } = compileRuleSet({
        version: 1,
        default: 'drop',
        rules: [{ id: 'list', when: { field: 'v', ...predicate }, then: 'keep' }],
      })
      const input = Buffer.from(values.map((value) => `${JSON.stringify({ v: value })}\n`).join(''))
      const { records } = runKernel(loaded.kernel.load(program), input, 1, { gather: [] })
      const wrong = values.filter((value, i) => (records[i]?.route === 0) !== isMember(value))
      assert.deepEqual(wrong.slice(0, 10), [])
      assert.equal(records.length, values.length)
    })
  }
}

const count = 20_000
const numbers = Array.from({ length: count }, (_, i) => i)

const entries = numbers.map((i) => `e${i * 3}${'.'.repeat(i % 40)}`)
const entrySet = new Set(entries)
testList(
  'each of many texts is found, and no text near one',
  { in: entries },
  entries.slice(0, 4000).flatMap((entry) => [entry, `${entry}.`, entry.slice(0, -1), entry.toUpperCase()]),
  (value) => entrySet.has(value),
)

testList(
  'each of many texts is found in any case',
  { in: entries, ignoreCase: true },
  entries.slice(0, 4000).flatMap((entry) => [entry.toUpperCase(), `${entry}x`]),
  (value) => entrySet.has(value.toLowerCase()),
)

// Every entry ends in a colon and has none before it, so a value has one where the text up to some colon ends so.
const parts = numbers.map((i) => `${i * 5}:`)
const partSet = new Set(parts)
testList(
  'each of many parts is found anywhere in a text',
  { contains: parts },
  numbers.slice(0, 4000).flatMap((i) => [`x${i}:y`, `x ${i * 5}`, `${i * 7 + 1}::${i}:`]),
  (value) => [...value.matchAll(/[0-9]+:/g)].some(([run]) => [...run].some((_, from) => partSet.has(run.slice(from)))),
)

const networks = numbers.map((i) =>
  i % 2 === 0 ? `10.${(i >> 9) & 255}.${(i >> 1) & 255}.128/26` : `2001:db8:${i.toString(16)}::/48`,
)
testList(
  'each of many networks holds its addresses, and none beside them',
  { cidr: networks },
  numbers
    .slice(0, 3000)
    .flatMap((i) => [
      ...[127, 128, 191, 192].map((last) => `10.${i & 63}.${i >> 6}.${last}`),
      `2001:db8:${i.toString(16)}::`,
      `2001:db8:${i.toString(16)}:ffff:ffff:ffff:ffff:ffff`,
    ]),
  (value) => {
    const [, second, third, last] = value.split('.').map(Number)
    if (last !== undefined) return second! * 256 + third! < count / 2 && last >= 128 && last < 192
    const group = Number.parseInt(value.split(':')[2]!, 16)
    return group < count && group % 2 === 1
  },
)

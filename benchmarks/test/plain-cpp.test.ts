// The plain C++ program: every operator on records made to trip it, against the plain reading; what it says of rules and
// inputs that it does not take; and the three ways in which it is run. That it gives what cases expect, cases.test.ts asks.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Condition, Predicate, RuleSet } from '@weir/engine'
import { plainProgram, startResident } from '#src/contenders/resident.js'
import type { Resident } from '#src/contenders/resident.js'
import { decidingRule } from '#src/plain-reading.js'
import { skipWithout } from './required.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-plain-cpp-'))
after(() => rmSync(folder, { recursive: true }))
const program = plainProgram()
const path = 'path' in program ? program.path : ''
const skip = skipWithout('native', path !== '', 'skipped' in program ? program.skipped : '')

/** Texts that a field may have: near misses of every operator below. */
const texts = [
  '',
  '-',
  '^',
  'a',
  'A',
  'ab',
  'abc',
  'b',
  'xaby',
  'a.c',
  'aXc',
  'a\\.c',
  '(?i)chrome',
  'chrome',
  'Google CHROME 12',
  '503',
  '5030',
  '0503',
  '-503',
  '503.0',
  '5.03e2',
  '503 ',
  '+503',
  '0x1F7',
  '18446744073709551615',
  '18446744073709551616',
  '-9223372036854775808',
  '9007199254740993',
  '10.1.2.3',
  '10.1.2.03',
  '10.1.2.256',
  '10.1.2',
  '11.0.0.0',
  '::ffff:10.1.2.3',
  '2001:db8::1',
  '2001:DB8:0:0:0:0:0:1',
  '2001:db9::',
  'fe80::1%eth0',
  'a+b%2Fc%2b',
  'a b/c+',
  '%zz+1%',
  'caf%C3%A9',
  'café',
  'CAFÉ',
  'x%ffy%e2%82',
  'K',
  'k',
  'say "hi"',
  'back\\slash',
  'tab\there',
  'line\nfeed',
  '100%',
  '\u{1F600}',
  'true',
  'null',
]

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `word${i}x`)

const predicates: readonly Omit<Predicate, 'field'>[] = [
  { matches: '5\\d\\d' },
  { matches: 'a|abc' },
  { matches: 'a.c' },
  { matches: 'A.*', ignoreCase: true },
  { search: 'b' },
  { search: '(?i)chrome' },
  { search: '^a|c$' },
  { search: '[^"]"' },
  { equals: 'ab' },
  { equals: '' },
  { equals: 503 },
  { equals: 'K', ignoreCase: true },
  { equals: 'true' },
  { in: ['a', 'abc', '503.0', 'café', 'back\\slash'] },
  { in: ['AB', 'Café'], ignoreCase: true },
  { prefix: 'a' },
  { prefix: ['ab', '50', '%'] },
  { prefix: ['AB', 'g'], ignoreCase: true },
  { suffix: 'c' },
  { suffix: ['3', '"'] },
  { suffix: ['É'], ignoreCase: true },
  { contains: 'b' },
  { contains: ['.', '\\'] },
  { contains: ['hi', '12', 'zz', ' ', '('] },
  { contains: [...many(300), 'ab', '%2'] },
  { contains: 'chrome', ignoreCase: true },
  { exists: true },
  { exists: false },
  { lt: '503' },
  { lte: '503' },
  { gt: '503' },
  { gte: '503' },
  { gt: '9007199254740992' },
  { lt: '18446744073709551615' },
  { gte: '-9223372036854775808', lt: '0' },
  { gte: '500', matches: '\\d+' },
  { cidr: '10.0.0.0/8' },
  { cidr: ['10.1.2.3', '2001:db8::/32'] },
  { cidr: ['10.1.0.0/16', '10.0.0.0/8', '10.1.2.0/24'] },
  { cidr: '0.0.0.0/0' },
  { cidr: '::/0' },
  { decode: 'url', equals: 'a b/c+' },
  { decode: 'url', equals: '%zz 1%' },
  { decode: 'url', equals: 'x\uFFFDy\uFFFD' },
  { decode: 'url', contains: 'é' },
  { decode: 'url', ignoreCase: true, equals: 'CAFÉ' },
]

/** Conditions on more than one field, or on none that is flat. */
const conditions: readonly Condition[] = [
  {
    all: [
      { field: 'v', prefix: 'a' },
      { field: 'w', exists: true },
    ],
  },
  {
    any: [
      { field: 'w', equals: '503' },
      { field: 'v', equals: 'b' },
    ],
  },
  { not: { field: 'v', exists: true } },
  { not: { any: [{ field: 'v', search: '\\d' }, { not: { field: 'w', exists: true } }] } },
  { field: 'o', exists: true },
  { field: 'o', exists: false },
  { field: 'o', equals: '' },
  { field: 'o.v', equals: 'ab' },
  { field: 'o.list[1]', gte: '503' },
  { field: 'o.list[1].v', equals: 'ab' },
  { field: 'o.list[0]', exists: true },
  { all: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'v'].map((field) => ({ not: { field, equals: 'ab' } })) },
  { any: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'w', 'v'].map((field) => ({ field, equals: 'ab' })) },
]

/** Spellings of one record, that all mean the same or are something else in JSON. */
function spellings(text: string): string[] {
  const value = JSON.stringify(text)
  const escaped = `"${Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
  return [
    `{"v":${value}}`,
    `{"w":"503","v":${value},"z":[{"v":"ab"}]}`,
    `{ "v" : ${value} , "w" : 503 }`,
    `{"\\u0076":${value},"w":"x"}`,
    `{"v":${escaped},"\\u0077":null}`,
    `{"o":{"v":${value},"list":[1,${value},{"v":"ab"}]},"v":true}`,
    `{"v":{"v":${value}},"o":{"list":[[],{"v":${value}}],"w":"a\\/b"}}`,
    `{"x":"v\\":","y":"{\\"v\\":1}","v":${value}}`,
  ]
}

const lines = [
  ...texts.flatMap(spellings),
  '{}',
  '{"v":503}',
  '{"v":503.0}',
  '{"v":5.03e2}',
  '{"v":true,"w":false}',
  '{"v":null}',
  '{"v":[]}',
  '{"v":"\\ud83d\\ude00","w":"\\ud83d"}',
  '{"o":[],"v":"ab"}',
  '{"o":"ab","v":"\\"}"}',
  '{"o":{},"v":"\\\\"}',
]

function ruleSet(...when: Condition[]): RuleSet {
  const rules = when.map((each, i) => ({ id: `r${i}`, when: each, then: 'keep' as const }))
  return { version: 1, missing: ['-', '^'], default: 'drop', rules }
}

function write(name: string, content: string): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

/** What the command keeps of some lines. */
function filter(rules: RuleSet, input: string, ...flags: string[]): string {
  const args = [write('rules.json', JSON.stringify(rules)), write('input.ndjson', input), join(folder, 'output')]
  const run = spawnSync(path, [...flags, ...args], { encoding: 'utf8' })
  assert.equal(run.status, 0, run.stderr)
  return readFileSync(join(folder, 'output'), 'utf8')
}

function keptPlainly(rules: RuleSet): string {
  return lines.filter((line) => decidingRule(rules, Buffer.from(line)) === 0).join('\n')
}

for (const condition of [...predicates.map((each) => ({ field: 'v', ...each })), ...conditions]) {
  test(`it keeps what the plain reading keeps: ${JSON.stringify(condition).slice(0, 90)}`, { skip }, () => {
    const rules = ruleSet(condition)
    assert.equal(filter(rules, `${lines.join('\n')}\n`).trimEnd(), keptPlainly(rules))
  })
}

test('something is kept and something dropped by nearly every condition above', () => {
  const trivial = [...predicates.map((each) => ({ field: 'v', ...each })), ...conditions].filter((condition) => {
    const kept = keptPlainly(ruleSet(condition))
    return kept === '' || kept === lines.join('\n')
  })
  // An object has no text, so it equals none.
  assert.deepEqual(trivial, [{ field: 'o', equals: '' }])
})

/** A program that ends with the test. */
async function start(context: TestContext, ...args: readonly string[]): Promise<Resident> {
  const resident = await startResident(args)
  assert.ok('ask' in resident)
  context.after(() => resident.close())
  return resident
}

test('the first rule that holds decides, and every record is counted once', { skip }, async (context) => {
  const rules: RuleSet = {
    version: 1,
    default: 'keep',
    rules: [
      { id: 'a', when: { field: 'v', prefix: 'a' }, then: 'drop' },
      { id: 'b', when: { field: 'v', contains: 'b' }, then: 'keep' },
    ],
  }
  const input = write('few.ndjson', '{"v":"ab"}\n{"v":"b"}\n\n{"v":"c"}\r\n{"v":\n{"v":"b"}')
  const resident = await start(context, '--resident', write('few.json', JSON.stringify(rules)), input)
  for (let pass = 0; pass < 2; pass++) {
    const answer = JSON.parse(await resident.ask('run')) as { ns: number }
    assert.ok(answer.ns > 0)
    assert.deepEqual({ ...answer, ns: 0 }, { ns: 0, kept: 3, malformed: 1, byRule: [1, 2, 1] })
  }
  const output = join(folder, 'few.out')
  assert.deepEqual(JSON.parse(await resident.ask(`write ${output}`)), { bytes: 31 })
  assert.equal(readFileSync(output, 'utf8'), '{"v":"b"}\n{"v":"c"}\r\n{"v":"b"}\n')
})

test('with --check it keeps no record with a fault behind what the rules read', { skip }, () => {
  const input = ['{"v":"a","w":"\\q"}', '{"v":"a","w":01}', '{"v":"a","w":1}', '{"v":"a"} x', '{"v":"a","w":tru}'].join(
    '\n',
  )
  const rules = ruleSet({ field: 'v', equals: 'a' })
  assert.equal(filter(rules, input, '--check'), '{"v":"a","w":1}\n')
})

test('records longer than its chunks pass whole, and so do those at their edges', { skip }, () => {
  const long = [300, 1 << 20, (1 << 20) - 9, 3 << 20, 5].map((size) => `{"v":"${'a'.repeat(size)}"}`)
  const input = `${Array.from({ length: 4 }, () => long.join('\n')).join('\n')}\n`
  assert.ok(filter(ruleSet({ field: 'v', prefix: 'a' }), input) === input)
  assert.equal(filter(ruleSet({ field: 'v', prefix: 'b' }), input), '')
  assert.equal(filter(ruleSet({ field: 'v', prefix: 'b' }), ''), '')
})

test('keys in quotes lead where they say', { skip }, () => {
  const input = '{"a.b":{"say \\"hi\\"":"x"}}\n{"a":{"b":"x"}}\n'
  assert.equal(filter(ruleSet({ field: '["a.b"]["say \\"hi\\""]', equals: 'x' }), input), `${input.split('\n')[0]}\n`)
})

test('line feeds are counted as often as they are asked for', { skip }, async (context) => {
  const resident = await start(context, '--newlines', write('lines', 'a\n\nb\nc'))
  for (let pass = 0; pass < 2; pass++) {
    const answer = JSON.parse(await resident.ask('run')) as { lines: number }
    assert.equal(answer.lines, 3)
  }
  await assert.rejects(resident.ask(`write ${join(folder, 'nothing')}`), /keeps nothing to write/)
})

test('rules that it does not know make it stand aside, with the reason', { skip }, async () => {
  const input = write('empty.ndjson', '')
  const refused: readonly (readonly [object, RegExp])[] = [
    [ruleSet({ field: 'v', in: { file: '/list' } }), /no list files/],
    [{ ...ruleSet(), default: { route: 'r' } }, /no routes/],
    [ruleSet({ field: 'v', matches: '(' }), /RE2 refuses the pattern \(: missing \)/],
    [ruleSet({ field: 'v', sounds: 'like' } as unknown as Condition), /the operator sounds/],
  ]
  for (const [rules, reason] of refused) {
    const answer = await startResident(['--resident', write('refused.json', JSON.stringify(rules)), input])
    assert.ok('skipped' in answer)
    assert.match(answer.skipped, reason)
  }
})

test('an input that is not there is a fault that names it, and wrong use says what is right', { skip }, () => {
  const rules = write('rules.json', JSON.stringify(ruleSet()))
  const missing = spawnSync(path, [rules, join(folder, 'no-such-file'), '-'], { encoding: 'utf8' })
  assert.equal(missing.status, 1)
  assert.match(missing.stderr, /no-such-file: No such file/)
  const wrong = spawnSync(path, [rules], { encoding: 'utf8' })
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /usage: plain-cpp \[--check\] RULES IN OUT/)
})

// Lists in a program's block, read back and compared with plain sets; list files, also of a million entries.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { orderByBytes } from '#src/rules/byte-order.js'
import { compileRuleSet } from '#src/rules/compile.js'
import { readList } from '#src/rules/files.js'
import { entriesOfTexts } from '#src/rules/lists.js'
import { hashText, readPlan } from '#src/rules/program.js'
import { compileOne, issuesOf, readLists, ruleSetOf, shown } from './rule-sets.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-lists-'))
after(() => rmSync(folder, { recursive: true }))

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const text = fc.oneof(
  fc.string({ maxLength: 4 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('', 'a', 'ab', 'abc', '\0'),
)

test('a set holds exactly the distinct texts, in the order of the layout', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 200 }), (texts) => {
      const [list] = readLists(compileOne({ field: 'a', in: texts }).program)
      assert.ok(list?.kind === 'set')
      assert.deepEqual(list.entries.map(String).toSorted(), [...new Set(texts)].toSorted())
    }),
  )
})

test('a list of substrings holds exactly the distinct texts in byte order', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 200 }), (texts) => {
      const [list] = readLists(compileOne({ field: 'a', contains: texts }).program)
      assert.ok(list?.kind === 'substrings')
      const expected = [...new Set(texts)].map((each) => Buffer.from(each)).toSorted(Buffer.compare)
      assert.deepEqual(list.entries.map(String), expected.map(String))
    }),
  )
})

test('sorting by bytes agrees with comparing, whatever texts have in common', () => {
  const letter = fc.constantFrom('a', 'b', '\0', '\u00ff', '\u{10ffff}')
  const word = fc.array(letter, { maxLength: 8 }).map((letters) => letters.join(''))
  const prefixed = fc.tuple(fc.constantFrom('', 'https://a.b/', 'https://'), word).map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.array(prefixed, { maxLength: 300 }), (texts) => {
      const entries = entriesOfTexts(texts)
      const sorted = [...orderByBytes(entries)].map((i) => Buffer.from(texts[i]!))
      assert.deepEqual(sorted, texts.map((each) => Buffer.from(each)).toSorted(Buffer.compare))
    }),
  )
})

test('hashText is MurmurHash3 x86 32', () => {
  // Published test vectors, seed 0.
  assert.equal(hashText(Buffer.from('')), 0)
  assert.equal(hashText(Buffer.from('test')), 0xba6bd213)
  assert.equal(hashText(Buffer.from('Hello, world!')), 0xc0363e43)
  assert.equal(hashText(Buffer.from('The quick brown fox jumps over the lazy dog')), 0x2e4ff723)
  assert.equal(hashText(Buffer.from('xtesty'), 1, 5), 0xba6bd213)
})

test('a list file has an entry a line; line ends, blank lines and a byte order mark are no part of it', () => {
  const path = fileOf('lines.txt', '\uFEFFone\r\n\n  two \r\n# three\n\r\none\r\nfo\rur\nlast')
  const [list] = readLists(compileOne({ field: 'a', in: { file: path } }).program)
  assert.ok(list?.kind === 'set')
  assert.deepEqual(list.entries.map(String).toSorted(), ['  two ', '# three', 'fo\rur', 'last', 'one'])
})

test('an inline list and a file with the same entries are one list, folded or not', () => {
  const path = fileOf('same.txt', 'x\nÉ\nk\n')
  for (const ignoreCase of [false, true]) {
    const inline = compileOne({ field: 'a', in: ['k', 'x', 'É'], ignoreCase })
    const file = compileOne({ field: 'a', in: { file: path }, ignoreCase })
    assert.deepEqual(readLists(file.program), readLists(inline.program))
    assert.equal(file.program.plan.version, inline.program.plan.version)
  }
})

test('a file that is named folded and unfolded is both', () => {
  const path = fileOf('twice.txt', 'abc\nABC\n')
  const { program } = compileOne({
    any: [
      { field: 'a', in: { file: path }, ignoreCase: true },
      { field: 'a', in: { file: path } },
      { field: 'a', contains: { file: path } },
    ],
  })
  assert.deepEqual(
    readLists(program).map((list) => (list.kind === 'networks' ? [] : list.entries.map(String).toSorted())),
    [['ABC'], ['ABC', 'abc'], ['ABC', 'abc']],
  )
})

test('list files are relative to the directory of the rule set', () => {
  fileOf('near.txt', 'x\n')
  const rules =
    'version: 1\ndefault: keep\nrules: [{ id: a, when: { field: a, in: { file: near.txt } }, then: drop }]\n'
  assert.doesNotThrow(() => compileRuleSet(fileOf('rules.yaml', rules)))
  assert.doesNotThrow(() => compileRuleSet({ text: rules, directory: folder }))
  for (const source of [{ text: rules }, ruleSetOf({ field: 'a', in: { file: 'near.txt' } })]) {
    const [issue] = issuesOf(source)
    assert.match(issue?.message ?? '', /"near\.txt" is relative/)
    assert.match(issue?.suggestion ?? '', /absolute path/)
  }
})

test('a text that may name no files is refused with each of them, whether they exist or not', () => {
  const path = fileOf('there.txt', 'x\n')
  const predicates = [
    { field: 'a', in: { file: path } },
    { field: 'b', contains: { file: 'missing.txt' } },
    { field: 'c', cidr: { file: path } },
  ]
  const text = JSON.stringify(ruleSetOf({ all: predicates }))
  const issues = issuesOf({ text, directory: folder, listFiles: 'refused' })
  assert.deepEqual(
    issues.map((issue) => issue.path),
    ['rules[0].when.all[0].in.file', 'rules[0].when.all[1].contains.file', 'rules[0].when.all[2].cidr.file'],
  )
  for (const { message } of issues) assert.doesNotMatch(message, /there|missing/)
})

test('a line of a network file that is no network is named, and only the first twenty are', () => {
  const path = fileOf('networks.txt', `10.0.0.0/8\n\n10.0.0.1/8\n::1\n${'x\n'.repeat(30)}`)
  const issues = shown(issuesOf(ruleSetOf({ field: 'a', cidr: { file: path } })))
  assert.equal(
    issues[0],
    `rules[0].when.cidr.file: Line 3 of ${path}: The network "10.0.0.1/8" has bits set behind its prefix length. [write 10.0.0.0/8 for the network, or 10.0.0.1 for the one address]`,
  )
  assert.equal(issues.length, 21)
  assert.equal(issues.at(-1), `rules[0].when.cidr.file: 11 more lines of ${path} are no networks.`)
})

test('a list file that is not UTF-8 is refused with the line', () => {
  const path = fileOf('latin1.txt', Buffer.from([0x61, 0x0a, 0x62, 0x0a, 0xe9, 0x0a]))
  const [issue] = issuesOf(ruleSetOf({ field: 'a', contains: { file: path } }))
  assert.equal(issue?.message, `Line 3 of ${path} is not valid UTF-8.`)
  assert.equal(issue?.suggestion, 'save the file as UTF-8')
})

test('an empty list file is accepted with a warning', () => {
  const path = fileOf('empty.txt', '\n\r\n')
  for (const operator of ['in', 'contains', 'cidr']) {
    const { program, warnings } = compileOne({ field: 'a', [operator]: { file: path } })
    assert.deepEqual(shown(warnings), [
      `rules[0].when.${operator}.file: The list ${path} is empty, so the predicate never holds.`,
    ])
    const [list] = readLists(program)
    assert.ok(list?.kind === 'networks' ? list.v4.length + list.v6.length === 0 : list?.entries.length === 0)
  }
})

test('a list with more entries than allowed is refused', () => {
  const path = fileOf('four.txt', '1\n2\n3\n4\n')
  const result = readList(path, undefined, 3)
  assert.match('message' in result ? result.message : '', /has 4 entries; at most 3 are allowed/)
  assert.ok(!('message' in readList(path, undefined, 4)))
})

test('a million entries are compiled into one list', () => {
  const lines = Array.from({ length: 1_000_000 }, (_, i) => `host-${(i * 7919) % 1_000_000}.example.com`)
  const path = fileOf('million.txt', lines.join('\n'))
  const { program } = compileOne({ field: 'a', in: { file: path } })
  const [list] = readLists(program)
  assert.ok(list?.kind === 'set')
  assert.equal(list.entries.length, 1_000_000)
})

test('the plan in a program is the plan of the program', () => {
  const { program } = compileOne({ field: 'ünï', in: ['\u{1F600}'], ignoreCase: true })
  assert.deepEqual(readPlan(program.bytes), program.plan)
  assert.ok(program.bytes.buffer instanceof SharedArrayBuffer)
})

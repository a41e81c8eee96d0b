// Where a rule set may come from: files, URLs, text and objects.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { compileRuleSet } from '#src/rules/compile.js'
import { IssueList } from '#src/rules/issues.js'
import { jsonSource } from '#src/rules/json-source.js'
import type { SourceNode } from '#src/rules/source-node.js'
import { errorOf, issuesOf, ruleSetOf, shown } from './rule-sets.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-sources-'))
after(() => rmSync(folder, { recursive: true }))

const yaml = 'version: 1\ndefault: drop\nrules:\n  - { id: a, when: { field: a, equals: 5 }, then: keep }\n'
const json = '{"version":1,"default":"drop","rules":[{"id":"a","when":{"field":"a","equals":5},"then":"keep"}]}'

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

function yamlIssues(text: string): string[] {
  return shown(issuesOf({ text }))
}

test('a path, a file URL, text and an object give the same program', () => {
  const versions = [
    fileOf('rules.yaml', yaml),
    fileOf('rules.yml', `\uFEFF${yaml.replaceAll('\n', '\r\n')}`),
    fileOf('rules.json', json),
    fileOf('rules.JSON', `\uFEFF${json}`),
    pathToFileURL(fileOf('with space.yaml', yaml)),
    { text: yaml },
    { text: json },
    { text: json, format: 'json' as const },
    { text: json, name: 'x.json' },
    ruleSetOf({ field: 'a', equals: 5 }, { rules: [{ id: 'a', when: { field: 'a', equals: '5' }, then: 'keep' }] }),
  ].map((source) => compileRuleSet(source).program.plan.version)
  assert.equal(new Set(versions).size, 1)
})

test('columns count characters, and lines end at LF, CR LF or CR', () => {
  assert.deepEqual(yamlIssues('version: 1\r\ndefault: keep\r\nrules: []\r\n"\u{1F600}é": 1\r\nx: 1\r\n'), [
    '4:1 ["\u{1F600}é"]: The key `\u{1F600}é` is unknown. [known keys here: version, missing, default, rules, tests]',
    '5:1 x: The key `x` is unknown. [known keys here: version, missing, default, rules, tests]',
  ])
  assert.deepEqual(
    yamlIssues('version: 1\ndefault: keep\nrules: [ "\u{1F600}\u{1F600}", 5]\n').map((line) => line.slice(0, 5)),
    ['3:10 ', '3:16 '],
  )
})

test('YAML that cannot be read is refused with its place', () => {
  assert.match(yamlIssues('version: 1\n\tdefault: keep\n')[0] ?? '', /^2:1 : .*\[indent with spaces\]$/)
  assert.match(yamlIssues('version: "1\\d"\n')[0] ?? '', /^1:1\d : .*double the backslash/)
  assert.match(yamlIssues('rules: [')[0] ?? '', /^1:\d : /)
  assert.match(yamlIssues('a: &x 1\nb: *y\n')[0] ?? '', /^2:4 : The alias `\*y` names no anchor above it\.$/)
  assert.match(yamlIssues('version: !!set {a}\n')[0] ?? '', /^1:\d+/)
  assert.match(yamlIssues('version: !mine 1\n')[0] ?? '', /^1:10 : .*\[drop the tag/)
  assert.match(yamlIssues('? [a]\n: 1\n')[0] ?? '', /^1:3 : A key is text/)
  assert.match(yamlIssues(`${yaml}---\n${yaml}`)[0] ?? '', /: The file holds more than one YAML document/)
  assert.match(yamlIssues('%YAML 1.1\n---\nversion: 1\n')[0] ?? '', /Rule files are YAML 1\.2, not 1\.1/)
  assert.match(yamlIssues('[').join(), /./)
  for (const empty of ['', '\n', '# nothing\n', '---\n']) {
    assert.match(yamlIssues(empty)[0] ?? '', /(?:rule file is empty|is an object, not nothing)/)
  }
})

test('YAML that nests too deeply is one problem with its place, whether it is well-formed or not', () => {
  const block = (depth: number, key: string): string =>
    Array.from({ length: depth }, (_, i) => `${' '.repeat(i)}${key}\n`).join('')
  const cases: readonly [string, string][] = [
    ['['.repeat(200_000), '1:257'],
    [`rules: ${'['.repeat(1500)}${']'.repeat(1500)}`, '1:263'],
    [`${'{a: '.repeat(1500)}1${'}'.repeat(1500)}`, '1:1025'],
    [`${'- '.repeat(1500)}1`, '1:513'],
    [`${'? '.repeat(1500)}1`, '1:513'],
    [block(1500, 'a:'), '257:258'],
    [`x: 1\n---\n${'['.repeat(1500)}`, '3:257'],
  ]
  const cure = 'close what is open; a record of a test that nests deeper is written as text'
  for (const [text, place] of cases) {
    assert.deepEqual(yamlIssues(text), [`${place} : The text nests more than 256 deep. [${cure}]`], text.slice(0, 20))
  }
})

test('YAML may nest as deep as the bound', () => {
  const inTest = (record: string): { text: string } => ({
    text: `version: 1\ndefault: keep\nrules: []\ntests: [{ name: a, expect: keep, record: { a: ${record} } }]\n`,
  })
  const lists = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  // Four levels stand around the value: the rule set, its tests, the test and the record.
  assert.doesNotThrow(() => compileRuleSet(inTest(lists(252))))
  assert.match(shown(issuesOf(inTest(lists(253)))).join(), /^4:\d+ : The text nests more than 256 deep/)
  assert.doesNotThrow(() => compileRuleSet(inTest(`'{"a":${lists(1000)}}'`)))
})

test('the same problem in many places is listed ten times, and then counted', () => {
  const issues = yamlIssues(`missing: ["${'\\d'.repeat(600)}"]\nx: !y 1\n`)
  assert.equal(issues.length, 12)
  assert.match(issues[9]!, /^1:30 : Invalid escape sequence \\d/)
  assert.match(issues[10]!, /^1:32 : From here on the same stands 590 times more: Invalid escape sequence \\d/)
  assert.match(issues[11]!, /^2:4 : /)
})

test('anchors, aliases and merge keys are followed', () => {
  const text = `version: 1
default: drop
rules:
  - id: a
    when:
      any:
        - &agent { field: UA, decode: url, search: bot }
        - { <<: *agent, search: crawler }
        - { <<: [{ field: b }, *agent], equals: x }
        - not: *agent
    then: keep
`
  const { plan } = compileRuleSet({ text }).program
  assert.deepEqual(plan.fields, [
    { path: ['UA'], decode: 'url' },
    { path: ['b'], decode: 'url' },
  ])
  assert.deepEqual(
    plan.predicates.map((predicate) => predicate.op),
    ['regex', 'regex', 'regex', 'set'],
  )
  assert.match(yamlIssues('<<: 5\nversion: 1\n')[0] ?? '', /^1:5 : The merge key/)
})

test('aliases that repeat without end are bounded', () => {
  const levels = Array.from({ length: 40 }, (_, i) => `  - &l${i + 1} { any: [*l${i}, *l${i}] }\n`).join('')
  const bomb = `x:\n  - &l0 { field: a, exists: true }\n${levels}version: 1\ndefault: keep\nrules: [{ id: a, when: *l40, then: drop }]\n`
  assert.match(yamlIssues(bomb).join('\n'), /more than 250000 conditions/)
  const cycle = 'version: 1\ndefault: keep\nrules: [{ id: a, when: &c { not: *c }, then: drop }]\n'
  assert.match(yamlIssues(cycle)[0] ?? '', /nest more than 64 deep/)
  const values = Array.from({ length: 40 }, (_, i) => `    v${i + 1}: &v${i + 1} [*v${i}, *v${i}]\n`).join('')
  const record = `version: 1\ndefault: keep\nrules: []\ntests:\n- name: a\n  expect: keep\n  record:\n    v0: &v0 x\n${values}`
  assert.match(yamlIssues(record)[0] ?? '', /The record is too large/)
})

test('JSON that cannot be read is refused with its place and a cure', () => {
  const cases: readonly [string, string][] = [
    ['', '1:1 : The rule file is empty. [begin with `{ "version": 1`]'],
    ['{', '1:2 : The text ends where a key in double quotes is expected.'],
    ['{"a":1,}', '1:7 : A comma stands before `}`. [drop the comma]'],
    ['[1,\n2,]', '2:2 : A comma stands before `]`. [drop the comma]'],
    ["{'a':1}", "1:2 : `'` stands where a key in double quotes is expected. [use double quotes]"],
    ['{"a" 1}', '1:6 : `1` stands where `:` is expected.'],
    ['{"a":1 "b":2}', '1:8 : `"` stands where `,` or `}` is expected.'],
    [
      '// x',
      '1:1 : `/` stands where a value is expected. [drop the comment: JSON has none; a rule file may be YAML instead]',
    ],
    ['{"a":yes}', '1:6 : `yes` is not JSON. [write "yes" if it is text]'],
    ['{"a":010}', '1:6 : `010` is not a JSON number. [write "010" if it is text]'],
    ['{"a":1.}', '1:6 : `1.` is not a JSON number. [write "1." if it is text]'],
    ['{"a":"\\d"}', '1:7 : `\\d` is no escape of JSON. [double the backslash if the text holds one]'],
    ['{"a":"x\ny"}', '1:8 : A control character stands in a string. [write it as \\u000a, or close the string]'],
    ['{"a":"x', '1:6 : The text ends inside a string. [close the string with `"`]'],
    ['{} {}', '1:4 : `{` stands where the end of the text is expected.'],
    ['\u00a0{}', '1:1 : `\u00a0` stands where a value is expected.'],
  ]
  for (const [text, expected] of cases) assert.deepEqual(shown(issuesOf({ text, format: 'json' })), [expected], text)
  assert.match(shown(issuesOf({ text: '['.repeat(100_000), format: 'json' }))[0] ?? '', /nests more than 1200 deep/)
})

test('JSON reads as JSON.parse reads it, and fails where that fails', () => {
  const valueOf = (node: SourceNode): unknown => {
    if (node.kind === 'map') return Object.fromEntries(node.entries.map(({ key, value }) => [key, valueOf(value)]))
    if (node.kind === 'list') return node.items.map(valueOf)
    if (node.kind === 'text') return node.text
    if (node.kind === 'number') return Number(node.source)
    return node.kind === 'boolean' ? node.value : null
  }
  const noise = fc.constantFrom('', ' ', ',', '"', '\\', '}', ']', '0', '-', 'e', '.', 'null', '\t')
  fc.assert(
    fc.property(fc.json(), fc.nat(60), noise, (valid, at, extra) => {
      const text = `${valid.slice(0, at)}${extra}${valid.slice(at)}`
      const issues = new IssueList()
      const { root } = jsonSource(text, issues)
      let expected: unknown
      try {
        expected = JSON.parse(text)
      } catch {
        assert.equal(issues.count, 1, text)
        return
      }
      assert.equal(issues.count, 0, text)
      assert.deepEqual(valueOf(root!), expected)
    }),
    { numRuns: 2000 },
  )
})

test('files that cannot be read give one code, with the path and a cure', () => {
  const gone = join(folder, 'gone.yaml')
  const error = errorOf(gone)
  assert.equal(error.code, 'ERR_RULESET_UNREADABLE')
  assert.deepEqual(shown(error.issues), [`: The file ${gone} cannot be read: it does not exist. [check the path]`])
  mkdirSync(join(folder, 'a-folder.yaml'))
  assert.equal(errorOf(join(folder, 'a-folder.yaml')).code, 'ERR_RULESET_UNREADABLE')
  assert.equal(errorOf(new URL('https://example.com/rules.yaml')).code, 'ERR_RULESET_UNREADABLE')
  assert.equal(errorOf(join(fileOf('plain', ''), 'below')).code, 'ERR_RULESET_UNREADABLE')
  const list = errorOf(ruleSetOf({ field: 'a', in: { file: gone } }))
  assert.equal(list.code, 'ERR_RULESET_UNREADABLE')
  assert.equal(list.issues[0]?.path, 'rules[0].when.in.file')
  assert.equal(
    errorOf(
      ruleSetOf({
        all: [
          { field: 'a', in: { file: gone } },
          { field: 'a', in: [] },
        ],
      }),
    ).code,
    'ERR_RULESET_INVALID',
  )
})

test('a rule file that is not UTF-8 is refused with the line', () => {
  const path = fileOf(
    'latin1.yaml',
    Buffer.concat([Buffer.from('version: 1\n# '), Buffer.from([0xe9]), Buffer.from('\n')]),
  )
  assert.equal(errorOf(path).issues[0]?.message, `Line 2 of ${path} is not valid UTF-8.`)
})

test('the error names the source, the number of problems, and the first of them', () => {
  const { message } = errorOf({ text: 'version: 1\ndefault: keep\nrules: 5\nx: 1\n', name: 'my-rules.yaml' })
  assert.equal(
    message,
    'my-rules.yaml has 2 problems; the first at rules, line 3, column 8: `rules` is a list, not the number 5. Suggestion: write each rule with a dash before it.',
  )
})

test('a long line with many problems is refused in bearable time, each with its column', () => {
  const entries = Array.from({ length: 100_000 }, () => '"\u{1F600}",null').join(',')
  const text = `{"version":1,"default":"drop","rules":[],"missing":[${entries}]}`
  const issues = issuesOf({ text, format: 'json' })
  assert.deepEqual(
    issues.map(({ line, column }) => [line, column]),
    Array.from({ length: 101 }, (_, i) => [1, 57 + 9 * i]),
  )
})

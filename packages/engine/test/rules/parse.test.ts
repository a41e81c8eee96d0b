// Every problem that a rule set can have, with its path, line, column and suggestion. Its length is that of the list of
// problems.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeError, encodeError, type RuleSetError } from '#src/errors.js'
import { compileRuleSet } from '#src/rules/compile.js'
import { compileOne, errorOf, issuesOf, ruleSetOf, shown, yamlOf } from './rule-sets.js'

/** Asserts the issues of a YAML rule set whose one rule has this condition, on line 5 from column 11. */
function assertIssues(when: string, ...expected: string[]): void {
  assert.deepEqual(shown(issuesOf(yamlOf(when))), expected)
}

test('a rule set with every part is read', () => {
  const { ruleSet, warnings } = compileRuleSet({
    text: `
version: 1
missing: ["-", 0, true]
default: { route: rest }
rules:
  - id: one
    when:
      all:
        - { field: a, equals: 503 }
        - any: [{ field: b, in: [x, 1] }, { not: { field: c, exists: false } }]
    then: { route: alerts.v1-x_y }
  - { id: two, when: { field: d, prefix: /, suffix: [a, b], gte: 0.5, lt: "1e3" }, then: drop }
tests:
  - { name: object, record: { a: 503, b: [1.50, null, "é"], c: { d: true } }, expect: rest, rule: default }
  - { name: text, record: '{"a":"503"', expect: malformed }
`,
  })
  assert.deepEqual(warnings, [])
  assert.deepEqual(ruleSet, {
    version: 1,
    missing: ['-', '0', 'true'],
    default: { route: 'rest' },
    rules: [
      {
        id: 'one',
        when: {
          all: [
            { field: 'a', equals: '503' },
            { any: [{ field: 'b', in: ['x', '1'] }, { not: { field: 'c', exists: false } }] },
          ],
        },
        then: { route: 'alerts.v1-x_y' },
      },
      { id: 'two', when: { field: 'd', prefix: ['/'], suffix: ['a', 'b'], lt: '1e3', gte: '0.5' }, then: 'drop' },
    ],
    tests: [
      { name: 'object', record: '{"a":503,"b":[1.50,null,"é"],"c":{"d":true}}', expect: 'rest', rule: 'default' },
      { name: 'text', record: '{"a":"503"', expect: 'malformed' },
    ],
  })
})

test('a rule set may have no rules at all', () => {
  const { program } = compileRuleSet({ version: 1, default: 'keep', rules: [] })
  assert.deepEqual(program.plan.rules, [])
  assert.equal(program.plan.defaultRoute, 0)
})

test('all problems come at once, in order of their place', () => {
  const issues = issuesOf({
    text: `version: 2
default: kep
rules:
  - id: a
    when: { field: x, serch: y, lt: soon }
    then: { route: "no good" }
  - id: a
    wen: {}
    then: drop
    than: keep
extra: 1
`,
  })
  assert.deepEqual(shown(issues), [
    '1:10 version: The version of the rule language is 1, not the number 2. [write `version: 1`]',
    '2:10 default: An action is `keep`, `drop` or { route: NAME }, not the text "kep". [did you mean `keep`?]',
    '5:23 rules[0].when.serch: The key `serch` is unknown. [did you mean `search`?]',
    '5:37 rules[0].when.lt: A bound is a number as JSON writes it, not the text "soon". [write a number such as 500 or 0.5]',
    '6:20 rules[0].then.route: The name of a route is 1 to 64 letters, digits, `-`, `_` and `.`, and begins with a letter or digit. [write no-good]',
    '7:9 rules[1].id: The id `a` is also that of rules[0]. [give each rule an id of its own, so that counts can be told apart]',
    '8:5 rules[1].wen: The key `wen` is unknown. [did you mean `when`?]',
    '10:5 rules[1].than: The key `than` is unknown. [did you mean `then`?]',
    '11:1 extra: The key `extra` is unknown. [known keys here: version, missing, default, rules, tests]',
  ])
})

test('the warnings of a rule set with problems come with them, in order of place', () => {
  const error = errorOf({
    text: `version: 1
default: drop
missing: ["-"]
rules:
  - { id: a, when: { field: statsCode, equals: "-" }, then: kep }
  - { id: b, when: { field: b, serch: x }, then: keep }
  - { id: c, when: { field: b }, then: keep }
  - 5
  - { id: d, when: { field: d, equals: 1 }, then: keep }
  - { id: e, when: { field: d, equals: 1 }, then: drop }
`,
  })
  assert.deepEqual(
    error.issues.map(({ path }) => path),
    ['rules[0].then', 'rules[1].when.serch', 'rules[2].when', 'rules[3]'],
  )
  // b and c look alike only because of what could not be read, so nothing is said of them.
  assert.deepEqual(shown(error.warnings), [
    '5:29 rules[0].when.field: `statsCode` is no DataStream 2 field, and `statusCode` is. [did you mean `statusCode`?]',
    '5:48 rules[0].when.equals: "-" can never be found here, because `missing` makes it count as absent. [use `exists: false` to find missing values]',
    '10:5 rules[5]: The rule `e` never decides, because `d` above it has the same condition. [drop one of the two]',
  ])
  assert.deepEqual(error.details, { issues: error.issues, warnings: error.warnings })
  const decoded = decodeError(encodeError(error)) as RuleSetError
  assert.deepEqual([decoded.issues, decoded.warnings], [error.issues, error.warnings])
})

test('what a rule set must have is named when it lacks', () => {
  assert.deepEqual(shown(issuesOf({ text: 'missing: []' })), [
    '1:1 : The rule set has no `version`. [add `version: 1`]',
    '1:1 : The rule set has no `default`. [add `default: drop`, `default: keep` or `default: { route: NAME }`]',
    '1:1 : The rule set has no `rules`. [add `rules:` with a list, which may be empty]',
  ])
  assert.deepEqual(shown(issuesOf({ text: 'version: 1\ndefault: keep\nrules:\n  - {}\n' })), [
    '4:5 rules[0]: The rule has no `id`. [add `id: NAME`, by which counts name the rule]',
    '4:5 rules[0]: The rule has no `when`. [add `when: { field: …, equals: … }`]',
    '4:5 rules[0]: The rule has no `then`. [add `then: keep` or `then: drop`]',
  ])
})

test('parts of the wrong type are refused with their place', () => {
  const issues = issuesOf({
    text: `version: "1"
missing: "-"
default: null
rules:
  - 5
  - { id: 404, when: yes, then: true }
  - { id: " x", when: {}, then: {} }
  - { id: keep, when: { field: a, exists: true }, then: { route: malformed } }
tests: {}
`,
  })
  assert.deepEqual(shown(issues), [
    '1:10 version: The version of the rule language is 1, not the text "1". [write `version: 1`]',
    '2:10 missing: `missing` is a list of texts, not the text "-". [write missing: ["-"]]',
    '3:10 default: An action is `keep`, `drop` or { route: NAME }, not `null`. [write keep, drop or { route: NAME }]',
    '5:5 rules[0]: A rule is an object, not the number 5. [write { id: NAME, when: CONDITION, then: keep }]',
    '6:11 rules[1].id: The id of a rule is text, not the number 404. [write "404"]',
    '6:22 rules[1].when: A condition is an object, not the text "yes". [write { field: …, equals: … }]',
    '6:33 rules[1].then: An action is `keep`, `drop` or { route: NAME }, not `true`. [write keep, drop or { route: NAME }]',
    '7:11 rules[2].id: The id of a rule is text without control characters and without spaces at its ends.',
    '7:23 rules[2].when: The condition is empty. [write { field: …, equals: … }]',
    '7:33 rules[2].then: The action names no route. [write { route: NAME }, keep or drop]',
    '8:11 rules[3].id: The id `keep` is reserved for the outcome of that name. [write `id: keep-…`]',
    "8:66 rules[3].then.route: The name `malformed` is reserved and cannot be a route's. [choose another name]",
    '9:8 tests: `tests` is a list, not an object. [write `tests: []` for none]',
  ])
})

test('an action that is the name of a route says how routes are written', () => {
  assert.deepEqual(shown(issuesOf({ ...ruleSetOf({ field: 'a', exists: true }), default: 'alerts' as 'keep' })), [
    'default: An action is `keep`, `drop` or { route: NAME }, not the text "alerts". [write { route: alerts } for a route of that name]',
  ])
  assert.deepEqual(shown(issuesOf({ ...ruleSetOf({ field: 'a', exists: true }), default: { route: 'drop' } })), [
    "default.route: The name `drop` is reserved and cannot be a route's. [write `default: drop`]",
  ])
})

test('route names keep to their syntax', () => {
  const issuesFor = (name: string): number => {
    try {
      compileRuleSet({ version: 1, default: { route: name }, rules: [] })
      return 0
    } catch {
      return 1
    }
  }
  for (const name of ['a', 'A.b-c_d', '9', 'x'.repeat(64), 'Keep']) assert.equal(issuesFor(name), 0, name)
  for (const name of ['', '.a', '-a', '_a', 'a b', 'a/b', 'é', 'x'.repeat(65), 'a\n', 'keep', 'default']) {
    assert.equal(issuesFor(name), 1, name)
  }
})

test('boolean forms take what they are made for', () => {
  assertIssues(
    '{ all: [] }',
    '5:18 rules[0].when.all: `all` is empty. [to match every record, put the action in `default`]',
  )
  assertIssues('{ any: [] }', '5:18 rules[0].when.any: `any` is empty. [drop the rule, or give a condition]')
  assertIssues(
    '{ any: { field: a, exists: true } }',
    '5:18 rules[0].when.any: `any` takes a list of conditions, not an object. [write any: [{ … }], a list]',
  )
  assertIssues(
    '{ not: [{ field: a, exists: true }] }',
    '5:18 rules[0].when.not: `not` takes one condition, not a list. [write `not: { any: [...] }` to refuse what any of them accepts]',
  )
  assertIssues(
    '[{ field: a, exists: true }]',
    '5:11 rules[0].when: A condition is an object, not a list. [write `all:` or `any:` before the list]',
  )
  assertIssues(
    '{ all: [{ field: a, exists: true }], field: b, equals: c }',
    '5:48 rules[0].when.field: The boolean form `all` and the predicate key `field` stand in one condition. [put them under one `all`: all: [{ all: … }, { field: … }]]',
  )
  assertIssues(
    '{ all: [{ field: a, exists: true }], any: [{ field: b, exists: true }] }',
    '5:48 rules[0].when.any: Both `all` and `any` stand in one condition. [put them under one `all`: all: [{ all: … }, { any: … }]]',
  )
})

test('predicates have a field and an operator', () => {
  const names = 'matches, search, equals, in, prefix, suffix, contains, exists, lt, lte, gt, gte, cidr'
  assertIssues('{ field: a }', `5:11 rules[0].when: The predicate has no operator. [add one of: ${names}]`)
  assertIssues('{ equals: a }', '5:11 rules[0].when: The predicate names no field. [add `field: NAME`]')
  assertIssues(
    '{ feild: a, equals: b }',
    '5:13 rules[0].when.feild: The key `feild` is unknown. [did you mean `field`?]',
  )
  assertIssues(
    '{ field: a, EQUALS: b }',
    '5:23 rules[0].when.EQUALS: The key `EQUALS` is unknown. [did you mean `equals`?]',
  )
  assertIssues(
    '{ field: 5, equals: b }',
    '5:20 rules[0].when.field: A field path is text, not the number 5. [write "5"]',
  )
  assertIssues(
    '{ field: a..b, equals: b }',
    '5:20 rules[0].when.field: A key is missing, at character 3 of the path. [an empty key is written [""], a key with a dot ["a.b"]]',
  )
})

test('modifiers are checked', () => {
  assertIssues(
    '{ field: a, decode: base64, equals: b }',
    '5:31 rules[0].when.decode: `decode` is `url`, not the text "base64". [write `decode: url`, or leave it out]',
  )
  assertIssues(
    '{ field: a, ignoreCase: "yes", equals: b }',
    '5:35 rules[0].when.ignoreCase: `ignoreCase` is true or false, not the text "yes". [write true without quotes]',
  )
  assertIssues(
    '{ field: a, ignoreCase: true, gte: 5 }',
    '5:23 rules[0].when.ignoreCase: `ignoreCase` does nothing here: no operator of this predicate compares text. [drop it]',
  )
  assert.doesNotThrow(() => compileOne({ field: 'a', ignoreCase: true, gte: 5, equals: 'x' }))
  assert.doesNotThrow(() => compileOne({ field: 'a', ignoreCase: false, gte: 5 }))
})

test('operands of the wrong kind are refused', () => {
  assertIssues(
    '{ field: a, in: b }',
    '5:27 rules[0].when.in: `in` takes a list or { file: PATH }, not the text "b". [put it in brackets, or use `equals`]',
  )
  assertIssues(
    '{ field: a, in: [] }',
    '5:27 rules[0].when.in: The list is empty, so the predicate could never hold. [give an entry]',
  )
  assertIssues(
    '{ field: a, equals: [b] }',
    '5:31 rules[0].when.equals: `equals` takes one text, not a list. [use `in` for several]',
  )
  assertIssues(
    '{ field: a, prefix: { file: x } }',
    '5:31 rules[0].when.prefix: `prefix` takes a text or a list of texts, not an object. [list files are for `in`, `contains` and `cidr`]',
  )
  assertIssues(
    '{ field: a, exists: 1 }',
    '5:31 rules[0].when.exists: `exists` is true or false, not the number 1. [write true or false]',
  )
  assertIssues(
    '{ field: a, matches: 200 }',
    '5:32 rules[0].when.matches: A pattern is text, not the number 200. [write "200"]',
  )
  assertIssues('{ field: a, cidr: 10 }', '5:29 rules[0].when.cidr: A network is text, not the number 10. [write "10"]')
  assertIssues(
    '{ field: a, in: [b, [c]] }',
    '5:31 rules[0].when.in[1]: A text to compare with is a string, an integer or a boolean, not a list.',
  )
  assertIssues(
    '{ field: a, in: { flie: x } }',
    '5:29 rules[0].when.in.flie: The key `flie` is unknown. [did you mean `file`?]',
  )
  assertIssues('{ field: a, in: {} }', '5:27 rules[0].when.in: The list file has no path. [write { file: PATH }]')
})

test('repeated keys are refused where they are repeated', () => {
  assertIssues(
    '{ field: a, equals: b, equals: c }',
    '5:34 rules[0].when.equals: The key `equals` is repeated. [keep one of the two]',
  )
  const json = '{"version":1,"version":1,"default":"keep","rules":[]}'
  assert.deepEqual(shown(issuesOf({ text: json, format: 'json' })), [
    '1:14 version: The key `version` is repeated. [keep one of the two]',
  ])
})

test('tests are checked in shape', () => {
  const { text } = yamlOf('{ field: a, exists: true }')
  const tests = `tests:
  - 5
  - { name: a, record: [], expect: kep }
  - { name: b, record: "{}\\n{}", expect: alerts, rule: only }
  - { nme: c, record: "", expect: keep }
  - { name: d, record: { a: 0x1f, b: .inf }, expect: keep, rule: default }
  - {}
`
  assert.deepEqual(shown(issuesOf({ text: text + tests })), [
    '8:5 tests[0]: A test is an object, not the number 5. [write { name: …, record: { … }, expect: keep }]',
    '9:24 tests[1].record: A record is an object or a text, not a list. [write an object, or the exact text of the line in quotes]',
    '9:36 tests[1].expect: No rule has the outcome `kep`. [did you mean `keep`?]',
    '10:24 tests[2].record: The text of a record holds a line feed, and records end at line feeds. [write one test for each record, or \\n inside a JSON string]',
    '10:42 tests[2].expect: No rule has the outcome `alerts`. [expect one of: keep, drop, malformed]',
    "10:56 tests[2].rule: The rule set has no rule with the id `only`. [name a rule's id, or `default`]",
    '11:7 tests[3].nme: The key `nme` is unknown. [did you mean `name`?]',
    '11:23 tests[3].record: The text of the record is empty, and empty lines are no records.',
    '12:29 tests[4].record.a: `0x1f` is not a JSON number. [write "0x1f" for text]',
    '12:38 tests[4].record.b: `.inf` is not a JSON number. [write ".inf" for text]',
    '13:5 tests[5]: The test has no `name`. [add `name:`]',
    '13:5 tests[5]: The test has no `record`. [add `record:`]',
    '13:5 tests[5]: The test has no `expect`. [add `expect:`]',
  ])
})

test('a rule set that is no object is refused', () => {
  assert.deepEqual(shown(issuesOf({ text: '- id: a\n' })), [
    '1:1 : A rule set is an object, not a list. [write `rules:` before the list, and `version: 1` and `default:` above]',
  ])
  assert.deepEqual(shown(issuesOf({ text: 'hello' })), ['1:1 : A rule set is an object, not the text "hello".'])
})

test('rule sets that are objects have paths and no lines', () => {
  const cycle: Record<string, unknown> = { field: 'a' }
  cycle['not'] = cycle
  const issues = issuesOf(
    ruleSetOf({ any: [{ field: 'a', equals: new Date(0) }, { not: cycle }, { field: 'b', in: ['\ud800'] }] }),
  )
  assert.deepEqual(shown(issues), [
    'rules[0].when.any[0].equals: A text to compare with is a string, an integer or a boolean, not an object of class Date.',
    'rules[0].when.any[1].not.field: The boolean form `not` and the predicate key `field` stand in one condition. [put them under one `all`: all: [{ not: … }, { field: … }]]',
    'rules[0].when.any[1].not.not: A condition is an object, not an object that contains itself. [write { field: …, equals: … }]',
    'rules[0].when.any[2].in[0]: The text holds half of a surrogate pair, which UTF-8 cannot express. [write the whole character, or both halves]',
  ])
})

test('predicates, fields and lists that are equal are joined in the plan', () => {
  const { program } = compileOne({
    any: [
      { field: 'a', equals: 'x', gt: 1 },
      {
        all: [
          { field: '["a"]', in: ['x', 'x'] },
          { field: 'a', gt: 1 },
        ],
      },
      { not: { field: 'b', in: ['x'] } },
      { field: 'a', exists: false },
      { field: 'a', decode: 'url', exists: true },
    ],
  })
  const { plan } = program
  assert.deepEqual(plan.fields, [
    { path: ['a'], decode: 'none' },
    { path: ['b'], decode: 'none' },
    { path: ['a'], decode: 'url' },
  ])
  assert.deepEqual(plan.predicates, [
    { op: 'set', field: 0, list: 0, fold: false },
    { op: 'compare', field: 0, gt: '1' },
    { op: 'set', field: 1, list: 0, fold: false },
    { op: 'exists', field: 0 },
    { op: 'exists', field: 2 },
  ])
  assert.deepEqual(plan.rules[0]?.when, ['any', ['all', 0, 1], ['all', 0, 1], ['not', 2], ['not', 3], 4])
})

test('a field that is nearly one of DataStream 2 gives a warning, and a field of other logs none', () => {
  const warningsFor = (field: string): string[] => shown(compileOne({ field, exists: true }).warnings)
  assert.deepEqual(warningsFor('statuscode'), [
    'rules[0].when.field: `statuscode` is no DataStream 2 field, and `statusCode` is. [did you mean `statusCode`?]',
  ])
  assert.equal(warningsFor('turnAroundTimeMsec').length, 1)
  assert.equal(warningsFor('cliIp').length, 1)
  assert.equal(warningsFor('reqHots').length, 1)
  for (const field of [
    'statusCode',
    'status',
    'host',
    'a',
    'user',
    'status_code_text',
    'request.statuscode',
    'status_code',
    'level',
    'time',
  ]) {
    assert.deepEqual(warningsFor(field), [], field)
  }
})

test('looking for a text that counts as missing gives a warning', () => {
  const warningsFor = (when: object): string[] => shown(compileOne(when, { missing: ['-', '^'] }).warnings)
  assert.deepEqual(warningsFor({ field: 'a', in: ['x', '-'] }), [
    'rules[0].when.in[1]: "-" can never be found here, because `missing` makes it count as absent. [use `exists: false` to find missing values]',
  ])
  assert.equal(warningsFor({ field: 'a', equals: '^' }).length, 1)
  assert.deepEqual(warningsFor({ field: 'a', decode: 'url', equals: '^' }), [])
})

test('a rule with the condition of an earlier one gives a warning', () => {
  const rules = ['x', 'y', 'x'].map((text, i) => ({
    id: `r${i}`,
    when: { field: 'a', equals: text },
    then: 'keep' as const,
  }))
  assert.deepEqual(shown(compileRuleSet({ version: 1, default: 'drop', rules }).warnings), [
    'rules[2]: The rule `r2` never decides, because `r0` above it has the same condition. [drop one of the two]',
  ])
})

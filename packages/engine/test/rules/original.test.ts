// Filters of the original as rules/ reads them: what is recognised, what is refused and where, and what they become.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRuleSet } from '#src/rules/compile.js'
import type { OriginalSettings } from '#src/rules/rule-set.js'
import { issuesOf, shown } from './rule-sets.ts'

const json = (text: string) => ({ text, format: 'json' }) as const
const filters = [{ fieldName: 'a', regex: 'x', include: true }]

test('settings with filters are recognised alone, whole, as YAML and as an object', () => {
  const versions = [
    { filters } satisfies OriginalSettings,
    json(JSON.stringify({ filters })),
    json(JSON.stringify({ kafka: { brokers: ['b:9092'] }, count: 1, workers: 10, filters })),
    { text: 'filters:\n  - { fieldName: a, regex: x, include: true }\n' },
  ].map((source) => {
    const { program, filters: found, warnings } = compileRuleSet(source)
    assert.equal(program.plan.dialect, 'original')
    assert.deepEqual(warnings, [])
    assert.equal(found?.length, 1)
    return program.plan.version
  })
  assert.equal(new Set(versions).size, 1)
})

test('settings without filters keep everything', () => {
  for (const text of ['{"filters":[]}', '{"filters":null}', '{"kafka":{},"count":1}', '{"kafka":{},"workers":1}']) {
    const { plan } = compileRuleSet(json(text)).program
    assert.deepEqual([plan.dialect, plan.rules.length, plan.defaultRoute], ['original', 0, 0], text)
  }
})

test('a file with rules is a rule set, whatever else stands in it', () => {
  const issues = shown(issuesOf(json('{"version":1,"default":"keep","rules":[],"filters":[]}')))
  assert.deepEqual(issues, [
    "1:42 filters: `filters` are the original's, and a file with `rules` is a rule set. [keep the rules or the filters; `weir rules import` makes rules of filters]",
  ])
})

test('every problem is told at once, with its place and what to write instead', () => {
  const text = `{
  "filters": [
    { "fieldname": "a", "regex": "x" },
    { "fieldName": "a", "regx": "x", "include": "true" },
    { "fieldName": "..", "regex": "x" },
    { "fieldName": 5, "regex": null },
    { "fieldName": "a", "regex": "a(?=b)", "include": 1 },
    { "fieldName": "a" },
    "x",
    { "fieldName": "a", "regex": "(a", "include": false },
    { "fieldName": "a", "regex": "\\\\ud800", "extra": 1 },
    { "fieldName": "a", "regex": "a{1001}" }
  ]
}`
  assert.deepEqual(shown(issuesOf(json(text))), [
    '3:7 filters[0].fieldname: The key `fieldname` is unknown. [did you mean `fieldName`?]',
    '4:25 filters[1].regx: The key `regx` is unknown. [did you mean `regex`?]',
    '4:49 filters[1].include: `include` is true or false, not the text "true". [write true without quotes]',
    '5:20 filters[2].fieldName: The field name `..` is only dots, and names no field. [write a name]',
    '6:20 filters[3].fieldName: The `fieldName` of a filter is text, not the number 5. [write "5"]',
    '6:32 filters[3].regex: The `regex` of a filter is text, not `null`. [write "regex": "PATTERN", which the whole value must match]',
    '7:34 filters[4].regex: The pattern `a(?=b)` looks ahead, which RE2 lacks, at character 2. [say what must also match in a filter of its own, with include: true]',
    '7:55 filters[4].include: `include` is true or false, not the number 1. [write true or false]',
    '8:5 filters[5]: The filter has no `regex`. [add "regex": "PATTERN", which the whole value must match]',
    '9:5 filters[6]: A filter is an object, not the text "x". [write { "fieldName": "…", "regex": "…", "include": true }]',
    '10:34 filters[7].regex: The pattern `(a` has a `(` without its `)`, at character 1. [escape it: \\(]',
    '11:34 filters[8].regex: The pattern `\\ud800` names half of a surrogate pair, which no UTF-8 text holds, at character 1. [write both halves]',
    '11:45 filters[8].extra: The key `extra` is unknown. [known keys here: fieldName, regex, include]',
    '12:34 filters[9].regex: The pattern `a{1001}` repeats more than 1000 times, at character 2. [use a smaller count, or no upper bound]',
  ])
})

test('what is wrong with `filters` itself is told', () => {
  assert.deepEqual(shown(issuesOf(json('{"filters":{"fieldName":"a","regex":"x"}}'))), [
    '1:12 filters: `filters` is a list, not an object. [put it in brackets: [{ … }]]',
  ])
  assert.deepEqual(shown(issuesOf(json('{"filters":[],"filters":[]}'))), [
    '1:15 filters: The key `filters` is repeated. [keep one of the two]',
  ])
  const many = Array.from({ length: 1000 }, () => filters[0]!)
  assert.match(issuesOf({ filters: many })[0]!.message, /There are 1000 filters; at most 999 are allowed/)
  assert.equal(compileRuleSet({ filters: many.slice(1) }).program.plan.rules.length, 1000)
})

test('what looks like settings of the original is told what it lacks, and nothing of rule sets', () => {
  const list = '[{"fieldName":"a","regex":"x"}]'
  for (const [text, issue] of [
    [
      `{"Filters":${list}}`,
      '1:2 Filters: This looks like settings of the original, and `Filters` like their `filters`. [write `filters`]',
    ],
    [
      `{"filter":${list},"kafka":{}}`,
      '1:2 filter: This looks like settings of the original, and `filter` like their `filters`. [write `filters`]',
    ],
    [
      list,
      '1:1 : This looks like the list of filters of the original, without its settings. [write { "filters": […] } around the list]',
    ],
    [
      `{"settings":{"filters":${list}}}`,
      '1:2 settings: This looks like settings of the original, which stand within `settings` here: the original has `filters` at the top. [take the object out of `settings`]',
    ],
    [
      '{"kafka":{}}',
      '1:1 : This looks like settings of the original, without `filters`. [add "filters": [] to keep everything]',
    ],
    [
      '{"count":1,"workers":10}',
      '1:1 : This looks like settings of the original, without `filters`. [add "filters": [] to keep everything]',
    ],
    [
      `{"version":1,"filters":${list}}`,
      "1:14 filters: `filters` are the original's, and a file with `version` is a rule set. [leave `version` out]",
    ],
    [
      '{"filters":[{"fieldName":null,"regex":"x"}]}',
      '1:26 filters[0].fieldName: The `fieldName` of a filter is text, not `null`. [write "fieldName": "NAME"]',
    ],
  ] as const) {
    assert.deepEqual(shown(issuesOf(json(text))), [issue], text)
  }
  const both = shown(issuesOf(json(`{"filters":${list},"rules":[],"default":"kep"}`))).join('\n')
  for (const each of [/filters: .* a file with `rules` is a rule set/, /has no `version`/, /did you mean `keep`/]) {
    assert.match(both, each)
  }
  // What is no filter is a slip in a rule set.
  for (const text of ['{}', '[{"id":"a"}]', '{"Rules":[],"default":"keep"}', '{"count":1,"rules":[]}']) {
    assert.doesNotMatch(shown(issuesOf(json(text))).join(), /original/, text)
  }
})

test('a pattern that is too large is advised what settings can say', () => {
  const words = Array.from({ length: 600 }, (_, i) => `word${i}`).join('|')
  const adviceFor = (regex: string, include: boolean) => issuesOf({ filters: [{ fieldName: 'a', regex, include }] })[0]!
  for (const regex of [words, '(?:ab){1000}']) {
    assert.match(adviceFor(regex, false).suggestion!, /divide the alternatives among several filters of this field/)
    assert.match(adviceFor(regex, true).suggestion!, /is for a rule, which drops under `not: \{ field: NAME, in:/)
  }
  const half = (from: number) => ({
    fieldName: 'a',
    regex: words
      .split('|')
      .slice(from, from + 300)
      .join('|'),
  })
  assert.equal(compileRuleSet({ filters: [half(0), half(300)] }).filters?.length, 2)
})

test('what only looks wrong is a warning', () => {
  const text = '{"filtres":1,"filters":[{"fieldName":"statsCode","regex":"x"},{"fieldName":"a[0]","regex":"\\\\bx"}]}'
  assert.deepEqual(shown(compileRuleSet(json(text)).warnings), [
    '1:2 filtres: The key `filtres` is unknown to the original, and nothing reads it. [did you mean `filters`?]',
    '1:38 filters[0].fieldName: `statsCode` is no DataStream 2 field, and `statusCode` is. [did you mean `statusCode`?]',
    '1:76 filters[1].fieldName: Brackets are a part of the name: the original knows no indexes.',
    '1:91 filters[1].regex: Beside a character beyond ASCII, `\\b` and `\\B` may stand elsewhere than in Java. [name what may stand there, as in (?:.*\\W)?word(?:\\W.*)?]',
  ])
})

test('a filter becomes a rule that is named after its place and field', () => {
  const { program, ruleSet } = compileRuleSet({
    filters: [
      { fieldName: 'a.b', regex: 'x', include: true },
      { fieldName: '', regex: 'x' },
      { fieldName: 'c\n', regex: 'x' },
      { fieldName: 'a.b..', regex: 'x' },
    ],
  })
  const ids = ['filters[0]:a.b', 'filters[1]', 'filters[2]:c?', 'filters[3]:a.b..']
  assert.deepEqual(
    program.plan.rules.map(({ id }) => id),
    [...ids, 'null-record'],
  )
  assert.deepEqual(
    ruleSet.rules.map(({ id }) => id),
    ids,
  )
  // Equal fields and patterns are one, whatever dots stand behind the name.
  assert.deepEqual([program.plan.fields.length, program.plan.predicates.length], [3, 3])
})

test('the version of a program tells filters from rules, and what filters mean', () => {
  const versionOf = (settings: OriginalSettings): string => compileRuleSet(settings).program.plan.version
  const version = versionOf({ filters })
  assert.notEqual(version, compileRuleSet(compileRuleSet({ filters }).ruleSet).program.plan.version)
  assert.notEqual(version, versionOf({ filters: [{ ...filters[0]!, include: false }] }))
  assert.notEqual(version, versionOf({ filters: [{ ...filters[0]!, regex: 'y' }] }))
  assert.equal(version, versionOf({ filters: [{ ...filters[0]!, regex: '[x]' }], workers: 3 }))
})

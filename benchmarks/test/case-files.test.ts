// Reading case files: what stands elsewhere is brought, other seeds make other rules, and every fault is told with the file
// and the key. What the committed cases say is in cases.test.ts.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { casePath, hashOfRules, loadCase, loadCases, withRulesSeed } from '#src/cases.js'
import { UsageError } from '#src/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-cases-'))
after(() => rmSync(folder, { recursive: true }))
const committed = fileURLToPath(new URL('../cases', import.meta.url))

const least = {
  name: 'c',
  description: '',
  rules: { version: 1, default: 'drop', rules: [] },
  rg: { none: 'None.' },
  expected: [],
}

function write(content: object, name = 'c'): string {
  const path = join(folder, `${name}.json`)
  writeFileSync(path, JSON.stringify({ ...least, ...content }))
  return path
}

test('a case that says little means the records of weir generate ds2, and all of them for jq', () => {
  const { input, jq, rulesFrom } = loadCase(write({}))
  assert.deepEqual({ input, jq, rulesFrom }, { input: { generator: 'ds2' }, jq: { share: 1 }, rulesFrom: undefined })
})

test('rules are those of another case, or of a generator whose hash has to come out', () => {
  const ten = loadCase(casePath(committed, 'ten-rules'))
  assert.deepEqual(loadCase(casePath(committed, 'escapes')).rules, ten.rules)
  const generated = loadCase(casePath(committed, 'generated-100'))
  assert.equal(generated.rules.rules.length, 100)
  const { rulesFrom } = generated
  assert.ok(rulesFrom !== undefined && 'sha256' in rulesFrom)
  assert.equal(rulesFrom.sha256, hashOfRules(generated.rules))
  const stale = write({ rules: { ...rulesFrom, sha256: '0' } })
  assert.throws(() => loadCase(stale), {
    name: 'UsageError',
    message: /c\.json: .* other rules .* npm run bench:expect/,
  })
  assert.equal(hashOfRules(loadCase(stale, 'unchecked').rules), rulesFrom.sha256)
})

test('another seed makes other rules, without answers and patterns of the old ones; where no seed is, nothing changes', () => {
  const words = loadCase(casePath(committed, 'contains-10'))
  const other = withRulesSeed(words, 99)
  assert.notDeepEqual(other.rules, words.rules)
  assert.deepEqual(other.expected, [])
  assert.ok('none' in other.rg)
  assert.deepEqual(withRulesSeed(words, 99).rules, other.rules)
  const written = loadCase(casePath(committed, 'ten-rules'))
  assert.equal(withRulesSeed(written, 99), written)
})

const faults: readonly (readonly [string, object, RegExp])[] = [
  ['another name than its file', { name: 'd' }, /name of its file/],
  ['no patterns and no reason', { rg: {} }, /`rg`/],
  ['a share of nothing', { jq: { share: 0 } }, /`jq\.share`/],
  ['no rules', { rules: 1 }, /`rules` is a rule set/],
  ['rules without a list', { rules: { version: 1, default: 'drop', rules: 1 } }, /`rules\.rules` is a list/],
  ['a named route', { rules: { ...least.rules, default: { route: 'r' } } }, /without named routes/],
  ['an unknown case', { rules: { case: 'nowhere' } }, /no case nowhere/],
  ['the rules of itself', { rules: { case: 'c' } }, /takes its rules from a case, too/],
  ['no rule set', { rules: null }, /`rules` is a rule set/],
  ['an unknown generator', { rules: { generator: 'x', seed: 1 } }, /`rules\.generator`/],
  ['no seed', { rules: { generator: 'words', words: 10 } }, /`rules\.seed`/],
  ['too many rules', { rules: { generator: 'operators', seed: 1, rules: 1001 } }, /`rules\.rules`/],
  [
    'operators of another kind',
    { rules: { generator: 'operators', seed: 1, rules: 1, operators: 'x' } },
    /`all` or `plain`/,
  ],
  ['no fields', { rules: { generator: 'operators', seed: 1, rules: 1, fields: [] } }, /`rules\.fields`/],
  [
    'fields of which no rules are made',
    { rules: { generator: 'operators', seed: 1, rules: 1, fields: ['x'] } },
    /c\.json: no rules can be made/,
  ],
  ['a share beyond all', { rules: { generator: 'operators', seed: 1, rules: 1, keepShare: 2 } }, /`rules\.keepShare`/],
  ['words that begin with a number', { rules: { generator: 'words', seed: 1, words: 2, start: 1 } }, /`rules\.start`/],
  ['one word', { rules: { generator: 'words', seed: 1, words: 1 } }, /`rules\.words`/],
  ['input that is a name', { input: 'ds2' }, /`input` is an object/],
  ['an unknown maker of records', { input: { generator: 'x' } }, /`input\.generator`/],
  ['a shape for records that have one', { input: { generator: 'ds2', size: 'small' } }, /`input\.size` needs/],
  ['an unknown key of a shape', { input: { generator: 'records', colour: 1 } }, /`input\.colour` is unknown/],
  ['an unknown size', { input: { generator: 'records', size: 'huge' } }, /ordinary, small, large/],
  [
    'misleading keys that nesting would leave out',
    { input: { generator: 'records', keys: 'misleading', nesting: 'nested' } },
    /`input\.keys` is misleading in flat records only/,
  ],
  ['only malformed records', { input: { generator: 'records', malformedEvery: 1 } }, /from 2 on/],
]

for (const [what, content, message] of faults) {
  test(`a case with ${what} is refused, and told by file and key`, () => {
    const path = write(content)
    assert.throws(
      () => loadCase(path),
      (error: unknown) => error instanceof UsageError && error.message.startsWith(path) && message.test(error.message),
    )
  })
}

test('a folder without cases is an error', () => {
  assert.throws(() => loadCases(mkdtempSync(join(folder, 'empty-'))), /There are no cases/)
})

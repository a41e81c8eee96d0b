// The hint of a run that came to nothing: which first lines leave no doubt, and which do.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'

import { hintFor } from '#src/commands/hint.js'
import type { HintFacts } from '#src/commands/hint.js'
import { folder, weir } from '../running.js'

const allMalformed = { records: 2, kept: 0, dropped: 0, malformed: 2 }
const noneKept = { records: 2, kept: 0, dropped: 2, malformed: 0 }
const allKept = { records: 2, kept: 2, dropped: 0, malformed: 0 }
const filters = ['filters[0]:a', 'null-record']
const envelope = '{"message":"{\\"a\\":1}\\n"}\n'
const combined = '1.2.3.4 - - [23/Apr/2024:01:31:39 +0545] "GET / HTTP/1.1" 200 1 "-" "curl/8"'
const common = combined.replace(/ "-".*/, '')

function hint(head: string | Uint8Array, facts: Partial<HintFacts>): string | undefined {
  return hintFor({ counts: allMalformed, ruleIds: [], ...facts, head: Buffer.from(head) })
}

test('what the first line shows beyond doubt is told', () => {
  for (const [head, facts, told] of [
    [envelope, { counts: noneKept, ruleIds: filters }, /--input-format fluentd/],
    [`\ufeff${envelope}`, { counts: allKept, ruleIds: filters }, /--input-format fluentd/],
    [
      '{"a":1}\n',
      { counts: { ...allMalformed, records: 0, malformed: 0 }, inputFormat: 'fluentd' },
      /leave --input-format out/,
    ],
    [gzipSync('x'), {}, /gzip again/],
    [deflateSync('x'.repeat(99)), {}, /pigz/],
    ['{"a":1}\n', { parse: 'combined' }, /leave --parse combined out/],
    ['[\n{"a":1}]', { inputFormat: 'ndjson' }, /--input-format array/],
    [`${combined}\n`, {}, /--parse combined/],
    [`${common}\r\nx`, {}, /--parse common/],
    [combined, { parse: 'common' }, /--parse combined/],
    [common, { parse: 'combined' }, /--parse common/],
    [
      `site:443 ${combined}`,
      { parse: 'combined' },
      /other fields; --parse combined reads ADDRESS .* "USER AGENT", and no more/,
    ],
    [`${combined} "-"`, {}, /other fields/],
  ] as const) {
    assert.match(hint(head, facts) ?? 'nothing', told, Buffer.from(head).toString('latin1'))
  }
})

test('what may be right, or wrong in another way, is told nothing', () => {
  for (const [head, facts] of [
    [envelope, { counts: noneKept }],
    [envelope, { counts: { ...noneKept, kept: 1, dropped: 1 }, ruleIds: filters }],
    [envelope, { counts: noneKept, ruleIds: filters, inputFormat: 'fluentd' }],
    ['{"message":"{a}"}\n', { counts: noneKept, ruleIds: filters }],
    ['{"message":{"a":1}}\n', { counts: noneKept, ruleIds: filters }],
    [combined, { counts: { ...allMalformed, malformed: 1, kept: 1 } }],
    [combined, { parse: 'combined' }],
    ['["a"]\n', {}],
    ['{"a":\n', {}],
    ['x\u0002', {}],
    ['', { counts: { ...allMalformed, records: 0, malformed: 0 } }],
  ] as const) {
    assert.equal(hint(head, facts), undefined, head)
  }
})

test('the summary ends with the hint, and as JSON has it as a member; the exit code stays 0', async (t) => {
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'settings.json'), '{"filters":[{"fieldName":"a","regex":"1","include":true}]}')
  await writeFile(path.join(cwd, 'in'), envelope)
  await writeFile(path.join(cwd, 'in.gz'), gzipSync(envelope))
  const run = (args: string, stdin = '') => weir(`filter --rules settings.json ${args}`.split(' '), { cwd, stdin })
  for (const done of [
    await run('in'),
    await run('in.gz'),
    await run('--input-format ndjson in'),
    await run('-', envelope),
  ]) {
    assert.equal(done.code, 0)
    assert.match(done.stderr, /\nhint: the first record is an envelope.*--input-format fluentd reads those\n$/)
  }
  const { hint: told } = JSON.parse((await run('--json in')).stderr) as { hint?: string }
  assert.match(told ?? '', /fluentd/)
  const right = await run('--json --input-format fluentd in')
  assert.equal(right.stdout.toString(), '{"a":1}\n')
  assert.ok(!('hint' in (JSON.parse(right.stderr) as object)))
})

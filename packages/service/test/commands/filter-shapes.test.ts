// `weir filter` on inputs that are no NDJSON: arrays, objects, envelopes, lines of web servers, compressed or not, whole
// or broken.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import zlib from 'node:zlib'

import { generateDs2 } from '#src/generators/ds2.js'
import { generateWeb } from '#src/generators/web.js'
import { finished, startWeir } from '../running.js'
import { filter, prepare as prepareFolder, readSummary } from './sample.js'

const rules = `
version: 1
default: drop
rules:
  - { id: failures, when: { field: status, matches: "5\\\\d\\\\d" }, then: keep }
`

const prepare = (t: TestContext, files: Readonly<Record<string, string | Uint8Array>>, ruleText = rules) =>
  prepareFolder(t, files, ruleText)

const records = ['{"status":"503","a":[1,{}]}', '{"status":"200"}', '{"a":"},{","status":500}']
const keptLines = `${records[0] ?? ''}\n${records[2] ?? ''}\n`
const pretty = (indent: number) => records.map((record) => JSON.stringify(JSON.parse(record), null, indent))

test('the same records are kept whatever holds them, each input judged for itself', async (t) => {
  const array = `[${records.join(', ')}]`
  const objects = pretty(2).join('\n')
  const directory = await prepare(t, { array, objects, lines: records.join('\n'), 'array.gz': zlib.gzipSync(array) })
  for (const args of ['array', '--input-format array array', 'lines', 'array.gz', '--kernel portable array']) {
    const run = await filter(args, directory)
    assert.equal(run.code, 0, run.stderr)
    assert.equal(run.stdout.toString(), keptLines)
  }
  assert.equal((await filter('--count', directory, array)).stdout.toString(), '2\n')
  const all = await filter('array objects lines array.gz', directory)
  assert.equal(all.code, 0, all.stderr)
  const keptObjects = pretty(2).map((text) => `${text.replaceAll('\n', '')}\n`)
  assert.equal(
    all.stdout.toString(),
    `${keptLines}${keptObjects[0] ?? ''}${keptObjects[2] ?? ''}${keptLines}${keptLines}`,
  )
})

test('malformed elements are counted, shown where they lie, and routed; their neighbours live', async (t) => {
  const long = `{"status":"500","x":"${'x'.repeat(5000)}"}`
  const array = `[\n  {"status":500},\n  7, {"status":"50\n0"},\n  ${long},\n  {"status":500,}, {"status":501}\n]`
  const directory = await prepare(t, { array })
  const run = await filter('--json --malformed bad --max-record-bytes 4KiB array', directory)
  assert.equal(run.code, 0, run.stderr)
  assert.equal(run.stdout.toString(), '{"status":500}\n{"status":501}\n')
  const { malformedFirst, malformed, records: count, bytesIn } = readSummary(run)
  assert.deepEqual([malformed, count, bytesIn], [4, 6, array.length])
  const at = (text: string) => array.indexOf(text)
  assert.deepEqual(malformedFirst, [
    { input: 'array', line: 3, byte: at('7,'), reason: 'not-object' },
    { input: 'array', line: 3, byte: at('{"status":"50\n'), reason: 'syntax' },
    { input: 'array', line: 5, byte: at(long), reason: 'too-long' },
    { input: 'array', line: 6, byte: at('{"status":500,}'), reason: 'syntax' },
  ])
  const bad = await readFile(path.join(directory, 'bad'), 'utf8')
  assert.equal(bad, `7\n{"status":"50\r0"}\n${long}\n{"status":500,}\n`)
})

test('an input that breaks delivers what came before, says where, and the others are still done', async (t) => {
  const cut = `[${records.join(',\n')},\n{"status":"5`
  const directory = await prepare(t, {
    cut,
    'cut.gz': zlib.gzipSync(cut),
    comma: '[{"status":500} {"status":500}]',
    behind: '[{"status":500}]\n{"status":500}\n',
    objects: '{\n"status":500\n}\n]',
    whole: '[{"status":502}]',
  })
  const broken = await filter('-o kept cut whole', directory)
  assert.equal(broken.code, 1)
  assert.match(
    broken.stderr,
    /Reading cut as a JSON array failed at line 4, byte \d+: it ends within the value that begins at byte \d+ in line 4/,
  )
  assert.match(broken.stderr, /What came before was delivered\..*--input-format ndjson\.\n/)
  assert.match(broken.stderr, /malformed +at least 1 +1 syntax/)
  assert.match(broken.stderr, /1 of 2 inputs failed/)
  assert.equal(await readFile(path.join(directory, 'kept'), 'utf8'), `${keptLines}{"status":502}\n`)
  for (const [args, kept, line, byte] of [
    ['cut.gz', keptLines, 4, cut.length],
    ['comma', '{"status":500}\n', 1, 16],
    ['behind', '{"status":500}\n', 2, 17],
    ['objects', '{"status":500}\n', 4, 17],
    ['--input-format object whole', '', 1, 0],
    ['--input-format array objects', '', 1, 0],
  ] as const) {
    const run = await filter(`--json ${args}`, directory)
    assert.equal(run.code, 1, args)
    assert.equal(run.stdout.toString(), kept, args)
    const [failed] = readSummary(run)['failed'] as { code: string; message: string }[]
    assert.equal(failed?.code, 'ERR_CONNECTOR_SHAPE')
    assert.match(failed?.message ?? '', new RegExp(`at line ${line}, byte ${byte}:`))
  }
})

test('envelopes give their lines, and malformed ones are routed as they came', async (t) => {
  const envelope = (message: string) => JSON.stringify({ message, host: 'a' })
  const bad = ['{"message":"{}","nested":{"status":500}}', 'no envelope', '[]']
  const input = [envelope(records.join('\n')), bad[0], envelope('{"status":504}\nx\n\n{"status":505}\n'), bad[1], bad[2], '{}'].join('\n') // prettier-ignore
  const directory = await prepare(t, { input })
  const run = await filter('--input-format fluentd --json --malformed bad input', directory)
  assert.equal(run.code, 0, run.stderr)
  assert.equal(run.stdout.toString(), `${keptLines}{"status":504}\n{"status":505}\n`)
  const summary = readSummary(run)
  assert.deepEqual([summary['records'], summary['malformed'], summary['bytesIn']], [9, 4, input.length])
  assert.deepEqual(summary['malformedByReason'], { 'too-long': 0, utf8: 0, syntax: 2, 'not-object': 2, depth: 0 })
  const at = (text: string) => Buffer.from(input).indexOf(text)
  assert.deepEqual(summary['malformedFirst'], [
    { input: 'input', line: 2, byte: at(bad[0] ?? ''), reason: 'not-object' },
    { input: 'input', line: 3, byte: at('{"message":"{\\"status\\":504'), messageLine: 2, reason: 'syntax' },
    { input: 'input', line: 4, byte: at('no envelope'), reason: 'syntax' },
    { input: 'input', line: 5, byte: at('[]'), reason: 'not-object' },
  ])
  const lines = (await readFile(path.join(directory, 'bad'), 'utf8')).split('\n').sort()
  assert.deepEqual(lines, ['', ...bad, 'x'].sort())
  const shown = await filter('--input-format fluentd input', directory)
  assert.match(shown.stderr, /input:3: byte \d+, line 2 of its message: syntax/)
  // Unnamed, they are records of NDJSON.
  assert.equal((await filter('--count input', directory)).stdout.toString(), '0\n')
})

test('nothing but malformed envelopes, more than may wait, are all routed in order', async (t) => {
  const lines = Array.from({ length: 300 }, (_, index) => `{"message":[${index}],"x":"${'x'.repeat(50_000)}"}\n`)
  const directory = await prepare(t, { input: lines.join('') })
  const run = await filter('--input-format fluentd --malformed - -o /dev/null input', directory)
  assert.equal(run.code, 0, run.stderr)
  assert.ok(run.stdout.toString() === lines.join(''))
  assert.match(run.stderr, /malformed +300 /)
})

test('generated records are the same as an array, pretty-printed, and in envelopes', async (t) => {
  let text = ''
  for (const chunk of generateDs2({ records: 3000, seed: 5, errorRate: 0 })) text += Buffer.from(chunk).toString()
  const lines = text.trimEnd().split('\n')
  const envelopes = [0, 1000, 2000].map((at) => JSON.stringify({ message: lines.slice(at, at + 1000).join('\n') }))
  const directory = await prepare(
    t,
    { lines: text, array: `[${lines.join(',')}]`, envelopes: envelopes.join('\n') },
    'version: 1\ndefault: drop\nrules: [{ id: a, when: { field: statusCode, matches: "[45].." }, then: keep }]\n',
  )
  const expected = await filter('lines', directory)
  assert.ok(expected.stdout.length > 10_000)
  for (const args of ['array', '--input-format fluentd envelopes', '--batch-bytes 4KiB array']) {
    assert.ok((await filter(args, directory)).stdout.equals(expected.stdout), args)
  }
})

test('lines of a web server leave as they came, or as records; others are malformed', async (t) => {
  const [first, second] = ['1.1.1.1 - - [23/Apr/2024:01:31:39 +0000] "GET /\\x22 HTTP/1.1" 503 7 "-" "a"\r', 'h - - [23/Apr/2024:01:31:39 +0000] "-" 200 - "-" "b"'] // prettier-ignore
  const input = `${first}\n\nbroken\n${second}\n{"status_code":"503"}`
  const directory = await prepare(
    t,
    { input, 'input.gz': zlib.gzipSync(input) },
    'version: 1\ndefault: drop\nrules: [{ id: a, when: { field: status_code, equals: "503" }, then: keep }]\n',
  )
  for (const args of ['input', 'input.gz', '--kernel portable input', '--batch-bytes 4KiB input']) {
    const run = await filter(`--parse combined --dropped dropped --malformed bad --json ${args}`, directory)
    assert.equal(run.code, 0, run.stderr)
    assert.equal(run.stdout.toString(), `${first}\n`)
    assert.equal(await readFile(path.join(directory, 'dropped'), 'utf8'), `${second}\n`)
    assert.equal(await readFile(path.join(directory, 'bad'), 'utf8'), 'broken\n{"status_code":"503"}\n')
    const { records: count, malformedFirst, isSplitExact, bytesIn } = readSummary(run)
    assert.deepEqual([count, isSplitExact, bytesIn], [4, true, input.length])
    const name = args.split(' ').at(-1)
    assert.deepEqual(malformedFirst, [
      { input: name, line: 3, byte: input.indexOf('broken'), reason: 'syntax' },
      { input: name, line: 5, byte: input.indexOf('{'), reason: 'syntax' },
    ])
  }
  const asRecords = await filter('--parse combined --emit record', directory, input)
  const { source, bytes, user_agent } = JSON.parse(asRecords.stdout.toString()) as Record<string, unknown>
  assert.deepEqual([source, bytes, user_agent], ['/"', 7, 'a'])
})

test('generated lines are all read, and kept as a plain search keeps them', async (t) => {
  let text = ''
  for (const chunk of generateWeb({ format: 'combined', records: 20_000, seed: 3 }))
    text += Buffer.from(chunk).toString()
  const directory = await prepare(
    t,
    { log: text },
    'version: 1\ndefault: drop\nrules: [{ id: a, when: { field: status, equals: "Server Error" }, then: keep }]\n',
  )
  const run = await filter('--parse combined --batch-bytes 64KiB --threads 2 log', directory)
  const expected = text.split('\n').filter((line) => /" 5\d\d \S+ "/.test(line))
  assert.ok(run.stdout.toString() === `${expected.join('\n')}\n`)
  assert.match(run.stderr, /malformed +0\n/)
})

test('lines and elements come out before the input has ended', async (t) => {
  const directory = await prepare(t, {}, 'version: 1\ndefault: keep\nrules: []\n')
  const line = 'h - - [23/Apr/2024:01:31:39 +0000] "-" 200 -\n'
  for (const [args, first, out, rest] of [
    ['--parse=common', line, line, ''],
    ['--input-format=auto', '[\n{"a":1},\n', '{"a":1}\n', '2]'],
  ] as const) {
    const child = startWeir(['filter', '--rules', 'rules.yaml', args], directory)
    child.stdin.write(first)
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
    assert.equal(chunk.toString(), out)
    child.stdin.end(rest)
    const run = await finished(child)
    assert.equal(run.code, 0, run.stderr)
    assert.equal(run.stdout.toString(), '')
  }
})

test('options that contradict each other are refused', async (t) => {
  const directory = await prepare(t, {})
  for (const [args, message] of [
    ['--parse common --input-format array', /--parse reads lines/],
    ['--emit record', /--emit .* needs --parse/],
    ['--input-format xml', /Allowed choices are auto, ndjson, array, object, fluentd/],
    ['--parse error', /Allowed choices are combined, common/],
  ] as const) {
    const run = await filter(args, directory)
    assert.equal(run.code, 2)
    assert.match(run.stderr, message)
  }
})

test('a line feed within a string of an element is malformed, and kept where no filters keep everything', async (t) => {
  const array = '[{"a":"x\ny"}]'
  const ruled = await filter('--json', await prepare(t, {}, 'version: 1\ndefault: keep\nrules: []\n'), array)
  assert.deepEqual([ruled.stdout.toString(), readSummary(ruled)['malformed']], ['', 1])
  const unruled = await filter('--json', await prepare(t, {}, 'filters: []\n'), array)
  assert.equal(unruled.stdout.toString(), '{"a":"x\ry"}\n')
})

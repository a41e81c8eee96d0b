// `weir filter` as its users run it: inputs of all kinds, summaries, faults of inputs, wrong rules, signals.
// Outputs other than standard output are in filter-outputs.test.ts.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { limits } from '@weir/engine'

import { generateDs2 } from '#src/generators/ds2.js'
import { endingSignals, finished, names, shell, startWeir, weir } from '../running.js'
import { filter, lines, prepare, readSummary } from './sample.js'

const keepAll = 'version: 1\ndefault: keep\nrules: []\n'

test('kept records come out unchanged and in order, from a file, standard input and gzip alike', async (t) => {
  const directory = await prepare(t, { in: lines.all, 'in.gz': gzipSync(lines.all) })
  const runs = [
    await filter('--route slow=/dev/null in', directory),
    await filter('--route slow=/dev/null', directory, lines.all),
    await filter('--route slow=/dev/null -', directory, lines.all),
    await filter('--route slow=/dev/null', directory, gzipSync(lines.all)),
    await filter('--route slow=/dev/null in.gz', directory),
    await filter('--route slow=/dev/null --kernel portable in', directory),
    await filter('--route slow=/dev/null --batch-bytes 4KiB --max-record-bytes 64 --threads 2 in', directory),
  ]
  for (const run of runs) {
    assert.equal(run.code, 0, run.stderr)
    assert.equal(run.stdout.toString(), lines.kept)
  }
})

test('what is so large that threads are started for it is filtered as the small', async (t) => {
  const times = Math.ceil((limits.ownThreadBytes * 1.5) / lines.all.length)
  const large = lines.all.repeat(times)
  const directory = await prepare(t, { small: lines.all, large, 'large.gz': gzipSync(large) })
  const options = '--route slow=slow --malformed bad --json'
  const small = readSummary(await filter(`${options} small`, directory))
  for (const [inputs, stdin, most] of [
    ['large', undefined, times],
    ['large.gz', undefined, times],
    ['-', large, times],
    // The first is done before there are threads.
    ['small large', undefined, times + 1],
  ] as const) {
    const run = await filter(`${options} ${inputs}`, directory, stdin)
    assert.ok(run.stdout.toString() === lines.kept.repeat(most), inputs)
    assert.ok((await readFile(path.join(directory, 'slow'), 'utf8')) === lines.slow.repeat(most), inputs)
    const { records, malformed, byRule } = readSummary(run)
    const each = Object.entries(small['byRule'] as Record<string, number>).map(([id, count]) => [id, count * most])
    assert.deepEqual(
      { records, malformed, byRule },
      { records: 8 * most, malformed: 2 * most, byRule: Object.fromEntries(each) },
    )
  }
})

test('the JSON summary has every number, each exact', async (t) => {
  const directory = await prepare(t, { in: lines.all })
  const run = await filter('--route slow=/dev/null --json --kernel portable in', directory)
  const { seconds, ruleSetVersion, ...rest } = readSummary(run)
  assert.deepEqual(rest, {
    records: 8,
    kept: 3,
    dropped: 3,
    malformed: 2,
    malformedByReason: { 'too-long': 0, utf8: 0, syntax: 1, 'not-object': 1, depth: 0 },
    byRule: { failures: 2, slow: 1, default: 3 },
    byRoute: { keep: 2, slow: 1 },
    bytesIn: lines.all.length,
    bytesOut: lines.kept.length + lines.slow.length,
    kernel: 'portable',
    validation: 'full',
    isSplitExact: true,
    malformedFirst: [
      { input: 'in', line: 3, byte: 54, reason: 'syntax' },
      { input: 'in', line: 7, byte: 145, reason: 'not-object' },
    ],
    inputs: 1,
    failed: [],
    warnings: [],
  })
  assert.ok(typeof seconds === 'number' && seconds > 0)
  assert.match(String(ruleSetVersion), /^[0-9a-f]{16}$/)
})

test('the summary for people has the counts, and says where they are bounds', async (t) => {
  const directory = await prepare(t, { in: lines.all })
  const full = await filter('--route slow=/dev/null --validation full in', directory)
  assert.match(full.stderr, /^records +8 {2}/m)
  assert.match(full.stderr, /^kept +3 {2}37\.5 %$/m)
  assert.match(full.stderr, /^dropped +3 {2}/m)
  assert.match(full.stderr, /^malformed +2 {2}1 syntax, 1 not-object$/m)
  assert.match(full.stderr, /^ {2}failures +2$/m)
  assert.match(full.stderr, /^ {2}in:3: byte 54: syntax$/m)
  assert.doesNotMatch(full.stderr, /at most|at least/)
  const kept = await filter('--route slow=/dev/null in', directory)
  assert.match(kept.stderr, /^dropped +at most \d/m)
  assert.match(kept.stderr, /^malformed +at least \d/m)
  assert.match(kept.stderr, /--validation full checks all of them/)
})

test('a count is the only thing on standard output, and files are written beside it', async (t) => {
  const directory = await prepare(t, { in: lines.all })
  const run = await filter('--route slow=/dev/null --count -o kept in', directory)
  assert.equal(run.code, 0)
  assert.equal(run.stdout.toString(), '3\n')
  assert.equal(await readFile(path.join(directory, 'kept'), 'utf8'), lines.kept)
})

test('an input without a last line feed never joins the next one', async (t) => {
  const directory = await prepare(t, { a: '{"n":1}', b: '\ufeff{"n":2}\n\n{"n":3}', c: '' }, keepAll)
  const run = await filter('--json a b c a', directory)
  assert.equal(run.stdout.toString(), '{"n":1}\n{"n":2}\n{"n":3}\n{"n":1}\n')
  assert.equal(readSummary(run)['records'], 4)
})

test('lines and bytes of malformed records count from the start of their own input', async (t) => {
  const directory = await prepare(t, { a: '{}\n\nx\n', b: '\r\n{}\ny' }, keepAll)
  const run = await filter('--json a b -', directory, gzipSync('z\n'))
  assert.deepEqual(readSummary(run)['malformedFirst'], [
    { input: 'a', line: 3, byte: 4, reason: 'syntax' },
    { input: 'b', line: 3, byte: 5, reason: 'syntax' },
    { input: 'standard input', line: 1, byte: 0, reason: 'syntax' },
  ])
})

test('inputs that cannot be read do not keep the others from being done', async (t) => {
  const directory = await prepare(t, { a: lines.all, cut: gzipSync(lines.all.repeat(3000)).subarray(0, -12) })
  await mkdir(path.join(directory, 'sub'))
  const run = await filter('--route slow=/dev/null --json -o out a missing sub cut a', directory)
  assert.equal(run.code, 1)
  const summary = readSummary(run)
  assert.deepEqual(
    (summary['failed'] as { input: string; code: string }[]).map(({ input, code }) => [input, code]),
    [['missing', 'ERR_CONNECTOR_OPEN'], ['sub', 'ERR_CONNECTOR_OPEN'], ['cut', 'ERR_CONNECTOR_GZIP']], // prettier-ignore
  )
  const out = await readFile(path.join(directory, 'out'), 'utf8')
  assert.ok(out.startsWith(lines.kept.repeat(1000)) && out.endsWith(lines.kept))
  const people = await filter('--route slow=/dev/null missing a', directory)
  assert.equal(people.stdout.toString(), lines.kept)
  assert.match(people.stderr, /^weir: Cannot read missing: no such file or directory \(ENOENT\)\.$/m)
  assert.match(people.stderr, /^1 of 2 inputs failed; see above\.$/m)
})

test('where no input can be read, a file from an earlier run stays', async (t) => {
  const directory = await prepare(t, { out: 'old' })
  const run = await filter('--route slow=/dev/null -o out missing', directory)
  assert.equal(run.code, 1)
  assert.equal(await readFile(path.join(directory, 'out'), 'utf8'), 'old')
})

test('wrong rules print every problem with its place, and the exit code is 2', async (t) => {
  const wrong = 'version: 1\ndefault: drp\nrules:\n  - id: a\n    when: { fild: x, equals: y }\n    then: keep\n'
  const directory = await prepare(t, { in: lines.all }, wrong)
  const run = await filter('in', directory)
  assert.equal(run.code, 2)
  assert.match(run.stderr, /^rules\.yaml:2:10: default: .*drp.*\(did you mean `drop`\?\)$/m)
  assert.match(run.stderr, /^rules\.yaml:5:13: rules\[0\]\.when\.fild: .*\(did you mean `field`\?\)$/m)
  const json = await filter('--json in', directory)
  const { error } = JSON.parse(json.stderr) as { error: { code: string; issues: unknown[] } }
  assert.equal(error.code, 'ERR_RULESET_INVALID')
  assert.ok(error.issues.length >= 2)
  const missing = await weir(['filter', '--rules', 'nowhere.yaml', 'in'], { cwd: directory })
  assert.equal(missing.code, 2)
  assert.match(missing.stderr, /nowhere\.yaml/)
})

test('both kernels keep the same bytes of generated records, and the counts agree with JSON.parse', async (t) => {
  const records = Buffer.concat(Array.from(generateDs2({ records: 4000, seed: 21, errorRate: 0.02 }), copy))
  const text = `
version: 1
missing: ["-", "^"]
default: drop
rules:
  - { id: errors, when: { field: statusCode, gte: 400 }, then: keep }
  - { id: chrome, when: { field: UA, decode: url, search: "Chrome/1[12]" }, then: drop }
  - { id: places, when: { field: country, in: [BR, IN] }, then: keep }
`
  const directory = await prepare(t, { in: records }, text)
  const expected = expectedLines(records)
  for (const args of ['--kernel native', '--kernel portable', '--kernel auto --batch-bytes 64KiB --threads 2']) {
    const run = await filter(`${args} --json in`, directory)
    assert.equal(run.code, 0, run.stderr)
    assert.equal(digest(run.stdout), digest(Buffer.concat(expected.kept)), args)
    const summary = readSummary(run)
    assert.deepEqual([summary['records'], summary['malformed']], [4000, expected.malformed])
  }
})

const copy = (chunk: Uint8Array) => Buffer.from(chunk)
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** The same rules, told by hand. */
function expectedLines(records: Buffer): { kept: Buffer[]; malformed: number } {
  const kept: Buffer[] = []
  let malformed = 0
  for (let at = 0; at < records.length;) {
    const end = records.indexOf(10, at) + 1
    const line = records.subarray(at, end)
    at = end
    const record = parse(line)
    if (record === undefined) malformed++
    else if (Number(record['statusCode']) >= 400) kept.push(line)
    else if (/Chrome\/1[12]/.test(decodeURIComponent(record['UA']?.replaceAll('+', ' ') ?? ''))) continue
    else if (record['country'] === 'BR' || record['country'] === 'IN') kept.push(line)
  }
  return { kept, malformed }
}

function parse(line: Buffer): Record<string, string> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line))
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject && !line.includes('[[[[') ? (value as Record<string, string>) : undefined
  } catch {
    return undefined
  }
}

test('records come out before the input has ended', async (t) => {
  const directory = await prepare(t, {}, keepAll)
  const child = startWeir(['filter', '--rules', 'rules.yaml'], directory)
  child.stdin.write('{"first":1}\n')
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
  assert.equal(chunk.toString(), '{"first":1}\n')
  child.stdin.end('{"second":2}\n')
  const run = await finished(child)
  assert.equal(run.code, 0)
  assert.equal(run.stdout.toString(), '{"second":2}\n')
})

for (const [signal, code] of endingSignals) {
  // prettier-ignore
  test(`${signal} while input is awaited removes temporary files and exits with ${code}`, async (t) => {
    const directory = await prepare(t, {}, keepAll)
    const child = startWeir(['filter', '--rules', 'rules.yaml', '-o', 'out'], directory)
    child.stdin.write('{"a":1}\n')
    while ((await names(directory)).length < 2) await new Promise((resolve) => setImmediate(resolve))
    child.kill(signal)
    const run = await finished(child)
    assert.equal(run.code, code)
    assert.deepEqual(await names(directory), ['rules.yaml'])
  })
}

test('messages cannot steer a terminal', async (t) => {
  const directory = await prepare(t, {}, keepAll)
  const run = await filter('evil\u001b[2Jname', directory)
  assert.equal(run.code, 1)
  assert.ok(!run.stderr.includes('\u001b'))
  assert.match(run.stderr, /evil\\u001b\[2Jname/)
})

test('the name of an input stays on one line of every message, and is as it was in JSON', async (t) => {
  const name = 'two\nlines\tand more'
  const directory = await prepare(t, { [name]: 'x\n' }, keepAll)
  const args = ['filter', '--rules', 'rules.yaml', name, `no ${name}`]
  const people = await weir(args, { cwd: directory })
  assert.match(people.stderr, /^weir: Cannot read no two\\u000alines\\u0009and more: no such file/m)
  assert.match(people.stderr, /^ {2}two\\u000alines\\u0009and more:1: byte 0: syntax$/m)
  const summary = readSummary(await weir([...args, '--json'], { cwd: directory }))
  assert.equal((summary['malformedFirst'] as { input: string }[])[0]?.input, name)
  assert.equal((summary['failed'] as { input: string }[])[0]?.input, `no ${name}`)
})

test('an input that becomes shorter while it is read is named', async (t) => {
  const directory = await prepare(t, { in: '{"a":"0123456789"}\n'.repeat(2_000_000) }, keepAll)
  // The reader shortens the file when the first bytes come and only then takes the rest: the batches in flight are a
  // fraction of the file.
  const run = await shell(
    'weir filter --rules rules.yaml --threads 1 --batch-bytes 4KiB in | { head -c 1; truncate -s 100 in; cat; } > /dev/null; echo ${PIPESTATUS[0]}',
    directory,
  )
  assert.equal(run.stdout.toString(), '1\n')
  assert.match(run.stderr, /^weir: Reading in failed\. The file lacks byte \d+/m)
  assert.match(run.stderr, /^1 of 1 input failed; see above\.$/m)
})

test('a file without a name is refused wherever one is given', async (t) => {
  const directory = await prepare(t, { in: lines.all }, keepAll)
  for (const args of [['--rules', ''], ['-o', ''], ['--dropped', ''], ['--malformed', ''], ['']]) {
    const rulesArgs = args[0] === '--rules' ? [] : ['--rules', 'rules.yaml']
    const run = await weir(['filter', ...rulesArgs, ...args, 'in'], { cwd: directory })
    assert.equal(run.code, 2)
    assert.match(run.stderr, /Give the name of a file\./)
  }
})

test('rules come from a pipe by the name of a file, and not by a dash', async (t) => {
  const directory = await prepare(t, { in: '{"a":1}\n' }, keepAll)
  const dash = await weir(['filter', '--rules', '-', 'in'], { cwd: directory, stdin: keepAll })
  assert.equal(dash.code, 2)
  assert.match(dash.stderr, /Rules are read from a file: name one; \/dev\/stdin, where they come from a pipe\./)
  const piped = await shell('cat rules.yaml | weir filter --rules /dev/stdin in', directory)
  assert.equal(piped.code, 0, piped.stderr)
  assert.equal(piped.stdout.toString(), '{"a":1}\n')
})

test('a value that is given twice is refused, and a flag is not', async (t) => {
  const directory = await prepare(t, { in: lines.all })
  for (const args of ['-o a -o b in', '-o a --output=b in', '--rules rules.yaml in', '--threads 1 --threads 2 in']) {
    const run = await filter(`--route slow=/dev/null ${args}`, directory)
    assert.equal(run.code, 2, args)
    assert.match(run.stderr, /^error: option '-.*' is given twice; it has one value$/m)
  }
  assert.equal((await filter('--route slow=/dev/null --count --count in', directory)).code, 0)
  assert.deepEqual(await names(directory), ['in', 'rules.yaml'])
})

test('with --json a wrong command line is one JSON object too', async (t) => {
  const directory = await prepare(t, { in: lines.all })
  for (const [args, message] of [
    [
      '--rules rules.yaml --json --threads 0 in',
      /^option '--threads <n>' argument '0' is invalid\. Give a whole number/,
    ],
    ['--rules rules.yaml --json --rulse x in', /^unknown option '--rulse' \(Did you mean --rules\?\)$/],
    ['--rules rules.yaml --route slow --json in', /^--route slow: give a route and its file/],
    ['--json', /^required option '--rules <file>' not specified$/],
  ] as const) {
    const run = await weir(['filter', ...args.split(' ')], { cwd: directory })
    assert.equal(run.code, 2, args)
    assert.equal(run.stdout.length, 0)
    const { error } = readSummary(run) as { error: { code: string; message: string } }
    assert.equal(error.code, 'ERR_CONFIG_OPTION')
    assert.match(error.message, message)
  }
  const check = await weir(['rules', 'check', '--json'])
  assert.equal(check.code, 2)
  assert.equal(check.stderr, '')
  assert.equal((JSON.parse(check.stdout.toString()) as { ok: boolean }).ok, false)
  // Behind the end of options it is the name of an input.
  const named = await weir(['filter', '--', '--json'])
  assert.match(named.stderr, /^error: required option/)
})

test('a file whose name is not UTF-8 is not found, and the message says how to read it', async (t) => {
  const directory = await prepare(t, {}, keepAll)
  const run = await shell(
    `printf '{}\\n' > $'a\\xff'; weir filter --rules rules.yaml $'a\\xff'; weir filter --rules rules.yaml < $'a\\xff'; weir filter --rules rules.yaml b`,
    directory,
  )
  assert.match(run.stderr, /Cannot read a.*If its name is not UTF-8, let the shell open it: weir filter … < FILE/)
  assert.equal(run.stdout.toString(), '{}\n')
  assert.equal(run.stderr.match(/is not UTF-8/g)?.length, 1)
})

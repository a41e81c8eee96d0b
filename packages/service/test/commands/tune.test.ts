// `weir tune` as its users run it: what it prints, what it writes, what it refuses, and how it is ended. Few settings and
// little time, since what is measured is not what is tested.

import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, readlink, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { finished, names, shell, startWeir, weir } from '../running.js'
import { skipWithout } from '../required.js'
import { prepare } from './sample.js'

const line = (i: number) =>
  `{"status":"${i % 50 === 0 ? 503 : 200}","ms":"${i % 900}","path":"/p/${(i * 7919) % 100_003}","pad":"${'x'.repeat(80)}"}\n`
const lines = Array.from({ length: 20_000 }, (_, i) => line(i)).join('')
const quick = '--threads 1 --batch-bytes 512KiB,1MiB --within 1ms'
/** One setting, where the settings themselves are not looked at. */
const single = '--threads 1 --batch-bytes 512KiB --within 1ms --only settings'

/** What a process has open is seen in /proc. */
const withoutLinux = skipWithout('linux', process.platform === 'linux', 'run the test on Linux')

/** Runs the command by `rules.yaml` on `in`. `args`: with single spaces between them. */
function tune(args: string, cwd: string, stdin?: string) {
  const given = args.split(' ').filter((arg) => arg !== '')
  const sample = args.includes('--sample') ? [] : ['--sample', 'in']
  return weir(['tune', '--rules', 'rules.yaml', ...sample, ...given], {
    cwd,
    ...(stdin === undefined ? {} : { stdin }),
  })
}

interface Answer {
  readonly purpose: string
  readonly kernel: { readonly name: string }
  readonly sample: { readonly records: number; readonly kept: number; readonly repeats: number }
  readonly settings: {
    readonly calibration: object
    readonly measured: readonly { readonly point: Setting; readonly rounds: number }[]
    readonly leftOut: readonly { readonly why: string; readonly point: Setting }[]
    readonly choice: { readonly point: Setting; readonly meetsTarget: boolean }
  }
  readonly rules: { readonly costs: { readonly rules: readonly { readonly id: string; readonly decided: number }[] } }
  readonly isInterrupted: boolean
}

interface Setting {
  readonly threads: number
  readonly batchBytes: number
  readonly validation: string
}

async function answerOf(args: string, cwd: string): Promise<Answer> {
  const run = await tune(`${args} --json`, cwd)
  assert.equal(run.code, 0, run.stderr)
  assert.equal(run.stdout.toString().trimEnd().split('\n').length, 1)
  return JSON.parse(run.stdout.toString()) as Answer
}

test('settings and rules are told for people: the curve, the setting, why, the next best, what each rule takes', async (t) => {
  const cwd = await prepare(t, { in: gzipSync(lines) })
  const run = await tune(`${quick} --svg curve.svg`, cwd)
  assert.equal(run.code, 0, run.stderr)
  assert.equal(run.stderr, '')
  const text = run.stdout.toString()
  for (const expected of [
    /^sample {4}in: .*repeated \d+ times/,
    /20000 records, .* kept or routed, 0 malformed/,
    /^scaling {3}not measured: no setting has more than one thread$/m,
    /\+-{10}/,
    /^threads {2}batch/m,
    /^Recommended: --threads 1 --batch-bytes (512KiB|1MiB)$/m,
    // One round tells the order of two settings for no other.
    /^ {2}Why: (on average the fastest of 2 settings\. .*\n {2}Undecided: one other may be faster by more than 3 %|as fast as any of 2)/m,
    /^ {2}Next best: 1 thread with /m,
    /^rule +by itself +decided/m,
    /^failures +/m,
    /^What would make them cheaper/m,
  ]) {
    assert.match(text, expected)
  }
  // The portable kernel remembers no values, and tells nothing of them.
  assert.equal(/^kernel {4}native$/m.test(text), /^field +read +looked up +met before\nstatus +100 %/m.test(text))
  assert.doesNotMatch(text, /\u001b|\r/)
  assert.match(await readFile(path.join(cwd, 'curve.svg'), 'utf8'), /^<svg .*<\/svg>\n$/s)
  assert.deepEqual(await names(cwd), ['curve.svg', 'in', 'rules.yaml'])
})

test('the answer for programs holds the same, for values of Kafka batches too', async (t) => {
  const cwd = await prepare(t, { in: lines })
  const answer = await answerOf(`${quick} --for kafka --validation full --target-latency 10min`, cwd)
  assert.equal(answer.purpose, 'kafka')
  assert.deepEqual([answer.sample.records, answer.isInterrupted], [20_000, false])
  assert.equal(answer.settings.measured.length, 2)
  assert.equal(answer.settings.choice.meetsTarget, true)
  assert.equal(answer.settings.choice.point.validation, 'full')
  const decided = answer.rules.costs.rules.map((rule) => [rule.id, rule.decided])
  assert.deepEqual(decided, [
    ['failures', 400],
    ['slow', lines.split('\n').filter((each) => /"200","ms":"(5\d\d|[6-8]\d\d)"/.test(each)).length],
  ])
})

test('where no setting meets the target, the nearest is named', async (t) => {
  const cwd = await prepare(t, { in: lines })
  const run = await tune(`${quick} --target-latency 1ms --only settings --kernel portable`, cwd)
  assert.equal(run.code, 0, run.stderr)
  assert.match(run.stdout.toString(), /None of 2 settings has its p99 within 1 ms: this is the nearest/)
  assert.match(run.stdout.toString(), /^kernel {4}portable$/m)
})

test('settings that may take too much memory are left out and named; when none is left that is an error', async (t) => {
  const cwd = await prepare(t, { in: lines })
  const { settings } = await answerOf('--only settings --threads 1 --batch-bytes 512KiB,8MiB --max-memory 150MiB --within 1ms', cwd) // prettier-ignore
  assert.deepEqual(
    settings.leftOut.map(({ why, point }) => [why, point.batchBytes]),
    [['memory', 8 << 20]],
  )
  const run = await tune('--only settings --max-memory 1MiB', cwd)
  assert.equal(run.code, 2)
  assert.match(run.stderr, /No setting is left to measure\. --max-memory is 1MiB, and the least .* is \d+MiB: allow/)
  const decimal = await tune('--only settings --max-memory 100kB', cwd)
  assert.match(decimal.stderr, /--max-memory is 100kB, and the least .* is \d+MB: allow/)
  const short = await tune('--only settings --threads 1 --batch-bytes 100MiB', cwd)
  assert.equal(short.code, 2)
  assert.match(
    short.stderr,
    /A measurement evaluates .* less than a batch for each thread of any setting: name smaller/,
  )
  assert.doesNotMatch(short.stderr, /--max-memory/)
})

test('the sample may come by standard input', async (t) => {
  const cwd = await prepare(t, {})
  const run = await tune('--sample - --only rules', cwd, lines)
  assert.equal(run.code, 0, run.stderr)
  assert.match(run.stdout.toString(), /^sample {4}standard input: /)
})

test('wrong options, rules and samples are explained, and the exit code says whose turn it is', async (t) => {
  const cwd = await prepare(t, {
    in: lines,
    empty: '',
    blank: '\n\n',
    bad: 'x\ny\n',
    'wrong.yaml': 'version: 1\nrulez: []\n',
  })
  for (const [args, code, message] of [
    ['--threads 0', 2, /Give a whole number from 1 to 256/],
    ['--threads 1,x', 2, /Its entry 'x' is wrong\. Give a whole number/],
    ['--threads ,', 2, /It has an empty entry\. Give a whole number from 1 to 256/],
    ['--batch-bytes 1', 2, /Give bytes, .* at least 4KiB, at most 256MiB/],
    ['--validation some', 2, /Give modes of kept, full, read/],
    ['--validation kept,', 2, /It has an empty entry\. Give modes of kept, full, read/],
    ['--for s3', 2, /Allowed choices are filter, kafka/],
    ['--max-memory big', 2, /Give a size above 0, as 512MiB/],
    ['--target-latency 0ms', 2, /Give a time of whole milliseconds, 1ms at least, as 50ms/],
    ['--threads 1 --threads 2', 2, /'--threads <list>' is given twice/],
    ['--pipeline x', 2, /--pipeline names what --write changes/],
    ['--only rules --write w.yaml', 2, /finds no setting/],
    ['--only rules --svg x.svg', 2, /has no curve/],
    ['--only rules --exhaustive', 2, /measures no settings/],
    ['--write w.yaml --validation kept,full', 2, /needs one validation mode/],
    ['--sample empty', 2, /The sample empty is empty\. Give records/],
    ['--sample blank', 2, /has no record: every line is blank/],
    ['--sample bad', 2, /Every record of the sample bad is malformed, all 2/],
    ['--sample none', 1, /Cannot read none: no such file or directory/],
  ] as const) {
    const run = await tune(args, cwd)
    assert.equal(run.code, code, `${args}: ${run.stderr}`)
    assert.match(run.stderr, message)
    assert.equal(run.stdout.length, 0)
  }
  const rules = await weir(['tune', '--rules', 'wrong.yaml', '--sample', 'in'], { cwd })
  assert.equal(rules.code, 2)
  assert.match(rules.stderr, /^wrong\.yaml:2:1: rulez: /m)
  const json = await tune('--sample empty --json', cwd)
  const { error } = JSON.parse(json.stderr) as { error: { code: string } }
  assert.deepEqual([json.code, error.code], [2, 'ERR_CONFIG_SAMPLE'])
})

test('an image that cannot be written is a fault, and the result is told all the same', async (t) => {
  const cwd = await prepare(t, { in: lines })
  // Of a device it is known only when it is written to.
  const run = await tune(`${single} --svg /dev/full`, cwd)
  assert.equal(run.code, 1)
  assert.match(run.stderr, /Cannot write \/dev\/full: no space left on device/)
  assert.match(run.stdout.toString(), /^Recommended: /m)
})

test('files that cannot be written are refused before anything is read or measured', async (t) => {
  const cwd = await prepare(t, { in: lines, 'weir.yaml': settings })
  await mkdir(path.join(cwd, 'folder'))
  const cure = 'Give a file in a folder that is there, and that this user may write to\\.'
  for (const [args, code, message] of [
    [
      '--svg missing/x.svg',
      1,
      `--svg: Cannot create missing/x\\.svg: no such file or directory \\(ENOENT\\)\\. ${cure}`,
    ],
    ['--svg in/x.svg', 1, `--svg: Cannot create in/x\\.svg: not a directory \\(ENOTDIR\\)\\. ${cure}`],
    ['--svg folder', 1, `--svg: Cannot write folder: it is a directory\\. ${cure}`],
    ['--write folder', 1, `--write: Cannot write folder: it is a directory\\. ${cure}`],
    ['--write missing/w.yaml', 1, `--write: Cannot create missing/w\\.yaml: no such file or directory .* ${cure}`],
    ['--write /dev/null', 2, '--write /dev/null is a pipe or a device, which keeps no settings: give a file'],
    ['--svg in', 2, '--svg in is the input in: write to another file'],
    ['--svg rules.yaml', 2, '--svg rules\\.yaml is the rule file rules\\.yaml: write to another file'],
    ['--write weir.yaml --svg weir.yaml', 2, '--write and --svg both write to the file weir\\.yaml: give each its own'],
  ] as const) {
    // The sample is missing: whoever looked for it would say so.
    const sample = message.includes('input in') ? '' : '--sample missing'
    const run = await tune(`${args} ${sample}`, cwd)
    assert.equal(run.code, code, `${args}: ${run.stderr}`)
    assert.match(run.stderr, new RegExp(`^weir: ${message}`))
    assert.equal(run.stdout.length, 0)
  }
  const piped = await shell('weir tune --rules <(cat rules.yaml) --sample missing --write new.yaml', cwd)
  assert.equal(piped.code, 2)
  assert.match(piped.stderr, /--write would begin new\.yaml with the rule file .*: give rules in a file/)
  assert.deepEqual(await names(cwd), ['folder', 'in', 'rules.yaml', 'weir.yaml'])
})

test('of a few records no advice is made, and it is said how many it takes', async (t) => {
  const cwd = await prepare(t, { in: '{"status":"503","ms":"7"}\n' })
  const run = await tune('--only rules', cwd)
  assert.equal(run.code, 0, run.stderr)
  assert.match(run.stdout.toString(), /^ {10}1 record, 100 % kept/m)
  assert.match(
    run.stdout.toString(),
    /: not tried, for times and shares of one record are chance: give a sample of 1000 /,
  )
})

const settings = `# Of the edge.
pipelines:
  edge:
    source: { stdin: {} } # from the shipper
    rules: rules.yaml
    routes: { keep: { stdout: {} }, slow: { discard: {} } }
    threads: 1   # by hand
`

async function checkedSettings(cwd: string, file = 'weir.yaml'): Promise<Record<string, unknown>> {
  const run = await weir(['config', 'check', '--config', file, '--json'], { cwd })
  assert.equal(run.code, 0, run.stderr)
  const shown = await weir(['config', 'show', '--config', file, '--json'], { cwd })
  const { pipelines } = (JSON.parse(shown.stdout.toString()) as { settings: { pipelines: Record<string, unknown> } })
    .settings
  return Object.values(pipelines)[0] as Record<string, unknown>
}

test('--write puts the setting into the file and leaves all else as it stands, its permissions too', async (t) => {
  const cwd = await prepare(t, { in: lines, 'weir.yaml': settings })
  const before = await stat(path.join(cwd, 'weir.yaml'))
  const run = await tune('--threads 2 --batch-bytes 512KiB --within 1ms --only settings --write weir.yaml', cwd)
  assert.equal(run.code, 0, run.stderr)
  assert.match(
    run.stdout.toString(),
    /Written to weir\.yaml, pipeline edge:\n {2}threads: 2 \(was 1\)\n {2}batchBytes: 512KiB \(was 2MiB\)/,
  )
  const text = await readFile(path.join(cwd, 'weir.yaml'), 'utf8')
  assert.equal(text, settings.replace('threads: 1 ', 'threads: 2 ') + '    batchBytes: 512KiB\n')
  assert.equal((await stat(path.join(cwd, 'weir.yaml'))).mode, before.mode)
  const { threads, batchBytes } = await checkedSettings(cwd)
  assert.deepEqual([threads, batchBytes], [2, 512 << 10])
  assert.deepEqual(await names(cwd), ['in', 'rules.yaml', 'weir.yaml'])
})

test('--write begins a file that can be served, with an output for each route of the rules', async (t) => {
  const cwd = await prepare(t, { in: lines })
  const run = await tune(`${single} --write weir.yaml --pipeline edge`, cwd)
  assert.equal(run.code, 0, run.stderr)
  const { threads, routes, validation } = await checkedSettings(cwd)
  assert.deepEqual([threads, validation], [1, 'full'])
  assert.deepEqual(Object.keys(routes as object).toSorted(), ['drop', 'keep', 'slow'])
  const again = await tune(`${single} --validation kept --write kept.yaml`, cwd)
  assert.equal(again.code, 0, again.stderr)
  assert.equal((await checkedSettings(cwd, 'kept.yaml'))['validation'], 'kept')
})

test('what --write cannot do is told before anything is measured, and the file stays as it is', async (t) => {
  const two = `${settings}  core: { source: { http: {} }, routes: { keep: { discard: {} } } }\n`
  const aliased = 'x: &p { source: { stdin: {} }, routes: { keep: { discard: {} } } }\n'
  const shared =
    'pipelines:\n  core: &p { source: { file: { path: in } }, routes: { keep: { discard: {} } }, threads: 1 }\n  edge: *p\n'
  const cwd = await prepare(t, {
    in: lines,
    'two.yaml': two,
    'bad.yaml': 'pipelines: 5\n',
    'alias.yaml': aliased,
    'shared.yaml': shared,
  })
  for (const [args, message] of [
    ['--write two.yaml', /two\.yaml has several pipelines: name one with --pipeline: edge, core/],
    ['--write two.yaml --pipeline other', /has no pipeline called other/],
    ['--write bad.yaml', /bad\.yaml:1:/],
    ['--write alias.yaml', /alias\.yaml:1:1: x: /],
    [
      '--write shared.yaml --pipeline edge',
      /Cannot change shared\.yaml: `edge` stands for a part .*Write it by hand: threads: 1/,
    ],
  ] as const) {
    const run = await tune(args, cwd)
    assert.equal(run.code, 2, run.stderr)
    assert.match(run.stderr, message)
  }
  assert.equal(await readFile(path.join(cwd, 'two.yaml'), 'utf8'), two)
})

test('a mode that the pipeline cannot have is refused, and the file stays as it is', async (t) => {
  const text = settings.replace('    threads', '    deadLetter: { directory: { path: dead } }\n    threads')
  const cwd = await prepare(t, { in: lines, 'weir.yaml': text })
  const run = await tune(`${quick} --only settings --validation kept --write weir.yaml`, cwd)
  assert.equal(run.code, 2)
  assert.match(run.stderr, /weir\.yaml:\d+:\d+: pipelines\.edge\.validation: There is a `deadLetter`/)
  assert.equal(await readFile(path.join(cwd, 'weir.yaml'), 'utf8'), text)
})

test('rules that are not those of the pipeline are measured, and it is said that they are others', async (t) => {
  const cwd = await prepare(t, { in: lines, 'weir.yaml': settings.replace('rules.yaml', 'other.yaml') })
  await writeFile(path.join(cwd, 'other.yaml'), 'version: 1\ndefault: drop\nrules: []\n')
  const run = await tune(`${single} --write weir.yaml`, cwd)
  assert.equal(run.code, 0, run.stderr)
  assert.match(run.stderr, /the rules of the pipeline edge are others than rules\.yaml/)
})

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  // prettier-ignore
  test(`${signal} ends the measuring, tells what is known, changes no file, and exits with ${code}`, { skip: withoutLinux }, async (t) => {
    const cwd = await prepare(t, { in: lines, 'weir.yaml': settings })
    const args = ['tune', '--rules', 'rules.yaml', '--sample', 'in', '--exhaustive', '--write', 'weir.yaml', '--json']
    const child = startWeir(args, cwd)
    const ended = finished(child)
    await untilMeasuring(child.pid!)
    child.kill(signal)
    const run = await ended
    assert.equal(run.code, code, run.stderr)
    const answer = JSON.parse(run.stdout.toString()) as Answer
    assert.deepEqual([answer.isInterrupted, answer.sample.records], [true, 20_000])
    assert.match(run.stderr, /weir\.yaml was not changed/)
    assert.equal(await readFile(path.join(cwd, 'weir.yaml'), 'utf8'), settings)
  })
}

/** Waits until the process has the file that its workers read: from then on it measures. */
async function untilMeasuring(pid: number): Promise<void> {
  for (;;) {
    const descriptors = await readdir(`/proc/${pid}/fd`)
    const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))
    if (targets.some((target) => target.includes('weir-tune-'))) return
  }
}

// Rules and settings that a command line names and that are no files: pipes in which nobody writes, process substitution,
// devices.

import assert from 'node:assert/strict'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { finished, shell, startWeir, weir } from '../running.js'
import { lines, prepare } from './sample.js'

/** Opens a named pipe for writing when somebody has it open for reading. */
async function openForReader(pipe: string): Promise<number> {
  for (;;) {
    try {
      return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

async function withPipe(t: TestContext): Promise<{ cwd: string; pipe: string }> {
  const cwd = await prepare(t, { in: lines.all })
  assert.equal((await shell('mkfifo pipe', cwd)).code, 0)
  return { cwd, pipe: path.join(cwd, 'pipe') }
}

const commands = [
  'filter --rules pipe in',
  'tune --rules pipe --sample in',
  'rules check pipe',
  'rules import pipe',
  'serve --config pipe',
  'serve --original pipe',
  'config check --config pipe',
  'config show --config pipe',
  'tune --rules rules.yaml --sample pipe',
]

for (const command of commands) {
  test(`a signal ends \`weir ${command}\` while nobody writes into the pipe`, { timeout: 60_000 }, async (t) => {
    const { cwd, pipe } = await withPipe(t)
    const child = startWeir(command.split(' '), cwd)
    t.after(() => child.kill('SIGKILL'))
    const fd = await openForReader(pipe)
    t.after(() => closeSync(fd))
    child.kill('SIGTERM')
    const { code, signal, stdout } = await finished(child)
    assert.deepEqual([code, signal, stdout.length], [143, null, 0])
  })
}

test('rules that come into a named pipe in pieces are those that hold', async (t) => {
  const { cwd, pipe } = await withPipe(t)
  const child = startWeir(['rules', 'check', 'pipe', '--json'], cwd)
  const over = finished(child)
  const fd = await openForReader(pipe)
  for (const piece of ['\ufeffversion: 1\ndefault: ke', 'ep\nru', 'les: []\n']) writeSync(fd, piece)
  closeSync(fd)
  const { code, stdout } = await over
  const answer = JSON.parse(stdout.toString()) as { ok: boolean; file: string; routes: string[] }
  assert.deepEqual([code, answer.ok, answer.file, answer.routes], [0, true, 'pipe', ['keep', 'drop']])
})

test('process substitution serves for rules and for settings in every command', async (t) => {
  const cwd = await prepare(t, { in: lines.all })
  const settings =
    'pipelines: { edge: { source: { stdin: {} }, rules: rules.yaml, routes: { keep: { discard: {} }, slow: { discard: {} } } } }'
  await writeFile(path.join(cwd, 'weir.yaml'), settings)
  const filters = '{"filters":[{"fieldName":"status","regex":"5..","include":true}]}'
  for (const [line, expected] of [
    ['weir filter --rules <(cat rules.yaml) --route slow=/dev/null in', lines.kept],
    ['weir rules check <(cat rules.yaml)', /: ok\n/],
    [`weir rules import <(echo '${filters}')`, /^version: 1$/m],
    [`weir config show --config <(sed "s:rules.yaml:$PWD/rules.yaml:" weir.yaml)`, /^ {2}edge:$/m],
    // Read more than once: to compile it, to measure it, and to calibrate by it.
    ['weir tune --rules <(cat rules.yaml) --sample in --only settings --threads 1 --within 1ms', /^Recommended: /m],
  ] as const) {
    const run = await shell(line, cwd)
    assert.equal(run.code, 0, `${line}: ${run.stderr}`)
    if (typeof expected === 'string') assert.equal(run.stdout.toString(), expected)
    else assert.match(run.stdout.toString(), expected)
  }
})

test('what is no file and no pipe, or holds no text, is refused with its name', async (t) => {
  const cwd = await prepare(t, { in: lines.all })
  await mkdir(path.join(cwd, 'folder'))
  for (const [line, message] of [
    ['weir filter --rules /dev/zero in', /Cannot read \/dev\/zero: it is a device; name a file or a pipe\./],
    ['weir config check --config /dev/zero', /Cannot read \/dev\/zero: it is a device; name a file or a pipe\./],
    ['weir config check --config folder', /Cannot read folder: .*EISDIR/],
    ['weir config check --config none', /Cannot read none: .*ENOENT/],
    ["weir rules check <(printf 'version: \\xff')", /Cannot read \/dev\/fd\/\d+: it is not UTF-8\./],
    ['weir filter --rules <(head -c 17000000 /dev/zero) in', /Cannot read .*: it is larger than 16777216 bytes\./],
    ['weir rules check <(echo rulez: 1)', /^\/dev\/fd\/\d+:1:1: rulez: /m],
  ] as const) {
    const run = await shell(line, cwd)
    assert.equal(run.code, 2, `${line}: ${run.stderr}`)
    assert.match(run.stderr, message)
  }
  const { code, stdout } = await weir(['rules', 'check', '/dev/zero', '--json'], { cwd })
  const answer = JSON.parse(stdout.toString()) as { ok: boolean; code: string }
  assert.deepEqual([code, answer.ok, answer.code], [2, false, 'ERR_CONFIG_UNREADABLE'])
})

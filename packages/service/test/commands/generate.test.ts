// `weir generate` as its users run it: outputs, wrong options, signals. The records are tested in ../generators.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { endingSignals, finished, folder, names, shell, startWeir, weir } from '../running.js'

test('records go to standard output, or to a file that is complete when it appears', async (t) => {
  const directory = await folder(t)
  const file = path.join(directory, 'sample.ndjson')
  const toStdout = await weir(['generate', 'ds2', '--records', '300', '--seed', '9'])
  const toFile = await weir(['generate', 'ds2', '--records', '300', '--seed', '9', '-o', file])
  assert.equal(toStdout.code, 0)
  assert.equal(toStdout.stderr, '')
  assert.equal(toStdout.stdout.toString().split('\n').length, 301)
  assert.equal(toFile.code, 0)
  assert.equal(toFile.stdout.length, 0)
  assert.ok((await readFile(file)).equals(toStdout.stdout))
  assert.deepEqual(await names(directory), ['sample.ndjson'])
})

test('a wrong or missing option is explained, and the exit code is 2', async () => {
  for (const [args, message] of [
    [['ds2'], /required option '--records <n>' not specified/],
    [['ds2', '--records', '1.5'], /Give a whole number from 0/],
    [['ds2', '--records', '5', '--errors', '2'], /Give a number from 0 to 1/],
    [['ds2', '--records', '5', '--sed', '2'], /Did you mean --seed/],
    [['ds2', '--records', '5', '--seed', '1', '--seed', '2'], /'--seed <n>' is given twice/],
    [['ds2', '--records', '5', '-o', ''], /Give the name of a file/],
    [['ds3'], /unknown command 'ds3'/],
  ] as const) {
    const run = await weir(['generate', ...args])
    assert.equal(run.code, 2, args.join(' '))
    assert.match(run.stderr, message)
    assert.equal(run.stdout.length, 0)
  }
})

test('an output that cannot be written is a fault with its reason', async (t) => {
  const directory = await folder(t)
  for (const [output, message] of [
    ['/dev/full', /Cannot write \/dev\/full: no space left on device \(ENOSPC\)/],
    [directory, /it is a directory/],
    [path.join(directory, 'missing', 'x'), /Cannot create .*no such file or directory \(ENOENT\)/],
  ] as const) {
    const run = await weir(['generate', 'ds2', '--records', '500', '-o', output])
    assert.equal(run.code, 1)
    assert.match(run.stderr, message)
    assert.doesNotMatch(run.stderr, /\n\s+at /)
  }
  assert.deepEqual(await names(directory), [])
})

test('a reader that has seen enough ends the command quietly', async (t) => {
  const run = await shell('weir generate ds2 --records 100000 | head -n 1; echo ${PIPESTATUS[0]}', await folder(t))
  assert.equal(run.stderr, '')
  assert.match(run.stdout.toString(), /^\{"version":1,.*\}\n0\n$/)
})

for (const [signal, code] of endingSignals) {
  // prettier-ignore
  test(`${signal} removes the unfinished file, leaves the old one, and exits with ${code}`, async (t) => {
    const directory = await folder(t)
    const file = path.join(directory, 'out.ndjson')
    await weir(['generate', 'ds2', '--records', '1', '-o', file])
    const before = await readFile(file)
    const child = startWeir(['generate', 'ds2', '--records', '100000000', '-o', file])
    while ((await names(directory)).length < 2) await new Promise((resolve) => setImmediate(resolve))
    child.kill(signal)
    assert.equal((await finished(child)).code, code)
    assert.deepEqual(await names(directory), ['out.ndjson'])
    assert.ok((await readFile(file)).equals(before))
  })
}

test('a signal ends the command also while its reader takes nothing', async () => {
  const child = startWeir(['generate', 'ds2', '--records', '100000000'])
  await once(child.stdout, 'readable')
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number]
  assert.equal(code, 143)
  child.stdout.destroy()
})

test('a file that is replaced keeps its mode', async (t) => {
  const directory = await folder(t)
  const file = path.join(directory, 'out')
  await shell('umask 022; echo old > out; chmod 640 out; weir generate ds2 --records 1 -o out', directory)
  assert.equal((await stat(file)).mode & 0o777, 0o640)
  assert.match(await readFile(file, 'utf8'), /^\{"version"/)
})

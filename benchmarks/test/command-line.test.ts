// Commands: what is taken of them, and that a failing one says why.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { allowedProcessors } from '#src/calibration.js'
import type { Prepared, Task } from '#src/contender.js'
import { canMeasureMemory, pinTo, prepareCommand, quote, versionOf } from '#src/contenders/command-line.js'
import { endLaunched } from '#src/contenders/launcher.js'
import { skipWithout } from './required.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-command-'))
after(() => rmSync(folder, { recursive: true }))

const prepare = (script: string, successes: readonly number[] = [0]): Prepared =>
  prepareCommand('c', { script, successes, threads: 1 }, { folder } as Task)

test('a command is answered by its lines and the digest of its output', async () => {
  const prepared = prepare("printf 'a\\nb\\n'")
  const run = await prepared.run()
  const sha256 = createHash('sha256').update('a\nb\n').digest('hex')
  assert.deepEqual(await run.answer(), { kept: 2, sha256 })
  await prepared.close()
  assert.equal(existsSync(join(folder, 'c.out')), false)
})

test('what commands keep for their next start lies in the folder of the run, and is not turned off from outside', async () => {
  process.env['NODE_DISABLE_COMPILE_CACHE'] = '1'
  await endLaunched()
  try {
    const kept = join(folder, 'kept-by-commands')
    const run = await prepare('test -z "$NODE_DISABLE_COMPILE_CACHE" && printf "%s\\n" "$XDG_CACHE_HOME"').run()
    const sha256 = createHash('sha256').update(`${kept}\n`).digest('hex')
    assert.deepEqual(await run.answer(), { kept: 1, sha256 })
    assert.equal(statSync(kept).mode & 0o077, 0)
  } finally {
    delete process.env['NODE_DISABLE_COMPILE_CACHE']
    await endLaunched()
  }
})

const noPin = skipWithout('linux', pinTo(1).length > 0, 'install Debian package util-linux')

test(
  'a command runs on as many processors as it has threads, and the result file says so',
  { skip: noPin },
  async () => {
    const prepared = prepare('grep Cpus_allowed_list /proc/self/status')
    const sha256 = createHash('sha256').update(`Cpus_allowed_list:\t${allowedProcessors()[0]}\n`).digest('hex')
    assert.equal((await (await prepared.run()).answer()).sha256, sha256)
    assert.match(prepared.how, /^taskset -c \d+ grep/)
  },
)

test('words are quoted as a shell needs it', async () => {
  const words = ['plain', 'a b', `it's`, '"$HOME"', '*']
  const run = await prepare(`printf '%s\\n' ${words.map(quote).join(' ')}`).run()
  const sha256 = createHash('sha256')
    .update(words.join('\n') + '\n')
    .digest('hex')
  assert.equal((await run.answer()).sha256, sha256)
})

test('a failing command is an error with what it said; listed exit codes are none', async () => {
  await assert.rejects(prepare('echo no such thing >&2; exit 3').run(), /ended with 3: no such thing/)
  await prepare('exit 1', [0, 1]).run()
})

const noTime = skipWithout('time', canMeasureMemory(), 'install Debian package time')

test('peak memory and processor time are those of the measured program', { skip: noTime }, async () => {
  const script = `$TIME ${quote(process.execPath)} -e ${quote('Buffer.alloc(100e6, 1)')} | cat`
  const prepared = prepare(script)
  const { peakBytes = 0, cpuSeconds = -1 } = await prepared.run()
  assert.ok(peakBytes > 100e6 && peakBytes < 400e6, `${peakBytes} bytes`)
  assert.ok(cpuSeconds >= 0)
  assert.doesNotMatch(prepared.how, /TIME/)
})

test('a program that is not there has no version', () => {
  assert.equal(versionOf('no-such-program-of-weir'), undefined)
  assert.match(versionOf(process.execPath) ?? '', /^v\d+/)
})

test('the processors that may be used are read from ranges and single numbers', () => {
  assert.deepEqual(allowedProcessors('Name:\tx\nCpus_allowed_list:\t0-2,5\n'), [0, 1, 2, 5])
  assert.deepEqual(allowedProcessors('nothing'), [])
})

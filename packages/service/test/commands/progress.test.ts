// The progress bar on a stream that says it is a terminal, and what it is told beforehand.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'

import { formatBytes, startProgress, storedBytes } from '#src/commands/progress.js'
import { Interrupts } from '#src/interrupts.js'
import { folder } from '../running.js'

/** A stream that stands for a terminal, and what was drawn on it. */
function fakeTerminal(): { stream: NodeJS.WriteStream; drawn: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 100, rows: 20 })
  return { stream: stream as unknown as NodeJS.WriteStream, drawn: () => String(stream.read() ?? '') }
}

test('the bar shows how much is done, and clears its line', () => {
  const { stream, drawn } = fakeTerminal()
  const progress = startProgress(2_000_000, stream, new Interrupts())
  assert.match(drawn(), / 0 % {2}0 B of 2\.00 MB/)
  progress.update(1_000_000)
  progress.stop()
  progress.stop()
  progress.update(1_500_000)
  const rest = drawn()
  assert.match(rest, / 50 % {2}1\.00 MB of 2\.00 MB/)
  assert.doesNotMatch(rest, /1\.50 MB/)
  // The last thing drawn erases the line (and the cursor is shown again).
  assert.ok(rest.endsWith('\u001b[2K') && rest.includes('\u001b[?25h'))
})

test('an interrupt clears the bar', () => {
  const { stream, drawn } = fakeTerminal()
  const interrupts = new Interrupts()
  startProgress(0, stream, interrupts)
  assert.match(drawn(), /0 B/)
  interrupts.run()
  assert.ok(drawn().includes('\u001b[?25h'))
})

test('the total is known for files, and unknown as soon as something else is read', async (t) => {
  const directory = await folder(t)
  const file = path.join(directory, 'a')
  await writeFile(file, 'x'.repeat(1000))
  assert.equal(storedBytes([file, path.join(directory, 'missing'), file], '-'), 2000)
  assert.equal(storedBytes([file, '/dev/null'], '-'), 0)
})

test('bytes are written as people read them', () => {
  const texts = [0, 999, 1000, 254_000_000, 1_268_692_515].map(formatBytes)
  assert.deepEqual(texts, ['0 B', '999 B', '1.00 kB', '254 MB', '1.27 GB'])
})

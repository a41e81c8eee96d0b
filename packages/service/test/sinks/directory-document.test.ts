// Holds docs/directory.md to what is written: its examples are made here, byte for byte.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { journalName } from '#src/sinks/directory-journal.js'
import { headBytes } from '#src/ports/dead-letters.js'
import { deadLettersInto, defaultBytesPerSecond, partBytes } from '#src/sinks/dead-letter.js'
import { openFollowSource } from '#src/sources/follow.js'
import { HeldTime } from '../held-time.js'
import { folder } from '../running.js'
import { contentOf, openFolder } from './folders.js'

const document = await readFile(new URL('../../../../docs/directory.md', import.meta.url), 'utf8')
const examples = [...document.matchAll(/```ndjson\n([^]*?)```/g)].map((match) => match[1] ?? '')

test('the journal of the example is what the sink writes', async (t) => {
  const directory = await folder(t)
  const time = new HeldTime()
  const sink = await openFolder(directory, { ...time })
  await sink.write([Buffer.from('{"n":1}\n')], '4b5f1c')
  await sink.flush()
  time.now += 1000
  await sink.write([Buffer.from('{"n":2}\n')], '9d0e2a')
  await sink.finish()
  assert.equal(examples[0], await readFile(path.join(directory, journalName), 'utf8'))
})

test('the dead letter of the example is what is written, and the numbers are those of the code', async (t) => {
  const directory = await folder(t)
  const { clock } = new HeldTime()
  const letters = deadLettersInto(await openFolder(directory), { clock, maxRecordBytes: 1 << 20 })
  await letters.write([
    {
      reason: 'malformed',
      malformedByReason: { syntax: 2 },
      records: 2,
      bytes: [Buffer.from('{"n":1\n{"n":2}}\n')],
      source: 'http',
      version: '4b5f1c',
    },
  ])
  await letters.finish()
  assert.equal(examples[1], (await contentOf(directory)).toString())
  assert.deepEqual([headBytes, partBytes, defaultBytesPerSecond], [4 << 10, 1 << 20, 64 << 20])
  for (const words of ['at most 1 MiB of records', 'the first 4 KiB', 'At most 64 MiB of lines']) {
    assert.ok(document.replaceAll('\n', ' ').includes(words), words)
  }
})

test('the state file has the keys of the example', async (t) => {
  const directory = await folder(t)
  const [log, stateFile] = [path.join(directory, 'log'), path.join(directory, 'state')]
  await writeFile(log, '{}\n')
  const { startTimer } = new HeldTime()
  const source = await openFollowSource({ path: log, from: 'start', follow: false, stateFile, pollMs: 1, startTimer })
  for await (const value of source.values()) if (value.kind === 'bytes') await source.commit(value.position)
  await source.close()
  const shape = (text: string) => {
    const { head, ...state } = JSON.parse(text) as Record<string, unknown>
    return {
      keys: [...Object.keys(state), ...Object.keys(head as object)],
      state: state['state'],
      format: state['format'],
    }
  }
  assert.deepEqual(shape(await readFile(stateFile, 'utf8')), shape(examples[2] ?? ''))
})

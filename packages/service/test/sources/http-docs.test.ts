// Holds docs/ingest.md to the http source: its tables of codes and limits, and its examples with curl, which are run.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { httpLimitTable, httpLimits } from '#src/http-limits.js'
import type { LimitRow } from '#src/http-limits.js'
import { httpResponses } from '#src/sources/http-responses.js'
import { skipWithoutCommand } from '../required.js'
import { folder, shell } from '../running.js'
import { openSource, read } from './http-client.js'

const document = readFileSync(new URL('../../../../docs/ingest.md', import.meta.url), 'utf8')

/** Rows of the table whose head begins with this word, below the rule. */
function rowsOf(head: string): string[][] {
  const lines = document.split('\n')
  const start = lines.findIndex((line) => line.startsWith(`| ${head} `)) + 2
  const rest = lines.slice(start)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  return rest.slice(0, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

test('the table of codes is the one of the source', () => {
  const table = Object.entries(httpResponses).map(([code, { status, message }]) => [
    `\`${code}\``,
    `${status}`,
    message,
  ])
  assert.deepEqual(rowsOf('Code'), table)
})

function spelled(name: string, value: number): string {
  if (name.endsWith('Bytes')) return value % (1 << 20) === 0 ? `${value >> 20} MiB` : `${value >> 10} KiB`
  if (name.endsWith('Ms')) return `${value / 1000} s`
  return name.endsWith('Seconds') ? `${value} s` : value.toLocaleString('en-US')
}

test('the table of limits is the one of the source', () => {
  const table = Object.entries<LimitRow>(httpLimitTable).map(([name, { setting, value, meaning }]) => [
    setting === undefined ? '–' : `\`${setting}\``,
    spelled(name, value),
    meaning,
  ])
  assert.deepEqual(rowsOf('Setting'), table)
  assert.deepEqual(httpLimits({ deadlineMs: 1 }), { ...httpLimits(), deadlineMs: 1 })
})

test(
  'the examples with curl are taken, each in its own shape',
  { skip: skipWithoutCommand('curl', 'apt-get install curl') },
  async (t) => {
    const { source, outcomes } = await openSource(t)
    const reading = read(source)
    const directory = await folder(t)
    const records = '{"a":1}\n{"a":2}\n'
    await writeFile(path.join(directory, 'access.ndjson'), records)
    await writeFile(path.join(directory, 'access.ndjson.gz'), gzipSync(records))
    const block = /```sh\n([^]*?)```/.exec(document)?.[1] ?? ''
    const script = block.replaceAll('127.0.0.1:9880', `127.0.0.1:${source.address.port}`)
    const { code, stderr } = await shell(`set -e\n${script}`, directory)
    assert.equal(code, 0, stderr)
    const expected = [
      '{"statusCode":"503"}\n',
      records,
      records,
      records,
      '{"statusCode":"200"}\n{"statusCode":"404"}\n',
      '{  "statusCode": "500"}\n',
      '{"n":1}\n{"n":2}\n',
    ]
    assert.deepEqual(reading.bodies, expected)
    assert.ok(outcomes.every(({ status }) => status === 200))
  },
)

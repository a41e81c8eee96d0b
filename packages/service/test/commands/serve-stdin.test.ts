// `weir serve` from standard input: the shapes that it takes, what becomes of malformed records, and how it is ended.

import assert from 'node:assert/strict'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'

import { folder, shell, weir } from '../running.js'
import type { Finished } from '../running.js'
import { pipelineText, serve, settingsText } from './serving.js'

const kept = '{ keep: { stdout: {} } }'
const noAdmin = 'admin: { listen: none }\n'
const deadLetter = 'deadLetter: { directory: { path: dead } }'

/** Writes settings with standard input as their source into a new folder. */
async function settled(t: TestContext, source = 'stdin: {}', more = ''): Promise<string> {
  const directory = await folder(t)
  const text = settingsText([pipelineText('one', source, kept, more)], noAdmin)
  await writeFile(path.join(directory, 'weir.yaml'), text)
  return directory
}

async function served(t: TestContext, stdin: string | Uint8Array, source?: string, more?: string): Promise<Finished> {
  const cwd = await settled(t, source, more)
  return weir(['serve', '--config', 'weir.yaml'], { stdin, cwd })
}

/** The last line that tells of records that were not kept: how many. */
function unkept({ stderr }: Finished): number | undefined {
  const line = stderr.split('\n').find((each) => each.includes('Malformed records were not kept'))
  return line === undefined ? undefined : (JSON.parse(line) as { records: number }).records
}

test('arrays and objects over several lines are known by their first bytes, envelopes by name', async (t) => {
  const envelope = `${JSON.stringify({ message: '{"n":1}\n{"n":2}\n' })}\n`
  for (const [input, source, expected] of [
    ['[{"n":1},\n{"n":2}]', undefined, '{"n":1}\n{"n":2}\n'],
    ['{\n  "n": 1\n}\n{\n  "n": 2\n}\n', undefined, '{  "n": 1}\n{  "n": 2}\n'],
    [gzipSync('[{"n":1}]'), undefined, '{"n":1}\n'],
    [envelope, undefined, envelope],
    [envelope, 'stdin: { format: fluentd }', '{"n":1}\n{"n":2}\n'],
  ] as const) {
    const run = await served(t, input, source)
    assert.deepEqual([run.code, run.stdout.toString(), unkept(run)], [0, expected, undefined])
  }
})

test('an array that breaks off is a fault, whose cure is a setting', async (t) => {
  const { code, stdout, stderr } = await served(t, '[{"n":1},{"n":2}x')
  assert.deepEqual([code, stdout.toString()], [1, '{"n":1}\n{"n":2}\n'])
  assert.match(stderr, /If it is none, name its format: `source: \{ stdin: \{ format: ndjson \} \}`\./)
})

test('malformed records without dead letters are told by their number, once, at the end', async (t) => {
  const input = '{"n":1}\nbad\n{"n":2}\nbad\n[3]\n'
  const without = await served(t, input)
  assert.deepEqual([without.code, without.stdout.toString(), unkept(without)], [0, '{"n":1}\n{"n":2}\n', 3])
  assert.equal(unkept(await served(t, input, 'stdin: {}', 'deadLetter: { discard: {} }')), undefined)
  // From an open file too, which workers could read themselves.
  const cwd = await settled(t, 'stdin: {}', deadLetter)
  await writeFile(path.join(cwd, 'in'), input)
  const kept = await shell('weir serve --config weir.yaml < in', cwd)
  assert.deepEqual([kept.code, unkept(kept)], [0, undefined])
  const [name] = (await readdir(path.join(cwd, 'dead'))).filter((each) => each.endsWith('.ndjson'))
  const letter = JSON.parse(await readFile(path.join(cwd, 'dead', name!), 'utf8')) as { records: number }
  assert.equal(letter.records, 3)
})

for (const [how, first] of [
  ['plain', Buffer.from('{"n":1}\n{"n":2}\n')],
  ['gzip', gzipSync('{"n":1}\n{"n":2}\n'.repeat(40_000))],
  ['an array', Buffer.from('[{"n":1},{"n":2},')],
] as const) {
  test(`SIGTERM while more may come delivers what was read, ${how}, and ends in order`, async (t) => {
    const serving = await serve(t, settingsText([pipelineText('one', 'stdin: {}', kept)], noAdmin))
    await serving.source()
    const delivered = new Promise((resolve) => serving.child.stdout.once('data', resolve))
    // Without the end of what is compressed, which comes when nobody reads any more.
    serving.child.stdin.write(how === 'gzip' ? first.subarray(0, first.length - 8) : first)
    await delivered
    const { code, stdout } = await serving.stop()
    assert.equal(code, 0)
    const expected = '{"n":1}\n{"n":2}\n'
    assert.equal(stdout.toString().slice(0, expected.length), expected)
    assert.ok(serving.log.some(({ status }) => status === 'ended'))
    assert.ok(!serving.log.some(({ status }) => status === 'failed'))
  })
}

test('SIGTERM hides no damage in what was read', async (t) => {
  const serving = await serve(t, settingsText([pipelineText('one', 'stdin: {}', kept)], noAdmin))
  await serving.source()
  const delivered = new Promise((resolve) => serving.child.stdout.once('data', resolve))
  serving.child.stdin.write(Buffer.concat([gzipSync('{"n":1}\n'.repeat(100_000)), Buffer.from('damage')]))
  await delivered
  const { code } = await serving.stop()
  assert.equal(code, 1)
  const failed = await serving.logged('The pipeline has another state.', ({ status }) => status === 'failed')
  assert.match(String(failed['reason']), /gzip input standard input is damaged/)
})

test('SIGTERM before anything came ends in order', async (t) => {
  const serving = await serve(t, settingsText([pipelineText('one', 'stdin: {}', kept)], noAdmin))
  await serving.source()
  assert.equal((await serving.stop()).code, 0)
})

test(
  'a standard input that is closed is an error, and an empty one is none',
  { skip: process.platform === 'linux' ? false : 'only Linux tells a closed input from an empty one' },
  async (t) => {
    const cwd = await settled(t)
    const closed = await shell('weir serve --config weir.yaml <&-', cwd)
    assert.equal(closed.code, 1)
    assert.match(closed.stderr, /Cannot read standard input: it is closed\./)
    assert.equal((await shell('weir serve --config weir.yaml < /dev/null', cwd)).code, 0)
  },
)

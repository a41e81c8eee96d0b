// Which archives a command of `weir archive` is about, as options and settings have it: found out before any store or broker is
// asked.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { folder, weir } from '../running.js'

const s3 = (bucket: string) => `routes: { keep: { s3: { bucket: ${bucket}, endpoint: 'http://127.0.0.1:1' } } }`
const archive = (name: string) => `  ${name}: { source: { kafka: { topic: ${name}, group: ${name} } }, ${s3(name)} }\n`
const direct = `  edge: { source: { stdin: {} }, ${s3('edge')} }\n`

/** Runs `weir archive` where these are the pipelines, and nothing listens. */
async function refused(t: TestContext, pipelines: string, ...args: readonly string[]): Promise<string> {
  const cwd = await folder(t)
  const settings = `kafka: { brokers: ['127.0.0.1:1'] }\npipelines:\n${pipelines}`
  await writeFile(path.join(cwd, 'weir.yaml'), settings)
  const { code, stdout, stderr } = await weir(['archive', ...args, '--config', 'weir.yaml'], { cwd })
  assert.deepEqual([code, stdout.toString()], [2, ''], stderr)
  return stderr.trim()
}

const resume = ['resume', '--partition', '0', '--reason', 'incident 12']

test('an offset is set in one archive: where there are several, one has to be named', async (t) => {
  const told = await refused(t, archive('web') + direct + archive('audit'), ...resume)
  assert.equal(told, 'weir: --pipeline: name one of web, audit.')
})

test('what is no archive is told, with those that there are', async (t) => {
  const other = ['--pipeline', 'other']
  assert.equal(await refused(t, archive('web') + direct, ...resume, ...other), 'weir: --pipeline: other is no archive; there are web.') // prettier-ignore
  assert.equal(await refused(t, archive('web') + direct, 'ls', ...other), 'weir: --pipeline: other is no archive; there are web, edge.') // prettier-ignore
  assert.equal(await refused(t, direct, ...resume, ...other), 'weir: --pipeline: other is no archive; no pipeline is one.') // prettier-ignore
})

test('an archive that cannot be looked at keeps nobody from the next', async (t) => {
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'keys'), '{"accessKey":"a","secretKey":"b"}')
  const settings =
    `kafka: { brokers: ['127.0.0.1:1'] }\npipelines:\n${archive('web')}${direct}${archive('audit')}`.replaceAll(
      "'http://127.0.0.1:1'",
      '$&, credentials: keys',
    )
  await writeFile(path.join(cwd, 'weir.yaml'), settings)
  const { code, stdout, stderr } = await weir(['archive', 'ls', '--config', 'weir.yaml'], { cwd })
  assert.deepEqual([code, stdout.toString()], [1, ''])
  const told = [...stderr.matchAll(/^weir: Listing all of s3:\/\/(\w+) at .* failed/gm)].map(([, bucket]) => bucket)
  assert.deepEqual(told, ['web', 'edge', 'audit'], stderr)
})

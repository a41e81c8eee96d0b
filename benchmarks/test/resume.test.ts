// Real runs that are stopped between samples, by Ctrl-C's signal and by one that nothing can handle, and resumed: what
// comes out is what one run would have left.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Journal, latestJournal } from '#src/journal.js'
import type { ResultFile } from '#src/result-file.js'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'weir-bench-resume-'))
after(() => rmSync(folder, { recursive: true }))
const cache = join(folder, 'cache')
const journals = join(cache, 'journals')
const samples = 4
const flags = ['--case', 'one-rule', '--only', 'json-parse,portable,weir-1', '--samples', String(samples)]
const sizes = ['--bytes', '100kB', '--in-process-bytes', '100kB', '--seed', '5', '--cache', cache]

/** Starts a run that is sent the signal when it is in its second round: by itself, since whoever listens may be too late. */
async function stop(signal: NodeJS.Signals): Promise<{ code: number | null; told: string }> {
  const stopping = `
    const write = process.stderr.write.bind(process.stderr)
    process.stderr.write = (text, ...rest) => {
      const isWritten = write(text, ...rest)
      if (!String(text).includes('round 2 of')) return isWritten
      process.stderr.write = write
      process.kill(process.pid, '${signal}')
      return isWritten
    }`
  const args = ['--import', `data:text/javascript,${encodeURIComponent(stopping)}`, main, ...flags, ...sizes]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, told }
}

function resume(...args: string[]): { status: number | null; stderr: string } {
  const all = [main, '--resume', '--cache', cache, '--json', join(folder, 'result.json'), ...args]
  const { status, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8' })
  return { status, stderr }
}

function checkResults(): void {
  const file = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as ResultFile
  assert.equal(file.resumed?.length, 1)
  assert.deepEqual(file.options.cases, ['one-rule'])
  const rounds = Array.from({ length: samples }, (_, round) => round)
  assert.deepEqual(
    file.results.map(({ id, status, samples }) => [id, status, samples.map(({ round }) => round)]),
    ['json-parse', 'portable', 'weir-1'].map((id) => [id, 'measured', rounds]),
  )
  assert.deepEqual(readdirSync(journals), [], 'the journal is gone with the end of the run')
}

test('a run that Ctrl-C ends says how to go on, is refused with other options, and goes on', async () => {
  const { code, told } = await stop('SIGINT')
  assert.equal(code, 130, told)
  const path = latestJournal(journals)
  assert.match(told, /stopped by SIGINT\. What was measured is kept\./)
  assert.ok(told.includes(`npm run bench -- --resume `) && told.trimEnd().endsWith(`.jsonl --cache ${cache}`), told)
  assert.ok(Journal.open(path).unit('one-rule').rounds.has(0))

  const refused = resume('--samples', '5')
  assert.equal(refused.status, 2)
  assert.match(refused.stderr, /^bench: --resume: .* is of another value of an option, .*"samples":4.*"samples":5.*\n$/)

  const { status, stderr } = resume()
  assert.equal(status, 0, stderr)
  assert.match(stderr, /going on with .*\.jsonl/)
  assert.doesNotMatch(stderr, /round 1 of/)
  checkResults()
})

test('a run that is killed goes on as well', async () => {
  const { code } = await stop('SIGKILL')
  assert.equal(code, null)
  const { status, stderr } = resume()
  assert.equal(status, 0, stderr)
  assert.doesNotMatch(stderr, /round 1 of/)
  checkResults()
})

test('where nothing was stopped there is nothing to resume', () => {
  const { status, stderr } = resume()
  assert.equal(status, 2)
  assert.match(stderr, /^bench: --resume: there is no stopped run in .*journals\.\n$/)
})

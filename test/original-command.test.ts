// The whole way of a user of the original: DataStream 2 records in FluentD's envelopes, through the command with a
// settings.json, against Jackson and java.util.regex. What single patterns and records come to is
// packages/engine/test/original-java.test.ts's, which brings the program that is asked here.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { importCompiled, root } from './checkout.ts'

type Peer = { ask: (requests: readonly object[]) => unknown[]; skip?: undefined } | { skip: string }

const { loadJavaPeer } = (await importCompiled('packages/engine/dist-test/java-peer.js')) as {
  loadJavaPeer: (moduleUrl: string) => Peer
}
const peer = loadJavaPeer(import.meta.url)
const skip = peer.skip ?? false

const folder = mkdtempSync(join(tmpdir(), 'weir-original-'))
after(() => rmSync(folder, { recursive: true }))

function weir(...args: string[]): Buffer {
  const command = join(root, 'packages/service/bin/weir.js')
  const run = spawnSync(process.execPath, [command, ...args], { cwd: folder, maxBuffer: 1 << 28 })
  assert.equal(run.status, 0, run.stderr.toString())
  return run.stdout
}

/** Lines that mean something else to the original than to a rule set; beside records of a log, as they come. */
const oddLines = [
  '{"statusCode":"200","UA":"curl","statusCode":"503"}',
  '{"statusCode":503,"UA":"Fire\\u0066ox"} and text behind it',
  '{"statusCode":5.03e2,"UA":"Chrome","reqTimeSec":1.0,"a":{"b":1}}',
  '{"statusCode":"404","UA":{"name":"Firefox","of":["x",1.50,null]}}',
  ' {"statusCode":"500","UA":null}\r',
  '{"statusCode":"500","cliIP":"10.0.0.1","b":"503"}',
  'null',
  '',
  '[{"statusCode":"503"}]',
  '{"statusCode":"503"',
]

/** Envelopes with the lines of an input, `linesEach` in each, in different ways to write them. */
function envelopesOf(lines: readonly string[], linesEach: number): string[] {
  const envelopes: string[] = []
  for (let at = 0; at < lines.length; at += linesEach) {
    const message = lines.slice(at, at + linesEach).join('\n')
    const isOdd = envelopes.length % 2 === 1
    envelopes.push(JSON.stringify(isOdd ? { tag: 'ds2', message: `${message}\n` } : { message, time: 1700000000.5 }))
  }
  return envelopes
}

const filterSets: Readonly<Record<string, readonly object[]>> = {
  'server errors of browsers': [
    { fieldName: 'statusCode', regex: '5\\d\\d', include: true },
    { fieldName: 'UA', regex: '(?i).*(chrome|firefox).*', include: true },
  ],
  'all but robots and successes': [
    { fieldName: 'UA', regex: '(?i).*(?:bot|crawl|spider).*' },
    { fieldName: 'statusCode', regex: '2\\p{Digit}{2}+', include: false },
  ],
  'slow requests of some networks': [
    { fieldName: 'cliIP', regex: '(?:\\d{1,3}+\\.){3}\\d{1,3}', include: true },
    { fieldName: 'turnAroundTimeMSec', regex: '[1-9]\\d{2,}', include: true },
    { fieldName: 'reqMethod', regex: 'HEAD|OPTIONS', include: false },
  ],
  'texts of numbers and objects, and names that lead nowhere': [
    { fieldName: 'statusCode', regex: '503|503\\.0|\\{.*\\}|[24]\\d\\d', include: true },
    { fieldName: 'a.b.c', regex: '1', include: false },
    { fieldName: 'nowhere.UA', regex: '\\{name=Firefox, of=\\[x, 1\\.5, null\\]\\}|.*[^)]', include: true },
  ],
  'no filters': [],
}

test('the command keeps of envelopes what the original keeps, byte for byte, on both kernels', { skip }, (t) => {
  assert.ok(peer.skip === undefined)
  const records = weir('generate', 'ds2', '--records', '1200', '--seed', '11', '--errors', '0.2').toString()
  const lines = records.trimEnd().split('\n')
  assert.equal(lines.length, 1200)
  const envelopes = envelopesOf([...lines.slice(0, 700), ...oddLines, ...lines.slice(700)], 97)
  writeFileSync(join(folder, 'envelopes.ndjson'), `${envelopes.join('\n')}\n`)
  const keptLines: number[] = []
  for (const [name, filters] of Object.entries(filterSets)) {
    const settings = { kafka: { brokers: ['queue:9092'] }, count: 1, workers: 2, filters }
    writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings))
    const answers = peer.ask(
      envelopes.map((envelope) => ({ filters, envelope: Buffer.from(envelope).toString('base64') })),
    ) as { kept: string }[]
    const wanted = Buffer.concat(answers.map(({ kept }) => Buffer.from(kept, 'base64')))
    for (const kernel of ['native', 'portable']) {
      const args = ['filter', '--rules', 'settings.json', '--input-format', 'fluentd', '--kernel', kernel]
      const kept = weir(...args, 'envelopes.ndjson')
      assert.ok(kept.equals(wanted), `${name}, ${kernel}: ${kept.length} bytes, and Java keeps ${wanted.length}`)
    }
    const count = wanted.toString().split('\n').length - 1
    t.diagnostic(`${name}: ${count} lines kept`)
    keptLines.push(count)
  }
  // None of the sets is so strict, or so lax, that it shows nothing.
  assert.ok(keptLines.slice(0, -1).every((count) => count > 5 && count < 1200))
  assert.equal(keptLines.at(-1), lines.length + oddLines.length)
})

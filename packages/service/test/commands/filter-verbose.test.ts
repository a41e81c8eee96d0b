// `weir filter --verbose`: what the summary says of the kernel's techniques, for people and for programs.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FieldReport, TechniqueReport } from '@weir/engine'

import { filter, prepare, readSummary } from './sample.js'

/** Of the two fields one is decoded, and only asked for where the other one lets it. */
const rules = `
version: 1
default: drop
rules:
  - id: failures
    when: { all: [{ field: '["a.b"]', matches: "5\\\\d\\\\d" }, { field: UA, decode: url, search: "chrome|firefox" }] }
    then: keep
`

const record = (status: number, agent: string): string => `{"a.b":"${status}","UA":"${agent}"}\n`
const input = `${record(200, 'x')}${record(503, 'a%20firefox')}${record(503, 'curl')}${record(404, 'x')}`.repeat(100)

test('--verbose adds techniques, fields and the size of caches to the JSON summary', async (t) => {
  const directory = await prepare(t, { in: input }, rules)
  const plain = readSummary(await filter('--json in', directory))
  const { techniques, fields, cacheBytes, ...rest } = readSummary(await filter('--json --verbose in', directory))
  assert.deepEqual(Object.keys(rest), Object.keys(plain))
  assert.deepEqual([rest['kernel'], rest['kept']], ['native', 100])
  for (const { technique, used, fellBack } of techniques as TechniqueReport[]) {
    assert.match(technique, /^[a-z]+(-[a-z]+)*$/)
    assert.ok(Number.isInteger(used) && used >= 0 && Number.isInteger(fellBack) && fellBack >= 0, technique)
  }
  const [status, agent, ...others] = fields as FieldReport[]
  assert.deepEqual(others, [])
  assert.deepEqual([status?.field, status?.decode, status?.values], ['["a.b"]', 'none', 400])
  assert.deepEqual([agent?.field, agent?.decode, agent?.values], ['UA', 'url', 200])
  const cache = (techniques as TechniqueReport[]).find(({ technique }) => technique === 'value-cache')
  assert.equal(cache?.used, status!.known + agent!.known)
  assert.ok(cache.used > 0 && typeof cacheBytes === 'number' && cacheBytes > 0)
})

test('--verbose adds the same to the summary for people', async (t) => {
  const directory = await prepare(t, { in: input }, rules)
  const { stderr, stdout } = await filter('--verbose in', directory)
  assert.equal(stdout.toString(), record(503, 'a%20firefox').repeat(100))
  assert.match(stderr, /^by technique, how often it answered$/m)
  assert.match(stderr, /^ {2}value-cache +\d+ {2}\d+ fell back$/m)
  assert.match(stderr, /^ {2}\["a\.b"\] +400 {2}400 looked up, \d+\.\d % known$/m)
  assert.match(stderr, /^ {2}UA \(decode: url\) +200 {2}/m)
  assert.match(stderr, /^value cache +[\d,]+ {2}bytes in each thread$/m)
  assert.doesNotMatch((await filter('in', directory)).stderr, /technique|looked up/)
})

test('--verbose says that the portable kernel has no techniques', async (t) => {
  const directory = await prepare(t, { in: input }, rules)
  const people = await filter('--verbose --kernel portable in', directory)
  assert.match(people.stderr, /^techniques: this kernel has none$/m)
  const summary = readSummary(await filter('--json --verbose --kernel portable in', directory))
  assert.deepEqual([summary['techniques'], summary['fields'], summary['cacheBytes']], [[], [], 0])
})

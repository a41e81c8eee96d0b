// The list of techniques against the native kernel's own, how they are set, and what kernels count of them, on inputs
// small enough that every number is known.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '#src/errors.js'
import { techniqueBits, techniques } from '#src/kernel/techniques.js'
import type { TechniqueSettings } from '#src/kernel/techniques.js'
import type { RuleSet } from '#src/rules/rule-set.js'
import { prepareKernelRun } from '#src/testing.js'
import { kernels } from '../judge.ts'
import { randomFrom } from '../engine-harness.ts'
import { allTechniques as all } from '../techniques.ts'

const skip = kernels.native.skip ?? false
/** The prefilter needs AVX2. Elsewhere than on Linux nobody says so. */
const cpuInfo = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : ''
const noVectors = /^flags\b.* avx2\b/m.test(cpuInfo) ? false : 'the processor is not known to have AVX2'

const rules: RuleSet = {
  version: 1,
  default: 'drop',
  rules: [
    { id: 'agent', when: { field: 'agent', search: 'chrome|firefox' }, then: 'keep' },
    { id: 'status', when: { field: 'status', matches: '5\\d\\d' }, then: 'keep' },
  ],
}

/** Ten records: two agents, one of which two records have and a rule keeps; two statuses, each of which four others have. */
const tenRecords = Buffer.from(
  Array.from({ length: 10 }, (_, i) => {
    const agent = i % 5 === 4 ? 'a firefox 1' : 'curl/8'
    return `${JSON.stringify({ agent, status: i % 2 === 0 ? '200' : '503' })}\n`
  }).join(''),
)

/** Values are screened where the index of their field is asked. */
const screening = { 'field-index': 'on', literals: 'on' } as const

async function reportOf(settings: TechniqueSettings, input: Uint8Array = tenRecords) {
  const run = await prepareKernelRun(rules, input, { kernel: 'native', techniques: settings })
  run.evaluate()
  const { techniques: used, fields, cacheBytes } = run.report()
  const { kept } = run.counts()
  run.release()
  const by = Object.fromEntries(used.map(({ technique, used: times, fellBack }) => [technique, [times, fellBack]]))
  return { by, fields, cacheBytes, kept }
}

test('the techniques are those of the native kernel, in its order', () => {
  const header = readFileSync(fileURLToPath(new URL('../../native/techniques.h', import.meta.url)), 'utf8')
  const body = /enum class Technique : uint32_t \{\n(.*?)\n\};/s.exec(header)![1]!
  const names = Array.from(body.matchAll(/^ {2}k(\w+),/gm), (match) =>
    match[1]!.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase(),
  )
  assert.deepEqual(names, techniques)
  assert.equal(Number(/kTechniques = (\d+);/.exec(header)![1]), techniques.length)
  const uses = /enum class Use : uint32_t \{ kAdaptive = 0, kOff = 1, kOn = 2 \};/
  assert.match(header, uses)
})

test('each technique has two bits, in the order of the list', () => {
  assert.equal(techniqueBits({}), 0)
  techniques.forEach((name, place) => {
    assert.equal(techniqueBits({ [name]: 'adaptive' }), 0)
    assert.equal(techniqueBits({ [name]: 'off' }), 4 ** place)
    assert.equal(techniqueBits({ [name]: 'on' }), 2 * 4 ** place)
  })
  assert.equal(techniqueBits(all('off')), (4 ** techniques.length - 1) / 3)
})

test('a technique that there is not, and a use of one, is refused with those there are', async () => {
  const misnamed = { magic: 'on' } as TechniqueSettings
  const misused = { literals: 'yes' } as unknown as TechniqueSettings
  const isRefusal = (error: unknown, text: RegExp): boolean => error instanceof ConfigError && text.test(error.message)
  assert.throws(
    () => techniqueBits(misnamed),
    (error) => isRefusal(error, /`magic` is no technique: give one of .*literals/),
  )
  assert.throws(
    () => techniqueBits(misused),
    (error) => isRefusal(error, /`yes` is no use of the technique `literals`: give one of adaptive, off, on/),
  )
  if (skip) return
  await assert.rejects(reportOf(misnamed), { code: 'ERR_CONFIG_INVALID' })
})

test('every technique that is forced on is counted, value by value', { skip }, async () => {
  const { by, fields, cacheBytes, kept } = await reportOf(all('on'))
  assert.equal(kept, 6)
  // Of the two values of each field the first record that has one asks, and all others know.
  const agent = { values: 10, lookedUp: 10, known: 8, screened: 2, candidates: 1 }
  // Two records are decided by their agent, so nobody asks for their status, and no literal is required of one.
  const status = { values: 8, lookedUp: 8, known: 6, screened: 0, candidates: 0 }
  assert.deepEqual(fields, [
    { field: 'agent', decode: 'none', ...agent },
    { field: 'status', decode: 'none', ...status },
  ])
  assert.deepEqual(by['value-cache'], [14, 4])
  assert.deepEqual(by['literals'], [2, 0])
  assert.ok(cacheBytes > 2 * 4096 && cacheBytes < 1 << 20, String(cacheBytes))
})

test('a technique that is off counts nothing, and the plain way answers the same', { skip }, async () => {
  const { by, fields, cacheBytes, kept } = await reportOf(all('off'))
  assert.equal(kept, 6)
  const none = { lookedUp: 0, known: 0, screened: 0, candidates: 0 }
  assert.deepEqual(fields, [
    { field: 'agent', decode: 'none', values: 10, ...none },
    { field: 'status', decode: 'none', values: 8, ...none },
  ])
  for (const name of techniques) assert.equal(by[name]![0], 0, name)
  assert.equal(cacheBytes, 0)
})

test('one technique alone is at work where the others are off', { skip }, async () => {
  const { by: cached, fields } = await reportOf({ ...all('off'), 'value-cache': 'on' })
  assert.deepEqual([cached['value-cache'], cached['literals']?.[0]], [[14, 4], 0])
  assert.deepEqual(fields[0], {
    field: 'agent',
    decode: 'none',
    values: 10,
    lookedUp: 10,
    known: 8,
    screened: 0,
    candidates: 0,
  })
  const { by: screened, fields: plain } = await reportOf({ ...all('off'), ...screening })
  assert.deepEqual([screened['value-cache']?.[0], screened['literals']], [0, [10, 0]])
  assert.deepEqual(plain[0], {
    field: 'agent',
    decode: 'none',
    values: 10,
    lookedUp: 0,
    known: 0,
    screened: 10,
    candidates: 2,
  })
})

test('a record is passed over for a value that dropped one before', { skip: skip || noVectors }, async () => {
  const rare: RuleSet = {
    version: 1,
    default: 'drop',
    rules: [{ id: 'rare', when: { field: 'status', equals: '503' }, then: 'keep' }],
  }
  const input = (...statuses: string[]): string => statuses.map((status) => `{"n":1,"status":"${status}"}\n`).join('')
  const counts = async (text: string) => {
    const settings = { ...all('off'), prefilter: 'on' } as const
    const run = await prepareKernelRun(rare, Buffer.from(text.repeat(5)), { kernel: 'native', techniques: settings })
    run.evaluate()
    const { techniques: used, fields } = run.report()
    const { kept } = run.counts()
    run.release()
    return { ...used[techniques.indexOf('prefilter')], values: fields[0]!.values, kept }
  }
  // The first record says which field decides, and the next one with the value that it drops.
  const known = { technique: 'prefilter', used: 8, fellBack: 1, values: 2, kept: 0 }
  assert.deepEqual(await counts(input('200', '200')), known)
  // Each record that is kept is decided, and so is the second that is dropped.
  assert.deepEqual(await counts(input('200', '503')), { ...known, used: 3, fellBack: 6, values: 7, kept: 5 })
})

test('a field’s predicates are asked at once, and those that an index cannot answer one by one', { skip }, async () => {
  const { by } = await reportOf({ ...all('off'), 'field-index': 'on', literals: 'on' })
  // Of ten agents two hold a literal, and the pattern is tried. Statuses have no index: nothing of their pattern fits one.
  assert.deepEqual(by['field-index'], [10, 2])
  const equal: RuleSet = {
    version: 1,
    default: 'drop',
    rules: [{ id: 'equal', when: { field: 'status', in: ['200', '404'] }, then: 'keep' }],
  }
  const run = await prepareKernelRun(equal, tenRecords, {
    kernel: 'native',
    techniques: { ...all('off'), 'field-index': 'on' },
  })
  run.evaluate()
  assert.deepEqual(run.report().techniques[techniques.indexOf('field-index')], {
    technique: 'field-index',
    used: 10,
    fellBack: 0,
  })
  run.release()
})

test('a text that is not ASCII falls back from literals to the pattern', { skip }, async () => {
  const input = Buffer.from('{"agent":"chrome"}\n{"agent":"chrömium"}\n')
  const { by, fields, kept } = await reportOf({ ...all('off'), ...screening }, input)
  assert.equal(kept, 1)
  assert.deepEqual(by['literals'], [1, 1])
  assert.deepEqual([fields[0]?.screened, fields[0]?.candidates], [1, 1])
})

test('a key is expected where it stood, and walked to where it does not', { skip }, async () => {
  const settings = { ...all('off'), 'key-order': 'on' } as const
  const line = '{"agent":"x","status":"1"}\n'
  const { by: alike } = await reportOf(settings, Buffer.from(line.repeat(20)))
  // The first record's two keys are new.
  assert.deepEqual(alike['key-order'], [38, 2])
  const swapped = '{"status":"1","agent":"x"}\n'
  const { by: other } = await reportOf(settings, Buffer.from(`${line}${swapped}`.repeat(10)))
  const [used = 0, fellBack = 0] = other['key-order'] ?? []
  assert.ok(used + fellBack === 40 && fellBack >= 20, `${used} ${fellBack}`)
})

/** What techniques counted in each of some inputs that a kernel reads one after another. */
async function phases(...inputs: readonly string[]) {
  const counted = async (text: string) => (await reportOf({ prefilter: 'off' }, Buffer.from(text))).by
  const all: Awaited<ReturnType<typeof counted>>[] = []
  for (let i = 1; i <= inputs.length; i++) all.push(await counted(inputs.slice(0, i).join('')))
  const [used, fellBack] = [0, 1].map(
    (at) => (name: string) => all.map((by, i) => by[name]![at]! - (i === 0 ? 0 : all[i - 1]![name]![at]!)),
  )
  return { used: used!, fellBack: fellBack! }
}

/** Records whose agent is told by their number, with a status that no rule keeps. */
const agents = (records: number, agentOf: (number: number) => string): string =>
  Array.from({ length: records }, (_, i) => `{"agent":"${agentOf(i)}","status":"200"}\n`).join('')

test('a cache of values that do not repeat is dropped, and is back when they do', { skip }, async () => {
  // In an order without a pattern: of two agents that come in turn, and share a place of what was missed lately, none would
  // ever be met twice in a row there.
  const random = randomFrom(8)
  const repeated = agents(40_000, () => `agent ${random(20)}`)
  const fresh = (from: number): string => agents(20_000, (i) => `agent ${from + i}`)
  const { used } = await phases(repeated, fresh(1_000_000), repeated, fresh(2_000_000), repeated)
  // All statuses are alike and known, so what is above their number is what is known of agents. Of the second and third
  // time a part is passed over, before a look-up is tried again. Hashes are drawn, and move a count by a few.
  const expected = [79_958, 20_000, 62_176, 20_000, 64_832]
  const counts = used('value-cache')
  assert.ok(
    counts.every((count, i) => Math.abs(count - expected[i]!) < 500),
    counts.join(' '),
  )
})

test(
  'keys are not expected any more where every record has another order, and again where they have one',
  { skip },
  async () => {
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`)
    const record = (first: number, step: number): string =>
      `{${keys.map((_, i) => `"${keys[(first + i * step) % 12]}":"x"`).join(',')},"agent":"a","status":"200"}\n`
    const ordered = record(0, 1).repeat(12_000)
    const mixed = Array.from({ length: 3000 }, (_, i) =>
      record((i * 7) % 12, [1, 5, 7, 11][(i * i + (i >> 3)) % 4]!),
    ).join('')
    const { used, fellBack } = await phases(ordered, mixed, ordered)
    const [first, between, last] = used('key-order')
    assert.equal(first, 14 * 12_000 - 14)
    assert.ok(between! < 14 * 3000 * 0.5, String(between))
    // A pause of 65,536 keys, and then all are where they are expected.
    assert.ok(last! > 14 * 12_000 - 75_000 && fellBack('key-order')[2]! > 20_000, `${last}`)
  },
)

test('counts go on from call to call', { skip }, async () => {
  const run = await prepareKernelRun(rules, tenRecords, { kernel: 'native', techniques: all('on') })
  run.evaluate()
  run.evaluate()
  const [agent] = run.report().fields
  assert.deepEqual([agent?.values, agent?.known, agent?.screened], [20, 18, 2])
  run.release()
  assert.throws(() => run.report(), { code: 'ERR_ENGINE_KERNEL_FAULT' })
})

test('the portable kernel reports no techniques', async () => {
  const run = await prepareKernelRun(rules, tenRecords, { kernel: 'portable' })
  run.evaluate()
  assert.deepEqual(run.report(), { techniques: [], fields: [], cacheBytes: 0 })
})

test('fields are named as in rules, one that is decoded apart from one that is not', { skip }, async () => {
  const both: RuleSet = {
    version: 1,
    default: 'drop',
    rules: [
      { id: 'a', when: { field: '["a.b"].c[0]', search: 'x' }, then: 'keep' },
      { id: 'b', when: { field: '["a.b"].c[0]', decode: 'url', search: 'x' }, then: 'keep' },
    ],
  }
  const run = await prepareKernelRun(both, Buffer.from('{"a.b":{"c":["y"]}}\n'), { kernel: 'native' })
  run.evaluate()
  assert.deepEqual(
    run.report().fields.map(({ field, decode, values }) => [field, decode, values]),
    [
      ['["a.b"].c[0]', 'none', 1],
      ['["a.b"].c[0]', 'url', 1],
    ],
  )
  run.release()
})

// Forces the paths inside a kernel that cannot be asked for: verdict arrays that fill up, batches cut anywhere, every
// set of gathered routes, hostile bytes around the input, caches that overflow, layouts learned and then broken.
// What must come out is known by construction, or from one run over the whole input.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { malformedReason, noRule, paddingBytes, slabFlag } from '#src/batch/batch.js'
import { StreamBatcher } from '#src/batch/batcher.js'
import type { SealedBatch } from '#src/batch/batcher.js'
import { batchShape, createSlab } from '#src/batch/slab.js'
import type { Evaluator, Kernel } from '#src/kernel/kernel.js'
import { compileRuleSet } from '#src/rules/compile.js'
import type { RuleSet } from '#src/rules/rule-set.js'
import { judge, settledKernels } from './judge.ts'
import { emptyAnswer, runKernel, runSlab } from './kernel-run.ts'
import type { RunAnswer } from './kernel-run.ts'

const ruleSet: RuleSet = {
  version: 1,
  missing: ['-'],
  default: 'drop',
  rules: [
    { id: 'red', when: { field: 'to', equals: 'red' }, then: { route: 'red' } },
    { id: 'green', when: { field: 'to', prefix: 'gr' }, then: { route: 'green' } },
    {
      id: 'kept',
      when: {
        any: [
          { field: 'k', gte: 5 },
          { field: 'ua', search: '(?i)chrome' },
        ],
      },
      then: 'keep',
    },
  ],
}
const ruleCount = ruleSet.rules.length
const routes = { keep: 0, drop: 1, malformed: 2, red: 3, green: 4 }

/** Lines of every fate, line end and length. */
const lines = [
  '{"k":5}\n',
  '{"to":"red","n":1}\r\n',
  '\n',
  '{"k":4}\n',
  '{"to":"green"}\n',
  'not json\n',
  ' \t\r\n',
  '{"to":"gr\\u0065y","ua":"x"}\n',
  `{"k":1,"pad":"${'p'.repeat(100)}"}\n`,
  '{"ua":"a CHROME b","k":null}\n',
  '{"k":"5","k":1}\r\r\n',
  `${'z'.repeat(150)}\n`,
  '{"k":"\u00ff"}\n',
  '{"to":"red"}\n',
  '{}\n',
  '{"k":1e400}',
]
const input = Buffer.concat(lines.map((line) => Buffer.from(line, line.includes('\u00ff') ? 'latin1' : 'utf8')))
const maxRecordBytes = 120

function load(kernel: Kernel, rules: RuleSet = ruleSet): Evaluator {
  return kernel.load(compileRuleSet(rules).program)
}

/** What an answer says, but for how many calls it took. */
function essence(answer: RunAnswer): unknown {
  return { ...answer, calls: 0 }
}

/** The same without the verdicts record by record. */
function totals(answer: RunAnswer): unknown {
  return { ...answer, calls: 0, records: [], samples: [] }
}

/** Where records begin and what becomes of them; batches differ in where an unfinished line ends. */
function verdicts(answer: RunAnswer): unknown {
  return answer.records.map(({ start, route, rule, reason }) => [start, route, rule, reason])
}

/** Every kernel, and the judge as one more. */
const all = Object.entries({ ...settledKernels, judge })

function testEach(name: string, body: (evaluator: (rules?: RuleSet) => Evaluator) => void): void {
  for (const [kernelName, loaded] of all) {
    test(`${kernelName}: ${name}`, { skip: loaded.skip ?? false }, () => {
      assert.ok(loaded.skip === undefined)
      const { kernel } = loaded
      body((rules) => load(kernel, rules))
    })
  }
}

testEach('the fates of the sample lines are as written down here', (make) => {
  const { records, counts, byRoute, byRule } = runKernel(make(), input, ruleCount, { maxRecordBytes })
  const found = records.map(({ route, rule, reason }) => [route, rule, reason])
  const { keep, drop, malformed, red, green } = routes
  assert.deepEqual(found, [
    [keep, 2, 0],
    [red, 0, 0],
    [drop, 3, 0],
    [green, 1, 0],
    [malformed, noRule, malformedReason.syntax],
    [green, 1, 0],
    [drop, 3, 0],
    [keep, 2, 0],
    [keep, 2, 0],
    [malformed, noRule, malformedReason['too-long']],
    [malformed, noRule, malformedReason.utf8],
    [red, 0, 0],
    [drop, 3, 0],
    [keep, 2, 0],
  ])
  assert.deepEqual(counts, { records: 14, kept: 8, dropped: 3, malformed: 3, lines: 15 })
  assert.deepEqual(byRoute, { [keep]: 4, [drop]: 3, [malformed]: 3, [red]: 2, [green]: 2 })
  assert.deepEqual(byRule, [2, 2, 4, 3])
})

testEach('verdict arrays that fill up change nothing but the number of calls', (make) => {
  const evaluator = make()
  const whole = runKernel(evaluator, input, ruleCount, { maxRecordBytes })
  assert.equal(whole.calls, 1)
  for (const recordCapacity of [4, 8, 12, 16]) {
    const answer = runKernel(evaluator, input, ruleCount, { maxRecordBytes, recordCapacity })
    assert.deepEqual(essence(answer), essence(whole), `capacity ${recordCapacity}`)
    assert.ok(answer.calls >= Math.ceil(14 / recordCapacity), `${answer.calls} calls for capacity ${recordCapacity}`)
  }
})

testEach('without verdict arrays the counts and the gathered bytes are the same', (make) => {
  const evaluator = make()
  const whole = runKernel(evaluator, input, ruleCount, { maxRecordBytes })
  for (const recordCapacity of [4, 64]) {
    const answer = runKernel(evaluator, input, ruleCount, { maxRecordBytes, recordCapacity, arrays: false })
    assert.deepEqual(essence(answer), essence({ ...whole, records: [] }), `capacity ${recordCapacity}`)
  }
})

testEach('each set of gathered routes yields just its routes', (make) => {
  const evaluator = make()
  const whole = runKernel(evaluator, input, ruleCount, { maxRecordBytes })
  for (let set = 0; set < 32; set++) {
    const gather = [0, 1, 2, 3, 4].filter((to) => (set >> to) % 2 === 1)
    const answer = runKernel(evaluator, input, ruleCount, { maxRecordBytes, gather })
    const gathered = Object.fromEntries(Object.entries(whole.gathered).filter(([to]) => gather.includes(Number(to))))
    assert.deepEqual(essence(answer), essence({ ...whole, gathered }), `routes ${gather.join(', ')}`)
  }
})

testEach('bytes before the start and behind the end are never looked at', (make) => {
  const evaluator = make()
  const around = [
    '"',
    '\\',
    '{"k":5}\n',
    '\n',
    '}',
    '\u00ff',
    '\u00c3',
    ',"k":5',
    '0',
    'e',
    '"]}}',
    '\r\n',
    '\\"',
    '\u0000',
  ]
  // Inputs that end in the middle of everything: what lies behind would complete them.
  const ends = [
    '{"k":5}',
    '{"k":5',
    '{"k":4',
    '{"k":"5',
    '{"ua":"chrom',
    '{"to":"gree\\',
    '{"k":5}\r',
    '{"k":tru',
    '{"k":"\\u003',
    '{"k":"é',
    '',
  ]
  for (const end of ends) {
    const bytes = Buffer.from(`{"k":5}\n${end}`)
    const expected = runKernel(evaluator, bytes, ruleCount)
    for (const piece of around) {
      const surroundings = Buffer.from(piece.repeat(paddingBytes), 'latin1').subarray(0, paddingBytes)
      const answer = runKernel(evaluator, bytes, ruleCount, { lead: surroundings, trail: surroundings })
      assert.deepEqual(essence(answer), essence(expected), JSON.stringify([end, piece]))
    }
  }
})

testEach('a too-long line cut into batches at any place counts once and keeps its bytes', (make) => {
  const evaluator = make()
  const long = Buffer.from(`{"k":5}\n${'y'.repeat(40)}\n{"to":"red"}`)
  const limit = { maxRecordBytes: 16 }
  const whole = runKernel(evaluator, long, ruleCount, limit)
  assert.deepEqual(whole.counts, { records: 3, kept: 2, dropped: 0, malformed: 1, lines: 2 })
  const lineEnd = long.lastIndexOf('\n')
  for (let first = 25; first <= lineEnd; first++) {
    for (let second = first; second <= lineEnd; second += 3) {
      const one = runKernel(evaluator, long.subarray(0, first), ruleCount, { ...limit, open: true })
      const two = runKernel(evaluator, long.subarray(first, second), ruleCount, {
        ...limit,
        open: true,
        continues: true,
      })
      const three = runKernel(evaluator, long.subarray(second), ruleCount, { ...limit, continues: true })
      assert.deepEqual([one.counts.malformed, two.counts.records, three.counts.malformed], [1, 0, 0])
      const joined = [one, two, three].map((part) => part.gathered[routes.malformed] ?? '').join('')
      assert.equal(joined, whole.gathered[routes.malformed], `cut at ${first} and ${second}`)
      assert.equal(one.counts.lines + two.counts.lines + three.counts.lines, 2)
      assert.equal(three.gathered[routes.red], '{"to":"red"}\n')
    }
  }
})

/** Feeds `bytes` to a batcher in chunks of `chunkBytes`, and evaluates each batch that it seals. */
function runStream(evaluator: Evaluator, bytes: Buffer, chunkBytes: number, batchBytes: number): RunAnswer {
  const sizes = { batchBytes, maxRecordBytes }
  const batcher = new StreamBatcher(sizes, () => createSlab(batchShape(batchBytes, maxRecordBytes)))
  const answer = emptyAnswer()
  const judgeBatch = (batch: SealedBatch | undefined): void => {
    if (batch === undefined) return
    const { slab, start, end, continues, open } = batch
    const flags = slabFlag.records | (continues ? slabFlag.continues : 0) | (open ? slabFlag.open : 0)
    slab.request({ start, end, flags, validation: 'full', maxRecordBytes, gather: Object.values(routes) })
    runSlab(answer, evaluator, slab, ruleCount, -batch.streamAt)
  }
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    const chunk = bytes.subarray(from, from + chunkBytes)
    for (let at = 0; at < chunk.length;) {
      at = batcher.add(chunk, at)
      if (batcher.isFull) judgeBatch(batcher.seal())
    }
  }
  for (let batch = batcher.seal(); batch !== undefined; batch = batcher.seal()) judgeBatch(batch)
  judgeBatch(batcher.end())
  return answer
}

testEach('reads of any size and batches of any size give the same records', (make) => {
  const evaluator = make()
  const twice = Buffer.concat([input, Buffer.from('\n'), input])
  const whole = runKernel(evaluator, twice, ruleCount, { maxRecordBytes })
  for (const chunkBytes of [1, 2, 7, 64, 4096]) {
    for (const batchBytes of [1, 16, 40, 130, 4096]) {
      const answer = runStream(evaluator, twice, chunkBytes, batchBytes)
      const where = `reads of ${chunkBytes}, batches of ${batchBytes}`
      assert.deepEqual(totals(answer), totals(whole), where)
      assert.deepEqual(verdicts(answer), verdicts(whole), where)
    }
  }
})

/** The route of `{id, n}` under the rules of the next test. */
function decide(id: string, n: number): keyof typeof routes {
  if (id.split('7').length > 2 && (id.endsWith('3') || id.endsWith('9'))) return 'keep'
  if (n >= 99_990 && n < 100_010) return 'red'
  return id.toUpperCase() === 'ID-500' ? 'green' : 'drop'
}

testEach('values that never repeat, then repeat, then never again, are judged alike', (make) => {
  const evaluator = make({
    version: 1,
    default: 'drop',
    rules: [
      {
        id: 'a',
        when: {
          all: [
            { field: 'id', search: '7.*7|^x' },
            { field: 'id', suffix: ['3', '9'] },
          ],
        },
        then: 'keep',
      },
      { id: 'b', when: { field: 'n', gte: 99_990, lt: 100_010 }, then: { route: 'red' } },
      { id: 'c', when: { field: 'id', decode: 'url', ignoreCase: true, equals: 'ID-500' }, then: { route: 'green' } },
    ],
  })
  let next = 0
  for (let batch = 0; batch < 60; batch++) {
    const texts: string[] = []
    const expected: number[] = []
    for (let i = 0; i < 2000; i++) {
      const isRepeating = batch % 20 >= 12
      const n = isRepeating ? 490 + (i % 20) : next++
      const id = `${i % 3 === 0 ? 'id' : 'ID'}-${n}`
      texts.push(`{"id":"${id}","n":${n}}\n`)
      expected.push(routes[decide(id, n)])
    }
    const answer = runKernel(evaluator, Buffer.from(texts.join('')), 3, { gather: [] })
    const wrong = answer.records.findIndex((record, i) => record.route !== expected[i])
    assert.equal(wrong, -1, `batch ${batch}: ${texts[wrong]}`)
  }
})

testEach('records that break what the ones before had in common are judged by their own bytes', (make) => {
  const evaluator = make()
  const usual = '{"time":"12:00","k":1,"ua":"curl/8","nested":{"k":9,"ua":"Chrome"},"to":"-","tail":[1,2,{"k":7}]}'
  const unusual: [string, keyof typeof routes][] = [
    ['{"time":"12:00","ua":"curl/8","k":5,"nested":{"k":9,"ua":"Chrome"},"to":"-","tail":[]}', 'keep'],
    ['{"time":"12:00","\\u006b":5,"k":1,"ua":"curl/8","nested":{},"to":"-","tail":[]}', 'keep'],
    ['{"time":"12:00","k":1,"\\u006b":5,"ua":"curl/8","nested":{},"to":"-","tail":[]}', 'drop'],
    ['{"time":"12:00","k":1,"ua":"curl\\/8 Chr\\u006fme","nested":{},"to":"-","tail":[]}', 'keep'],
    ['{"time":"\\"k\\":9,","k":1,"ua":"curl/8","nested":{},"to":"-","tail":[]}', 'drop'],
    ['{"time":"Chrome","k":1,"ua":"curl/8","nested":{},"to":"-","tail":["Chrome"]}', 'drop'],
    ['{"time":"12:00","K":5,"Ua":"Chrome","nested":{},"To":"red","tail":[]}', 'drop'],
    ['{"k":[5],"ua":{"ua":"Chrome"},"to":["red"]}', 'drop'],
    ['{"time":"12:00","k":1,"ua":"curl/8","nested":{"k":9,"ua":"Chrome"},"to":"red","tail":[]}', 'red'],
    ['{"time":"12:00","k":1,"ua":"curl/8","nested":{},"to":null,"to":"red","tail":[]}', 'drop'],
    ['{"time":"12:00","k":1,"ua":"curl/8","nested":{},"to":"g\\u0072x","tail":[]}', 'green'],
    [' { "time" : "12:00" , "k" : 1 , "ua" : "chrome" , "nested" : { } , "to" : "-" , "tail" : [ ] } ', 'keep'],
    ['{"time":"12:00","k":1,"ua":"Chrome","nested":{"k":9,"ua":"Chrome"},"to":"-","tail":[1,2,{"k":7]}]}', 'malformed'],
    ['{"time":"12:00","k":1,"ua":"Chrome","nested":{"k":9,"ua":"Chrome"},"to":"-","tail":[1,2,{"k":7}]', 'malformed'],
    ['{"time":"12:00","k":1,"ua":"Chrome","nested":{"k":9,"ua":"Chrome"}"to":"-","tail":[1,2,{"k":7}]}', 'malformed'],
    ['{"k":5}', 'keep'],
    ['{}', 'drop'],
  ]
  const texts: string[] = []
  const expected: number[] = []
  for (let round = 0; round < 3; round++) {
    for (const [text, to] of unusual) {
      texts.push(...Array<string>(200).fill(usual), text)
      expected.push(...Array<number>(200).fill(routes.drop), routes[to])
    }
  }
  const answer = runKernel(evaluator, Buffer.from(`${texts.join('\n')}\n`), ruleCount, { gather: [] })
  const wrong = answer.records.flatMap((record, i) => (record.route === expected[i] ? [] : [[texts[i], record]]))
  assert.deepEqual(wrong, [])
})

testEach('values of every length at every distance from a boundary are found', (make) => {
  const evaluator = make({
    version: 1,
    default: 'drop',
    rules: [{ id: 'end', when: { field: 'v', suffix: '"end' }, then: 'keep' }],
  })
  const texts: string[] = []
  for (let before = 0; before < 130; before++) {
    for (const length of [0, 1, 13, 31, 62, 63, 64, 65]) {
      const pad = 'p'.repeat(before)
      texts.push(
        `{"p":"${pad}","v":"${'v'.repeat(length)}\\"end"}`,
        `{"p":"${pad}\\\\","v":"${'v'.repeat(length)}\\\\"}`,
      )
    }
  }
  const answer = runKernel(evaluator, Buffer.from(texts.join('\n')), 1, { gather: [] })
  const wrong = answer.records.flatMap(({ route }, i) => (route === i % 2 ? [] : [texts[i]]))
  assert.deepEqual(wrong, [])
  assert.equal(answer.records.length, texts.length)
})

testEach('only the first sixteen malformed records are described, and all are counted', (make) => {
  const evaluator = make()
  const texts = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? '{"k":5}\n\n' : 'x\n'))
  const answer = runKernel(evaluator, Buffer.from(texts.join('')), ruleCount)
  assert.equal(answer.counts.malformed, 20)
  assert.equal(answer.malformedBy[malformedReason.syntax - 1], 20)
  const expected = Array.from({ length: 16 }, (_, i) => [11 * i + 9, 3 * i + 2, malformedReason.syntax])
  assert.deepEqual(answer.samples, expected)
})

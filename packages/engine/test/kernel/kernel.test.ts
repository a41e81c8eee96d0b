// The contract of kernels (kernel/kernel.ts) beyond verdicts: what a call adds to, and which requests are faults.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slabFlag, slabWord } from '#src/batch/batch.js'
import { batchShape, createSlab } from '#src/batch/slab.js'
import { EngineError } from '#src/errors.js'
import type { Kernel } from '#src/kernel/kernel.js'
import { compileRuleSet } from '#src/rules/compile.js'
import type { RuleSet } from '#src/rules/rule-set.js'
import { settledKernels } from '../judge.ts'

const rules: RuleSet = {
  version: 1,
  default: 'drop',
  rules: [
    { id: 'x', when: { field: 'a', equals: 'x' }, then: 'keep' },
    { id: 'y', when: { field: 'a', search: 'y' }, then: { route: 'why' } },
  ],
}
const input = Buffer.from('{"a":"x"}\n{"a":"yy"}\n{}\n{"b":1}\n')

function testEach(name: string, body: (kernel: Kernel) => void): void {
  for (const [kernelName, loaded] of Object.entries(settledKernels)) {
    test(`${kernelName}: ${name}`, { skip: loaded.skip ?? false }, () => {
      assert.ok(loaded.skip === undefined)
      body(loaded.kernel)
    })
  }
}

testEach('counts are added to what is there', (kernel) => {
  const evaluator = kernel.load(compileRuleSet(rules).program)
  const slab = createSlab(batchShape(4096, 1024))
  slab.input.set(input)
  slab.request({ start: 0, end: input.length, flags: 0, validation: 'full', maxRecordBytes: 1024, gather: [] })
  for (const times of [1, 2, 3]) {
    evaluator.evaluate(slab.bytes)
    assert.deepEqual([...slab.counts.subarray(0, 4)], [times, times, 2 * times, 0])
    assert.equal(slab.words[slabWord.records], 4)
  }
})

testEach('a request that does not fit its slab is a fault and not a verdict', (kernel) => {
  const evaluator = kernel.load(compileRuleSet(rules).program)
  const requests: [string, Partial<Record<keyof typeof slabWord, number>>][] = [
    ['another format', { format: 99 }],
    ['an input behind the end of the slab', { end: 1 << 30 }],
    ['a start behind the end', { start: 2, end: 1 }],
    ['counts for too few rules', { countCapacity: 2 }],
    ['verdict arrays behind the end', { recordCapacity: 1 << 28 }],
    ['a gather area that is too small', { gatherCapacity: 1 }],
    ['a gather area behind the end', { gatherAt: 0xffffff00 }],
  ]
  for (const [name, words] of requests) {
    const slab = createSlab(batchShape(4096, 1024))
    slab.input.set(input)
    const flags = slabFlag.records
    slab.request({ start: 0, end: input.length, flags, validation: 'full', maxRecordBytes: 1024, gather: [0] })
    for (const [word, value] of Object.entries(words)) slab.words[slabWord[word as keyof typeof slabWord]] = value
    assert.throws(
      () => evaluator.evaluate(slab.bytes),
      (error) => error instanceof EngineError && error.code === 'ERR_ENGINE_KERNEL_FAULT' && error.message.length > 20,
      name,
    )
  }
})

// The portable kernel as a kernel: how it is loaded, and the regex engine that can be put in its place. What it
// answers is in the shared cases, the differential test and paths.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineError } from '#src/errors.js'
import { createPortableKernel } from '#src/kernel/portable.js'
import { compileRuleSet } from '#src/rules/compile.js'
import type { RuleSet } from '#src/rules/rule-set.js'
import { runKernel } from '../kernel-run.ts'

const rules: RuleSet = {
  version: 1,
  default: 'drop',
  rules: [
    { id: 'whole', when: { field: 'a', matches: 'x+' }, then: 'keep' },
    { id: 'part', when: { field: 'a', search: 'y' }, then: { route: 'part' } },
  ],
}

test('the regex engine given is asked once per pattern, and for each text that a rule needs', () => {
  const asked: string[] = []
  const kernel = createPortableKernel({
    compile: (pattern, whole) => {
      asked.push(`compile ${pattern} ${whole}`)
      return (text) => {
        asked.push(`${pattern} on ${text}`)
        return text === 'yes'
      }
    },
  })
  const evaluator = kernel.load(compileRuleSet(rules).program)
  const answer = runKernel(evaluator, Buffer.from('{"a":"yes"}\n{"a":"no"}\n{"a":null}\n'), 2)
  assert.deepEqual(asked, ['compile x+ true', 'compile y false', 'x+ on yes', 'x+ on no', 'y on no'])
  assert.deepEqual(answer.byRule, [1, 0, 2])
})

test('a pattern that the regex engine refuses is a fault that names its reason', () => {
  const kernel = createPortableKernel({
    compile: () => {
      throw new SyntaxError('out of letters')
    },
  })
  const { program } = compileRuleSet(rules)
  assert.throws(
    () => kernel.load(program),
    (error) =>
      error instanceof EngineError &&
      error.code === 'ERR_ENGINE_KERNEL_FAULT' &&
      error.message.includes('out of letters'),
  )
})

test('bytes that are no program are a fault', () => {
  const { program } = compileRuleSet(rules)
  const bytes = new Uint8Array(new SharedArrayBuffer(program.bytes.length))
  assert.throws(
    () => createPortableKernel().load({ ...program, bytes }),
    (error) => error instanceof EngineError && error.code === 'ERR_ENGINE_KERNEL_FAULT',
  )
})

test('evaluators of one kernel do not share what they saw', () => {
  const kernel = createPortableKernel()
  const { program } = compileRuleSet(rules)
  const [one, two] = [kernel.load(program), kernel.load(program)]
  const kept = Buffer.from('{"a":"xx"}\n')
  assert.deepEqual(runKernel(one, kept, 2).byRule, [1, 0, 0])
  assert.deepEqual(runKernel(two, Buffer.from('{}\n'), 2).byRule, [0, 0, 1])
  assert.deepEqual(runKernel(one, Buffer.from('{}\n'), 2).byRule, [0, 0, 1])
})

// Runs fixtures/cases on every kernel: each record alone in every validation mode, then all records of a group as
// one batch, then the group's whole inputs. A new operator needs a new data file and nothing here.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { delayBoundsMs, malformedReason, noRule, validation } from '#src/batch/batch.js'
import type { Validation } from '#src/batch/batch.js'
import type { Evaluator, Kernel } from '#src/kernel/kernel.js'
import { compileRuleSet } from '#src/rules/compile.js'
import { route } from '#src/rules/program.js'
import type { Plan, Program } from '#src/rules/program.js'
import { bytesOf, readCaseFiles } from './case-files.ts'
import type { CaseGroup, InputCase, RecordCase } from './case-files.ts'
import { judge, settledKernels } from './judge.ts'
import { runKernel } from './kernel-run.ts'
import type { RecordVerdict, RunAnswer } from './kernel-run.ts'

/** Bytes behind the input that would change the answer of a kernel which reads them. */
const hostileTrail = Buffer.from('"}\n{"":"\\"]}}\n'.repeat(5)).subarray(0, 64)

function compile(group: CaseGroup): Program {
  const source = typeof group.rules === 'string' ? { text: group.rules, format: 'yaml' as const } : group.rules
  return compileRuleSet(source, group.timeField).program
}

/** Returns a record's verdict in the words of a case file. */
function describeVerdict(plan: Plan, verdict: RecordVerdict | undefined): string {
  if (verdict === undefined) return 'no record'
  const reason = Object.entries(malformedReason).find(([, number]) => number === verdict.reason)?.[0]
  const rule = verdict.rule === noRule ? 'no rule' : (plan.rules[verdict.rule]?.id ?? 'default')
  return `${plan.routes[verdict.route]} by ${rule}${reason === undefined ? '' : `, ${reason}`}`
}

/** Returns what is wrong with a verdict, or undefined. Modes other than `full` may know less about what is malformed. */
function judgeVerdict(
  plan: Plan,
  expected: RecordCase,
  verdict: RecordVerdict | undefined,
  mode: Validation,
): string | undefined {
  const isMalformed = expected.expect === 'malformed'
  if (mode === 'read' && isMalformed) return undefined
  if (mode === 'kept' && isMalformed && verdict?.route === route.drop) return undefined
  const found = describeVerdict(plan, verdict)
  const rule = isMalformed ? 'no rule' : expected.rule
  const reason = expected.reason === undefined || mode === 'kept' ? '' : `, ${expected.reason}`
  const wanted = `${expected.expect} by ${rule ?? found.split(' by ')[1]?.split(',')[0]}${reason}`
  const isRight = mode === 'kept' && isMalformed ? verdict?.route === route.malformed : found === wanted
  return isRight ? undefined : `${found} instead of ${wanted}, ${mode}`
}

function runRecords(evaluator: Evaluator, plan: Plan, group: CaseGroup): string[] {
  const wrong: string[] = []
  const note = (expected: RecordCase, fault: string | undefined, where: string): void => {
    const text = bytesOf(expected.record).toString('latin1')
    if (fault !== undefined) wrong.push(`${expected.name ?? ''} ${text.slice(0, 300)}: ${fault} (${where})`)
  }
  for (const expected of group.records) {
    for (const mode of Object.keys(validation) as Validation[]) {
      const options = { validation: mode, trail: hostileTrail }
      const { records } = runKernel(evaluator, bytesOf(expected.record), plan.rules.length, options)
      const fault = records.length > 1 ? `${records.length} records` : judgeVerdict(plan, expected, records[0], mode)
      note(expected, fault, 'alone')
    }
  }
  const together = Buffer.concat(group.records.flatMap(({ record }) => [bytesOf(record), Buffer.from('\n')]))
  const { records } = runKernel(evaluator, together, plan.rules.length, { validation: 'full' })
  if (records.length !== group.records.length) return [...wrong, `${records.length} records in one batch`]
  group.records.forEach((expected, i) => note(expected, judgeVerdict(plan, expected, records[i], 'full'), 'in a batch'))
  return wrong
}

function latin1(bytes: Buffer): string {
  return bytes.toString('latin1')
}

function runInput(evaluator: Evaluator, plan: Plan, expected: InputCase): void {
  const input = bytesOf(expected.input)
  const { maxRecordBytes, continues, open, nowMs } = expected
  const options = {
    trail: hostileTrail,
    ...(maxRecordBytes === undefined ? {} : { maxRecordBytes }),
    ...(continues === undefined ? {} : { continues }),
    ...(open === undefined ? {} : { open }),
    ...(nowMs === undefined ? {} : { nowMs }),
  }
  const answer = runKernel(evaluator, input, plan.rules.length, options)
  assert.deepEqual(
    answer.records.map(({ start, end, route: to, reason }) => ({
      range: latin1(input.subarray(start, end)),
      expect: plan.routes[to],
      reason: Object.entries(malformedReason).find(([, number]) => number === reason)?.[0],
    })),
    expected.records.map(({ range, expect, reason }) => ({ range: latin1(bytesOf(range)), expect, reason })),
    expected.name,
  )
  assert.equal(answer.counts.lines, expected.lines, `${expected.name}: lines`)
  const output = Object.entries(answer.gathered).map(([to, text]) => [plan.routes[Number(to)], text])
  const wanted = Object.entries(expected.output).map(([to, text]) => [to, latin1(bytesOf(text))])
  assert.deepEqual(Object.fromEntries(output), Object.fromEntries(wanted), `${expected.name}: output`)
  compareDelays(answer, expected)
  const kept = runKernel(evaluator, input, plan.rules.length, { ...options, validation: 'kept' })
  assert.deepEqual(kept.delays, answer.delays, `${expected.name}: delays, kept`)
}

function compareDelays({ delays }: RunAnswer, { name, delays: wanted }: InputCase): void {
  const { buckets, ...rest } = delays
  const named = buckets.map((count, i) => [delayBoundsMs[i] ?? 'more', count] as const)
  const found = Object.fromEntries(named.filter(([, count]) => count > 0))
  const none = { buckets: {}, ahead: 0, missing: 0, unreadable: 0, sumMs: 0 }
  assert.deepEqual({ ...rest, buckets: found }, { ...none, ...wanted }, `${name}: delays`)
}

function runGroup(kernel: Kernel, group: CaseGroup): void {
  const program = compile(group)
  const evaluator = kernel.load(program)
  assert.deepEqual(runRecords(evaluator, program.plan, group), [])
  for (const input of group.inputs) runInput(evaluator, program.plan, input)
}

const files = readCaseFiles()

for (const [name, loaded] of Object.entries({ ...settledKernels, judge })) {
  for (const { file, about, groups } of files) {
    describe(`${name}, ${file}: ${about}`, { skip: loaded.skip ?? false }, () => {
      for (const group of groups) {
        test(group.name, () => {
          assert.ok(loaded.skip === undefined)
          runGroup(loaded.kernel, group)
        })
      }
    })
  }
}

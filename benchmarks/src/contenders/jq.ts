// Contender: jq, one thread. The rule set is translated to a jq program that means the same on the generated records;
// jq writes records anew, which for these gives their bytes back.

import { writeFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import type { Condition, Predicate, RuleSet } from '@weir/engine'
import { expectedOf } from '../answers.ts'
import type { Contender, Task } from '../contender.ts'
import { prepareInput } from '../inputs.ts'
import { prepareCommand, quote, versionOf } from './command-line.ts'

/** jq; on the first part of the input where the case says so. */
export const jq: Contender = {
  id: 'jq',
  label: 'jq',
  model: 'command',
  threads: 1,
  open: async (task) => {
    if (versionOf('jq') === undefined) return { skipped: 'jq is not on PATH: npm run bench:peers' }
    const part = await shortened(task, task.case.jq.share)
    const program = join(task.folder, `${task.case.name}.jq`)
    writeFileSync(program, jqProgram(task.case.rules))
    const script = `$TIME jq -c -f ${quote(program)} ${quote(part.input.path)}`
    return prepareCommand('jq', { script, successes: [0], task: part }, task)
  },
}

/** The task on the first records of its input: fewer records of a seed are the first of more. */
async function shortened(task: Task, share: number): Promise<Task> {
  if (share === 1) return task
  const { description, records, seed } = task.input
  const input = prepareInput(task.folder, description, Math.max(1, Math.round(records * share)), seed)
  return { ...task, input, expected: await expectedOf(task.case, input, task.folder) }
}

/** Returns a jq program that prints the records that the rules keep. Errors: an operator that no case uses. */
export function jqProgram(rules: RuleSet): string {
  const decision = rules.rules.reduceRight(
    (rest, { when, then }) => `if ${condition(when)} then ${then === 'keep'}\nelse ${rest} end`,
    String(rules.default === 'keep'),
  )
  const text = rules.rules.map(({ when }) => JSON.stringify(when)).join()
  const fields = [...new Set(Array.from(text.matchAll(/"field":"(\w+)"/g), ([, field]) => field!))]
  // Each field is looked up once a record. A missing value becomes false, so that `and` ends at it.
  const missing = (rules.missing ?? []).map((each) => ` or . == ${JSON.stringify(each)}`).join('')
  const bindings = fields.map((field) => `(.${field} | if . == null${missing} then false else . end) as $${field}`)
  return `${addressFunction}\nselect(${bindings.join('\n| ')}\n| ${decision})\n`
}

const addressFunction =
  'def v4: split(".") | if length == 4 then map(tonumber) | ((.[0] * 256 + .[1]) * 256 + .[2]) * 256 + .[3] else -1 end;'

function condition(when: Condition): string {
  if ('all' in when) return `(${when.all.map(condition).join(' and ')})`
  if ('any' in when) return `(${when.any.map(condition).join(' or ')})`
  if ('not' in when) return `(${condition(when.not)} | not)`
  return predicate(when)
}

function predicate({ field, ...rest }: Predicate): string {
  const value = `$${field}`
  const tests = Object.entries(rest).map(([name, operand]) => test(value, name, operand))
  return `(${value} and ${tests.join(' and ')})`
}

function test(value: string, operator: string, operand: unknown): string {
  const texts = (Array.isArray(operand) ? operand : [operand]).map(String)
  const any = (make: (text: string) => string): string => `(${texts.map(make).join(' or ')})`
  switch (operator) {
    case 'matches':
      return `(${value} | test(${JSON.stringify(`^(?:${texts[0]})$`)}))`
    case 'search':
      return `(${value} | test(${JSON.stringify(texts[0]!)}))`
    case 'equals':
    case 'in':
      return any((text) => `${value} == ${JSON.stringify(text)}`)
    case 'prefix':
      return any((text) => `(${value} | startswith(${JSON.stringify(text)}))`)
    case 'suffix':
      return any((text) => `(${value} | endswith(${JSON.stringify(text)}))`)
    case 'contains':
      return any((text) => `(${value} | contains(${JSON.stringify(text)}))`)
    case 'exists':
      return operand === true ? 'true' : 'false'
    case 'gte':
      return `(${value} | tonumber) >= ${texts[0]}`
    case 'gt':
      return `(${value} | tonumber) > ${texts[0]}`
    case 'lte':
      return `(${value} | tonumber) <= ${texts[0]}`
    case 'lt':
      return `(${value} | tonumber) < ${texts[0]}`
    case 'cidr':
      return any((text) => network(value, text))
    default:
      throw new Error(`No case uses the operator ${operator}.`)
  }
}

function network(value: string, text: string): string {
  const [address = '', bits = ''] = text.split('/')
  if (isIPv6(address)) return `(${value} | startswith(${JSON.stringify(address.replace(/::$/, ':'))}))`
  const from = address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
  return `(${value} | v4 | . >= ${from} and . < ${from + 2 ** (32 - Number(bits))})`
}

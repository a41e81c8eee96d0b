// What the cases' rules mean, read plainly: JSON.parse, then every rule tried in order on every record, nothing
// compiled ahead, cached or skipped. The judge of the suite: it shares no code with the engine or with a contender, and
// refuses what it does not know. Knows the operators that cases use, on fields at the top of a record.
// Called by expect.ts and, where no committed answer fits, by main.ts.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import type { Condition, Predicate, RuleSet } from '@weir/engine'
import type { Expected } from './expected.ts'

/** Returns what must come out of a file. Errors: any line that JSON.parse refuses, any operator unknown here. */
export async function readPlainly(rules: RuleSet, path: string): Promise<Omit<Expected, 'records' | 'seed'>> {
  const byRoute = { keep: 0, drop: 0, malformed: 0 }
  const byRule = new Array<number>(rules.rules.length + 1).fill(0)
  const kept = createHash('sha256')
  for await (const line of linesOf(path)) {
    const rule = decidingRule(rules, line)
    byRule[rule]!++
    if ((rules.rules[rule]?.then ?? rules.default) === 'keep') {
      byRoute.keep++
      kept.update(line).update('\n')
    } else byRoute.drop++
  }
  return { byRoute, byRule, sha256: kept.digest('hex') }
}

/** Returns the index of the first rule that holds; the number of rules when none does. */
export function decidingRule(rules: RuleSet, line: string): number {
  const record = JSON.parse(line) as Record<string, unknown>
  const rule = rules.rules.findIndex(({ when }) => holds(when, record, rules.missing ?? []))
  return rule < 0 ? rules.rules.length : rule
}

async function* linesOf(path: string): AsyncGenerator<string, void, undefined> {
  let rest = ''
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const lines = (rest + (chunk as string)).split('\n')
    rest = lines.pop()!
    yield* lines
  }
  if (rest !== '') yield rest
}

function holds(condition: Condition, record: Record<string, unknown>, missing: readonly string[]): boolean {
  if ('all' in condition) return condition.all.every((each) => holds(each, record, missing))
  if ('any' in condition) return condition.any.some((each) => holds(each, record, missing))
  if ('not' in condition) return !holds(condition.not, record, missing)
  return predicateHolds(condition, record, missing)
}

function predicateHolds(predicate: Predicate, record: Record<string, unknown>, missing: readonly string[]): boolean {
  const { field, ignoreCase, decode, ...operators } = predicate
  if (!/^\w+$/.test(field) || ignoreCase === true)
    throw new Error(`A plain reading knows no ${JSON.stringify(predicate)}.`)
  const written = textOf(record[field])
  const isMissing = written === undefined || missing.includes(written)
  return Object.entries(operators).every(([operator, operand]) => {
    if (operator === 'exists') return operand === !isMissing
    return !isMissing && operatorHolds(operator, operand, decode === 'url' ? decodeUrl(written) : written)
  })
}

/** The text of a value; undefined for null and for none. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new Error('A plain reading reads no objects and no arrays.')
}

function operatorHolds(operator: string, operand: unknown, text: string): boolean {
  const texts = (Array.isArray(operand) ? operand : [operand]).map(String)
  switch (operator) {
    case 'matches':
      return regExp(`^(?:${plainPattern(texts[0]!)})$`, texts[0]!).test(text)
    case 'search':
      return regExp(plainPattern(texts[0]!), texts[0]!).test(text)
    case 'equals':
    case 'in':
      return texts.includes(text)
    case 'prefix':
      return texts.some((each) => text.startsWith(each))
    case 'suffix':
      return texts.some((each) => text.endsWith(each))
    case 'contains':
      return texts.some((each) => text.includes(each))
    case 'lt':
      return isNumber(text) && Number(text) < Number(operand)
    case 'lte':
      return isNumber(text) && Number(text) <= Number(operand)
    case 'gt':
      return isNumber(text) && Number(text) > Number(operand)
    case 'gte':
      return isNumber(text) && Number(text) >= Number(operand)
    case 'cidr':
      return texts.some((network) => isWithin(text, network))
    default:
      throw new Error(`A plain reading does not know the operator ${operator}.`)
  }
}

/** The pattern without the flag that may stand at its front. */
function plainPattern(pattern: string): string {
  return pattern.startsWith('(?i)') ? pattern.slice(4) : pattern
}

function regExp(source: string, written: string): RegExp {
  if (/[^\x20-\x7e]|\(\?(?!:|i\))/.test(written)) {
    throw new Error(`RE2 and V8 may differ about ${written}; cases keep to ASCII and plain groups.`)
  }
  return new RegExp(source, written.startsWith('(?i)') ? 'is' : 's')
}

function isNumber(text: string): boolean {
  return /^-?\d+(?:\.\d+)?$/.test(text)
}

function decodeUrl(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

function isWithin(text: string, network: string): boolean {
  const [address = '', bits] = network.split('/')
  const family = isIPv4(address) ? 'ipv4' : 'ipv6'
  if (family === 'ipv4' ? !isIPv4(text) : !isIPv6(text)) return false
  const list = new BlockList()
  list.addSubnet(address, Number(bits), family)
  return list.check(text, family)
}

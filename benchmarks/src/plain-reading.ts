// What the cases' rules mean, read plainly: every record read whole (plain-json.ts), then every rule tried in order on
// every record, nothing skipped and nothing remembered but patterns and networks, which are made once. The judge of the
// suite: it shares no code with the engine or with a contender, and refuses what it does not know.
// Called by expect.ts and, where no committed answer fits, by main.ts.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import type { Condition, Predicate, RuleSet } from '@weir/engine'
import type { Expected } from './expected.ts'
import { readRecord } from './plain-json.ts'
import type { PlainValue } from './plain-json.ts'

/** Returns what must come out of a file. Errors: any rule that is not known here. */
export async function readPlainly(rules: RuleSet, path: string): Promise<Omit<Expected, 'records' | 'seed'>> {
  const byRoute = { keep: 0, drop: 0, malformed: 0 }
  const byRule = new Array<number>(rules.rules.length + 1).fill(0)
  const kept = createHash('sha256')
  for await (const line of linesOf(path)) {
    const rule = decidingRule(rules, line)
    if (rule !== undefined) byRule[rule]!++
    if (rule === undefined) byRoute.malformed++
    else if ((rules.rules[rule]?.then ?? rules.default) === 'keep') {
      byRoute.keep++
      kept.update(line).update('\n')
    } else byRoute.drop++
  }
  return { byRoute, byRule, sha256: kept.digest('hex') }
}

/** Returns the index of the first rule that holds, the number of rules when none does; undefined for a malformed record. */
export function decidingRule(rules: RuleSet, line: Buffer): number | undefined {
  const record = readRecord(line)
  if (record === undefined) return undefined
  const rule = rules.rules.findIndex(({ when }) => holds(when, record, rules.missing ?? []))
  return rule < 0 ? rules.rules.length : rule
}

async function* linesOf(path: string): AsyncGenerator<Buffer, void, undefined> {
  let rest = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes = Buffer.concat([rest, chunk as Buffer])
    let start = 0
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      yield bytes.subarray(start, end)
      start = end + 1
    }
    rest = bytes.subarray(start)
  }
  if (rest.length > 0) yield rest
}

type PlainRecord = ReadonlyMap<string, PlainValue>

function holds(condition: Condition, record: PlainRecord, missing: readonly string[]): boolean {
  if ('all' in condition) return condition.all.every((each) => holds(each, record, missing))
  if ('any' in condition) return condition.any.some((each) => holds(each, record, missing))
  if ('not' in condition) return !holds(condition.not, record, missing)
  return predicateHolds(condition, record, missing)
}

function predicateHolds(predicate: Predicate, record: PlainRecord, missing: readonly string[]): boolean {
  const { field, ignoreCase = false, decode, ...operators } = predicate
  const value = valueAt(record, field)
  const isMissing = value === undefined || value === null || (typeof value === 'string' && missing.includes(value))
  return Object.entries(operators).every(([operator, operand]) => {
    if (operator === 'exists') return operand === !isMissing
    // Objects and arrays are there, and have no text.
    if (isMissing || typeof value !== 'string') return false
    return operatorHolds(operator, operand, decode === 'url' ? decodeUrl(value) : value, ignoreCase)
  })
}

/** The value at a path: `a.b`, `a[0]`. */
function valueAt(record: PlainRecord, path: string): PlainValue | undefined {
  if (!/^\w+(?:\.\w+|\[\d+\])*$/.test(path)) throw new Error(`A plain reading knows no path ${path}.`)
  let value: PlainValue | undefined = record
  for (const [, index, key] of path.matchAll(/\[(\d+)\]|(\w+)/g)) {
    if (key !== undefined) value = value instanceof Map ? (value as PlainRecord).get(key) : undefined
    else value = Array.isArray(value) ? (value as readonly PlainValue[])[Number(index)] : undefined
  }
  return value
}

function operatorHolds(operator: string, operand: unknown, text: string, ignoreCase: boolean): boolean {
  const texts = Array.isArray(operand) ? (operand as readonly unknown[]) : [operand]
  if (texts.some((each) => typeof each === 'object')) throw new Error('A plain reading knows no list files.')
  const any = (before: string, behind: string): boolean =>
    texts.some((each) => literal(before, String(each), behind, ignoreCase).test(text))
  switch (operator) {
    case 'matches':
    case 'search':
      return pattern(String(operand), operator === 'matches', ignoreCase).test(text)
    case 'equals':
    case 'in':
      return ignoreCase ? any('^', '$') : texts.some((each) => text === String(each))
    case 'prefix':
      return ignoreCase ? any('^', '') : texts.some((each) => text.startsWith(String(each)))
    case 'suffix':
      return ignoreCase ? any('', '$') : texts.some((each) => text.endsWith(String(each)))
    case 'contains':
      return ignoreCase ? any('', '') : texts.some((each) => text.includes(String(each)))
    case 'lt':
      return difference(text, operand) < 0
    case 'lte':
      return difference(text, operand) <= 0
    case 'gt':
      return difference(text, operand) > 0
    case 'gte':
      return difference(text, operand) >= 0
    case 'cidr':
      return isWithin(text, texts.map(String))
    default:
      throw new Error(`A plain reading does not know the operator ${operator}.`)
  }
}

const regExps = new Map<string, RegExp>()

function regExp(source: string, flags: string): RegExp {
  const known = regExps.get(`${flags} ${source}`) ?? new RegExp(source, flags)
  regExps.set(`${flags} ${source}`, known)
  return known
}

/** A text as a pattern: V8 ignores the case of code points as RE2 does, by simple folding. */
function literal(before: string, text: string, behind: string, ignoreCase: boolean): RegExp {
  return regExp(before + text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&') + behind, ignoreCase ? 'iu' : 'u')
}

/** A pattern of RE2's dialect as one of V8's, as far as both mean the same. */
function pattern(written: string, isWhole: boolean, ignoreCase: boolean): RegExp {
  const isCaseless = ignoreCase || written.startsWith('(?i)')
  const source = written.replace(/^\(\?i\)/, '')
  if (/[^\x20-\x7e]|\(\?(?!:)|\\[sSpPQECAzZ]/.test(source) || (isCaseless && /\\[wWbB]/.test(source))) {
    throw new Error(`RE2 and V8 may differ about ${written}; cases keep to ASCII and plain groups.`)
  }
  // RE2's dot is any code point but the line feed; V8 leaves out three more.
  const dotted = source.replace(/\\.|\[(?:\\.|[^\]\\])*\]|\./g, (token) => (token === '.' ? '[^\\n]' : token))
  return regExp(isWhole ? `^(?:${dotted})$` : dotted, isCaseless ? 'iu' : 'u')
}

/** Text minus bound, as far as its sign goes; NaN when the text is no number. */
function difference(text: string, bound: unknown): number {
  if (!/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return NaN
  const [left, right] = [text, String(bound)]
  if (!/^-?\d+$/.test(left) || !/^-?\d+$/.test(right)) return Number(left) - Number(right)
  const exact = BigInt(left) - BigInt(right)
  return exact < 0n ? -1 : exact > 0n ? 1 : 0
}

/** Escapes of two digits and plus signs decoded; other escapes stay, and bytes that are not UTF-8 become U+FFFD. */
function decodeUrl(text: string): string {
  const bytes = Buffer.from(text).toString('latin1')
  const decoded = bytes.replace(/%([0-9a-f]{2})|\+/gi, (_, hex: string | undefined) =>
    hex === undefined ? ' ' : String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(decoded, 'latin1').toString('utf8')
}

const blockLists = new Map<string, BlockList>()

function isWithin(text: string, networks: readonly string[]): boolean {
  const isOld = isIPv4(text)
  // An address with a zone is in no network.
  if (!isOld && (!isIPv6(text) || text.includes('%'))) return false
  return networks.some((network) => {
    const list = blockLists.get(network) ?? blockListOf(network)
    blockLists.set(network, list)
    return list.check(text, isOld ? 'ipv4' : 'ipv6')
  })
}

function blockListOf(network: string): BlockList {
  const [address = '', bits] = network.split('/')
  const list = new BlockList()
  const isOld = isIPv4(address)
  list.addSubnet(address, bits === undefined ? (isOld ? 32 : 128) : Number(bits), isOld ? 'ipv4' : 'ipv6')
  return list
}

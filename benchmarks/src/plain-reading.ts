// What the cases' rules mean, read plainly: every record read whole (plain-json.ts), then every rule tried in order on
// every record. A predicate is taken apart once; of one record nothing is remembered for the next. The judge of the
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
  decodedTexts.clear()
  const rule = rules.rules.findIndex(({ when }) => holds(when, record, rules.missing ?? []))
  return rule < 0 ? rules.rules.length : rule
}

/** Returns the lines of a file, without their line ends. They are parts of larger buffers. */
export async function* linesOf(path: string): AsyncGenerator<Buffer, void, undefined> {
  let rest: Buffer = Buffer.alloc(0)
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

/** A predicate, taken apart: where its value is, and what is asked of its text. */
interface Parts {
  readonly path: readonly (string | number)[]
  readonly exists: boolean | undefined
  readonly decode: boolean
  readonly tests: readonly ((text: string) => boolean)[]
}

const partsOf = new WeakMap<Predicate, Parts>()

function takeApart(predicate: Predicate): Parts {
  const { field, ignoreCase = false, decode, exists, ...operators } = predicate
  const tests = Object.entries(operators).map(([operator, operand]) => testOf(operator, operand, ignoreCase))
  const parts = { path: stepsOf(field), exists, decode: decode === 'url', tests }
  partsOf.set(predicate, parts)
  return parts
}

function predicateHolds(predicate: Predicate, record: PlainRecord, missing: readonly string[]): boolean {
  const { path, exists, decode, tests } = partsOf.get(predicate) ?? takeApart(predicate)
  const value = valueAt(record, path)
  const isMissing = value === undefined || value === null || (typeof value === 'string' && missing.includes(value))
  if (exists !== undefined && exists === isMissing) return false
  if (tests.length === 0) return true
  // Objects and arrays are there, and have no text.
  if (isMissing || typeof value !== 'string') return false
  const text = decode ? decodeUrl(value) : value
  return tests.every((test) => test(text))
}

/** The steps of a path: `a.b`, `a[0]`. */
function stepsOf(path: string): readonly (string | number)[] {
  if (!/^\w+(?:\.\w+|\[\d+\])*$/.test(path)) throw new Error(`A plain reading knows no path ${path}.`)
  return Array.from(path.matchAll(/\[(\d+)\]|(\w+)/g), ([, index, key]) => key ?? Number(index))
}

function valueAt(record: PlainRecord, path: readonly (string | number)[]): PlainValue | undefined {
  let value: PlainValue | undefined = record
  for (const step of path) {
    if (typeof step === 'string') value = value instanceof Map ? (value as PlainRecord).get(step) : undefined
    else value = Array.isArray(value) ? (value as readonly PlainValue[])[step] : undefined
  }
  return value
}

function testOf(operator: string, operand: unknown, ignoreCase: boolean): (text: string) => boolean {
  const operands = Array.isArray(operand) ? (operand as readonly unknown[]) : [operand]
  if (operands.some((each) => typeof each === 'object')) throw new Error('A plain reading knows no list files.')
  const texts = operands.map(String)
  switch (operator) {
    case 'matches':
    case 'search': {
      const regExp = pattern(texts[0]!, operator === 'matches', ignoreCase)
      return (text) => regExp.test(text)
    }
    case 'lt':
      return (text) => difference(text, texts[0]!) < 0
    case 'lte':
      return (text) => difference(text, texts[0]!) <= 0
    case 'gt':
      return (text) => difference(text, texts[0]!) > 0
    case 'gte':
      return (text) => difference(text, texts[0]!) >= 0
    case 'cidr': {
      const list = blockListOf(texts)
      return (text) => isWithin(text, list)
    }
    default:
      return ignoreCase ? foldedTest(operator, texts) : exactTest(operator, texts)
  }
}

function exactTest(operator: string, texts: readonly string[]): (text: string) => boolean {
  switch (operator) {
    case 'equals':
    case 'in':
      return (text) => texts.includes(text)
    case 'prefix':
      return (text) => texts.some((each) => text.startsWith(each))
    case 'suffix':
      return (text) => texts.some((each) => text.endsWith(each))
    case 'contains':
      return (text) => texts.some((each) => text.includes(each))
    default:
      throw new Error(`A plain reading does not know the operator ${operator}.`)
  }
}

/** The same without case: V8 ignores the case of code points as RE2 does, by simple folding. */
function foldedTest(operator: string, texts: readonly string[]): (text: string) => boolean {
  const isAtStart = operator === 'equals' || operator === 'in' || operator === 'prefix'
  const isAtEnd = operator === 'equals' || operator === 'in' || operator === 'suffix'
  if (!isAtStart && !isAtEnd && operator !== 'contains')
    throw new Error(`A plain reading does not know the operator ${operator}.`)
  const regExps = texts.map((text) => {
    const literal = text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
    return new RegExp(`${isAtStart ? '^' : ''}${literal}${isAtEnd ? '$' : ''}`, 'iu')
  })
  return (text) => regExps.some((regExp) => regExp.test(text))
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
  return new RegExp(isWhole ? `^(?:${dotted})$` : dotted, isCaseless ? 'iu' : 'u')
}

/** Text minus bound, as far as its sign goes; NaN when the text is no number. */
function difference(text: string, bound: string): number {
  if (!/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return NaN
  if (!/^-?\d+$/.test(text) || !/^-?\d+$/.test(bound)) return Number(text) - Number(bound)
  const exact = BigInt(text) - BigInt(bound)
  return exact < 0n ? -1 : exact > 0n ? 1 : 0
}

/** Texts of the record at hand that were decoded: hundreds of rules may ask for the same. */
const decodedTexts = new Map<string, string>()

/** Escapes of two digits and plus signs decoded; other escapes stay, and bytes that are not UTF-8 become U+FFFD. */
function decodeUrl(text: string): string {
  const known = decodedTexts.get(text)
  if (known !== undefined) return known
  const bytes = Buffer.from(text).toString('latin1')
  const decoded = bytes.replace(/%([0-9a-f]{2})|\+/gi, (_, hex: string | undefined) =>
    hex === undefined ? ' ' : String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const readable = Buffer.from(decoded, 'latin1').toString('utf8')
  decodedTexts.set(text, readable)
  return readable
}

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const isOld = isIPv4(address)
    list.addSubnet(address, bits === undefined ? (isOld ? 32 : 128) : Number(bits), isOld ? 'ipv4' : 'ipv6')
  }
  return list
}

function isWithin(text: string, networks: BlockList): boolean {
  if (isIPv4(text)) return networks.check(text, 'ipv4')
  // An address with a zone is in no network.
  return isIPv6(text) && !text.includes('%') && networks.check(text, 'ipv6')
}

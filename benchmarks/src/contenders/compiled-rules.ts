// Rules as closures over one record, compiled once: what a careful developer writes by hand around a JSON parser and a
// regex library. A field's text is made at most once a record, lists are sets, networks are ranges, and the first rule
// that holds ends the record. Used by the contenders that go record by record; the parser and the regexes are theirs.

import { isIPv6 } from 'node:net'
import type { Condition, Predicate, RuleSet } from '@weir/engine'

/** One parsed record: returns a field's value. */
export type FieldReader = (field: string) => unknown

/** Compiles a pattern of RE2's dialect; `whole`: the text must match from end to end. */
export type PatternCompiler = (pattern: string, whole: boolean) => (text: string) => boolean

/** Returns the index of the rule that decides a record, the number of rules for none. */
export type Decider = (read: FieldReader) => number

type Test = () => boolean

/** The fields of the record at hand: closures keep the object, and its slots are made again for each record. */
interface Current {
  read: FieldReader
  readonly texts: (string | undefined)[]
  /** Number of the record for which a text was made. */
  readonly madeFor: number[]
  record: number
}

/** Returns a function that decides records. Errors: an operator that no case uses. */
export function compileDecider(rules: RuleSet, compilePattern: PatternCompiler): Decider {
  const current: Current = { read: () => undefined, texts: [], madeFor: [], record: 0 }
  const compiler = new Compiler(current, new Set(rules.missing), compilePattern)
  const tests = rules.rules.map(({ when }) => compiler.condition(when))
  return (read) => {
    current.read = read
    current.record++
    for (let i = 0; i < tests.length; i++) if (tests[i]!()) return i
    return tests.length
  }
}

class Compiler {
  readonly #current: Current
  readonly #missing: ReadonlySet<string>
  readonly #compilePattern: PatternCompiler
  readonly #slots = new Map<string, number>()

  constructor(current: Current, missing: ReadonlySet<string>, compilePattern: PatternCompiler) {
    this.#current = current
    this.#missing = missing
    this.#compilePattern = compilePattern
  }

  condition(condition: Condition): Test {
    if ('all' in condition) {
      const tests = condition.all.map((each) => this.condition(each))
      return tests.length === 2 ? both(tests[0]!, tests[1]!) : () => tests.every((test) => test())
    }
    if ('any' in condition) {
      const tests = condition.any.map((each) => this.condition(each))
      return () => tests.some((test) => test())
    }
    if ('not' in condition) {
      const test = this.condition(condition.not)
      return () => !test()
    }
    return this.#predicate(condition)
  }

  #predicate(predicate: Predicate): Test {
    const { field, decode, ignoreCase, exists, ...operators } = predicate
    if (decode !== undefined || ignoreCase !== undefined) throw new Error(`No case uses ${JSON.stringify(predicate)}.`)
    const text = this.#text(field)
    const tests = Object.entries(operators).map(([operator, operand]) => this.#operator(operator, operand))
    if (exists !== undefined) tests.push(() => true)
    const one = tests.length === 1 ? tests[0]! : (value: string) => tests.every((test) => test(value))
    const holds = (): boolean => {
      const value = text()
      return value !== undefined && one(value)
    }
    return exists === false ? () => !holds() : holds
  }

  /** The text of a field of the record at hand; undefined when it is missing. */
  #text(field: string): () => string | undefined {
    const { texts, madeFor } = this.#current
    const slot = this.#slots.get(field) ?? this.#slots.size
    this.#slots.set(field, slot)
    return () => {
      if (madeFor[slot] !== this.#current.record) {
        const value = this.#current.read(field)
        const text = textOf(value)
        texts[slot] = text === undefined || this.#missing.has(text) ? undefined : text
        madeFor[slot] = this.#current.record
      }
      return texts[slot]
    }
  }

  #operator(operator: string, operand: unknown): (text: string) => boolean {
    const texts = (Array.isArray(operand) ? operand : [operand]).map(String)
    const first = texts[0]!
    const number = Number(first)
    switch (operator) {
      case 'matches':
      case 'search':
        return this.#compilePattern(first, operator === 'matches')
      case 'equals':
        return (text) => text === first
      case 'in': {
        const set = new Set(texts)
        return (text) => set.has(text)
      }
      case 'prefix':
        return anyOf(texts, (text, each) => text.startsWith(each))
      case 'suffix':
        return anyOf(texts, (text, each) => text.endsWith(each))
      case 'contains':
        return anyOf(texts, (text, each) => text.includes(each))
      // A comparison with NaN is false, and the text of a field is no number in disguise such as `0x10`.
      case 'lt':
        return (text) => Number(text) < number
      case 'lte':
        return (text) => Number(text) <= number
      case 'gt':
        return (text) => Number(text) > number
      case 'gte':
        return (text) => Number(text) >= number
      case 'cidr': {
        const networks = texts.map(compileNetwork)
        return (text) => networks.some((isWithin) => isWithin(text))
      }
      default:
        throw new Error(`No case uses the operator ${operator}.`)
    }
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function both(first: Test, second: Test): Test {
  return () => first() && second()
}

function anyOf(texts: readonly string[], test: (text: string, each: string) => boolean): (text: string) => boolean {
  if (texts.length === 1) {
    const [only] = texts as [string]
    return (text) => test(text, only)
  }
  return (text) => {
    for (const each of texts) if (test(text, each)) return true
    return false
  }
}

function compileNetwork(network: string): (text: string) => boolean {
  const [address = '', bits = ''] = network.split('/')
  if (isIPv6(address)) {
    // Networks of whole groups only; the log writes addresses as the rules do, without leading zeros.
    const start = address.replace(/::$/, ':')
    if (start.split(':').length - 1 !== Number(bits) / 16) throw new Error(`No case uses the network ${network}.`)
    return (text) => text.startsWith(start)
  }
  const span = 2 ** (32 - Number(bits))
  const from = addressNumber(address)
  return (text) => {
    const number = addressNumber(text)
    return number >= from && number < from + span
  }
}

/** The number of an IPv4 address, NaN for other text; without making a string or an array. */
function addressNumber(text: string): number {
  let number = 0
  let part = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit >= 0 && digit <= 9) part = part * 10 + digit
    else if (digit === -2) {
      number = number * 256 + part
      part = 0
    } else return NaN
  }
  return number * 256 + part
}

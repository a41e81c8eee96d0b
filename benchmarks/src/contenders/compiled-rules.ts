// Rules as closures over one record, compiled once: what a careful developer writes by hand around a JSON parser and a
// regex library. A field's text is made at most once a record, lists are sets, networks are ranges, and the first rule
// that holds ends the record. Used by the contenders that go record by record; the parser and the regexes are theirs.
// Exact on generated records: ignoring case is lower case here, and the last of equal keys counts.

import type { Condition, Predicate, RuleSet } from '@weir/engine'
import { compileNetworks } from './networks.ts'

/** Compiles a field path: what it returns reads the field of a parsed record. */
export type FieldCompiler<R> = (path: string) => (record: R) => unknown

/** Compiles a pattern of RE2's dialect; `whole`: the text must match from end to end. */
export type PatternCompiler = (pattern: string, whole: boolean, ignoreCase: boolean) => (text: string) => boolean

/** What compiled rules are made with. */
export interface RuleTools<R> {
  readonly compileField: FieldCompiler<R>
  readonly compilePattern: PatternCompiler
}

/** Returns the index of the rule that decides a record, the number of rules for none. */
export type Decider<R> = (record: R) => number

type Test = () => boolean
type TextTest = (text: string) => boolean

/** Returns a function that decides records. Errors: an operator that no case uses. */
export function compileDecider<R>(rules: RuleSet, tools: RuleTools<R>): Decider<R> {
  const compiler = new Compiler(new Set(rules.missing), tools)
  const tests = rules.rules.map(({ when }) => compiler.condition(when))
  return (record) => {
    compiler.begin(record)
    for (let i = 0; i < tests.length; i++) if (tests[i]!()) return i
    return tests.length
  }
}

/** Something of the record at hand that is made at most once for it. */
class Slot<T> {
  readonly #make: () => T
  readonly #current: { number: number }
  #madeFor = -1
  #made: T | undefined

  constructor(current: { number: number }, make: () => T) {
    this.#current = current
    this.#make = make
  }

  get(): T {
    if (this.#madeFor !== this.#current.number) {
      this.#made = this.#make()
      this.#madeFor = this.#current.number
    }
    return this.#made as T
  }
}

class Compiler<R> {
  readonly #current: { record: R | undefined; number: number } = { record: undefined, number: 0 }
  readonly #missing: ReadonlySet<string>
  readonly #tools: RuleTools<R>
  readonly #values = new Map<string, Slot<unknown>>()
  readonly #texts = new Map<string, Slot<string | undefined>>()

  constructor(missing: ReadonlySet<string>, tools: RuleTools<R>) {
    this.#missing = missing
    this.#tools = tools
  }

  begin(record: R): void {
    this.#current.record = record
    this.#current.number++
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
    const { field, decode, ignoreCase = false, exists, ...operators } = predicate
    const tests = Object.entries(operators).map(([operator, operand]) => this.#operator(operator, operand, ignoreCase))
    const there = exists === undefined ? undefined : this.#exists(field, exists)
    if (tests.length === 0) return there!
    const text = this.#text(field, decode === 'url', ignoreCase)
    const one = tests.length === 1 ? tests[0]! : (value: string) => tests.every((test) => test(value))
    const holds = (): boolean => {
      const value = text.get()
      return value !== undefined && one(value)
    }
    return there === undefined ? holds : both(there, holds)
  }

  #exists(field: string, exists: boolean): Test {
    const value = this.#value(field)
    return () => {
      const read = value.get()
      const isThere = read !== undefined && read !== null && !(typeof read === 'string' && this.#missing.has(read))
      return isThere === exists
    }
  }

  #value(field: string): Slot<unknown> {
    const read = this.#tools.compileField(field)
    const slot = this.#values.get(field) ?? new Slot(this.#current, () => read(this.#current.record as R))
    this.#values.set(field, slot)
    return slot
  }

  /** The text of a field of the record at hand, decoded and in lower case where that is asked for; undefined when missing. */
  #text(field: string, isDecoded: boolean, isLower: boolean): Slot<string | undefined> {
    const name = `${field} ${isDecoded} ${isLower}`
    const slot = this.#texts.get(name) ?? new Slot(this.#current, this.#textMaker(field, isDecoded, isLower))
    this.#texts.set(name, slot)
    return slot
  }

  #textMaker(field: string, isDecoded: boolean, isLower: boolean): () => string | undefined {
    if (isLower) {
      const text = this.#text(field, isDecoded, false)
      return () => text.get()?.toLowerCase()
    }
    if (isDecoded) {
      const text = this.#text(field, false, false)
      return () => {
        const encoded = text.get()
        return encoded === undefined ? undefined : decodeUrl(encoded)
      }
    }
    const value = this.#value(field)
    return () => {
      const text = textOf(value.get())
      return text === undefined || this.#missing.has(text) ? undefined : text
    }
  }

  #operator(operator: string, operand: unknown, ignoreCase: boolean): TextTest {
    const written = (Array.isArray(operand) ? operand : [operand]).map(String)
    if (operator === 'matches' || operator === 'search')
      return this.#tools.compilePattern(written[0]!, operator === 'matches', ignoreCase)
    const texts = ignoreCase ? written.map((each) => each.toLowerCase()) : written
    return compileOperator(operator, texts)
  }
}

function compileOperator(operator: string, texts: readonly string[]): TextTest {
  const first = texts[0]!
  const number = Number(first)
  switch (operator) {
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
    // A comparison with NaN is false.
    case 'lt':
      return (text) => numberOf(text) < number
    case 'lte':
      return (text) => numberOf(text) <= number
    case 'gt':
      return (text) => numberOf(text) > number
    case 'gte':
      return (text) => numberOf(text) >= number
    case 'cidr':
      return compileNetworks(texts)
    default:
      throw new Error(`No case uses the operator ${operator}.`)
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** The number in a text, NaN for text that does not begin as one; generated records have no number as `0x10`. */
function numberOf(text: string): number {
  const first = text.charCodeAt(0)
  return (first >= 48 && first <= 57) || first === 45 ? Number(text) : NaN
}

const broken = /%(?![0-9a-f]{2})/gi

/** Percent escapes and plus signs decoded. Most texts are well encoded, for which V8's own function is the quick way. */
function decodeUrl(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    // A broken escape stays as it is; bytes that are not UTF-8 become U+FFFD.
    const bytes = Buffer.from(spaced.replace(broken, '%25')).toString('latin1')
    const decoded = bytes.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    return Buffer.from(decoded, 'latin1').toString('utf8')
  }
}

function both(first: Test, second: Test): Test {
  return () => first() && second()
}

function anyOf(texts: readonly string[], test: (text: string, each: string) => boolean): TextTest {
  if (texts.length === 1) {
    const [only] = texts as [string]
    return (text) => test(text, only)
  }
  return (text) => {
    for (const each of texts) if (test(text, each)) return true
    return false
  }
}

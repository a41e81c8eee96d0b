// Rule sets in the languages of other programs: walks the rules, and asks a language for each test. What every language
// has to get right stands here once: the order of rules, missing values, ignoreCase, the reasons for which one cannot.
// A language is a table of operators in a file of its own. Called by the peers beside it; runs nothing.

import type { Condition, Predicate, RuleSet } from '@weir/engine'
import { parseFieldPath } from './field-path.ts'
import type { FieldPath } from './field-path.ts'
import { patternOf, patternOfNetwork, patternOfTexts } from './pattern.ts'
import type { Pattern } from './pattern.ts'

/** What a language has no words for; the message says what it is, and nothing else. */
export class Inexpressible extends Error {
  override readonly name = 'Inexpressible'
}

/** A value that rules look at. */
export interface Field {
  /** As the rules write it. */
  readonly written: string
  readonly path: FieldPath
  /** Number of the field among those of the rule set; two decodings of one path are two fields. */
  readonly index: number
  readonly decode: 'url' | undefined
}

/** An order of two numbers. */
export type Comparison = '<' | '<=' | '>' | '>='

/**
 * How a language says tests. Of a field that is missing, or that has no text, the text is empty: a test that holds on the
 * empty text, or on one that counts as missing, is joined with `hasText` by the caller, and no other test is.
 */
export interface Language {
  readonly all: (tests: readonly string[]) => string
  readonly any: (tests: readonly string[]) => string
  readonly not: (test: string) => string
  /** The field has a text that does not count as missing. */
  readonly hasText: (field: Field, missing: readonly string[]) => string
  /** The field has a value that does not count as missing; absent where the language cannot tell. */
  readonly exists?: (field: Field, missing: readonly string[]) => string
  readonly oneOf: (field: Field, texts: readonly string[]) => string
  readonly prefix: (field: Field, texts: readonly string[]) => string
  readonly suffix: (field: Field, texts: readonly string[]) => string
  readonly contains: (field: Field, texts: readonly string[]) => string
  /** Errors: Inexpressible, for what the dialect does not have. */
  readonly pattern: (field: Field, pattern: Pattern) => string
  readonly compare?: (field: Field, comparison: Comparison, bound: string) => string
  /** Absent where networks are best said as patterns. */
  readonly cidr?: (field: Field, networks: readonly string[]) => string
  /** Whether fields may have `decode: url`. */
  readonly decodesUrls?: true
  /** Returns what the language cannot reach of a path, undefined when it can. */
  readonly faultOfPath?: (path: FieldPath) => string | undefined
}

/** A rule set in another language. */
export interface Translation {
  readonly fields: readonly Field[]
  readonly rules: readonly { readonly test: string; readonly keeps: boolean }[]
  readonly keepsByDefault: boolean
  readonly missing: readonly string[]
}

/** Returns the rules in a language. Errors: Inexpressible. */
export function translate(rules: RuleSet, language: Language): Translation {
  const translator = new Translator(rules.missing ?? [], language)
  const translated = rules.rules.map(({ when, then }) => ({ test: translator.condition(when), keeps: keeps(then) }))
  const keepsByDefault = keeps(rules.default)
  return { fields: translator.fields, rules: translated, keepsByDefault, missing: rules.missing ?? [] }
}

/**
 * Returns one test for what the rules keep: the first rule that holds decides. Rules of one action that follow each other
 * are joined, so that it nests no deeper than the action changes. Errors: Inexpressible when one action is all there is.
 */
export function keepTest({ rules, keepsByDefault }: Translation, { all, any, not }: Language): string {
  let rest: string | boolean = keepsByDefault
  for (let end = rules.length; end > 0;) {
    const { keeps: isKept } = rules[end - 1]!
    let start = end
    while (start > 0 && rules[start - 1]!.keeps === isKept) start--
    const tests = rules.slice(start, end).map(({ test }) => test)
    end = start
    // What decides as all that follows it does not change the result.
    if (rest === isKept) continue
    if (isKept) rest = joined(any, rest === false ? tests : [...tests, rest as string])
    else rest = joined(all, [...tests.map(not), ...(rest === true ? [] : [rest as string])])
  }
  if (typeof rest === 'boolean') throw new Inexpressible(rest ? 'to keep everything' : 'to drop everything')
  return rest
}

function keeps(action: RuleSet['default']): boolean {
  if (typeof action !== 'string') throw new Inexpressible('routes')
  return action === 'keep'
}

const comparisons: Readonly<Record<string, Comparison>> = { lt: '<', lte: '<=', gt: '>', gte: '>=' }

class Translator {
  readonly fields: Field[] = []
  readonly #missing: readonly string[]
  readonly #language: Language

  constructor(missing: readonly string[], language: Language) {
    this.#missing = missing
    this.#language = language
  }

  condition(when: Condition): string {
    if ('all' in when)
      return joined(
        this.#language.all,
        when.all.map((each) => this.condition(each)),
      )
    if ('any' in when)
      return joined(
        this.#language.any,
        when.any.map((each) => this.condition(each)),
      )
    if ('not' in when) return this.#language.not(this.condition(when.not))
    return this.#predicate(when)
  }

  #predicate({ field: written, decode, ignoreCase = false, ...operators }: Predicate): string {
    const field = this.#field(written, decode)
    const tests = Object.entries(operators).map(([operator, operand]) => {
      if (operator === 'exists') return this.#exists(field, operand === true)
      const texts = textsOf(operator, operand)
      const test = this.#test(field, operator, texts, ignoreCase)
      const isGuarded = ['', ...this.#missing].some((text) => mayHold(operator, texts, ignoreCase, text))
      return isGuarded ? this.#language.all([this.#language.hasText(field, this.#missing), test]) : test
    })
    return joined(this.#language.all, tests)
  }

  #field(written: string, decode: 'url' | undefined): Field {
    const known = this.fields.find((each) => each.written === written && each.decode === decode)
    if (known !== undefined) return known
    if (decode !== undefined && this.#language.decodesUrls !== true) throw new Inexpressible('decode')
    const path = parseFieldPath(written)
    const fault = this.#language.faultOfPath?.(path)
    if (fault !== undefined) throw new Inexpressible(fault)
    const field = { written, path, index: this.fields.length, decode }
    this.fields.push(field)
    return field
  }

  #exists(field: Field, isWanted: boolean): string {
    const { exists, not } = this.#language
    if (exists === undefined) throw new Inexpressible('exists')
    const test = exists(field, this.#missing)
    return isWanted ? test : not(test)
  }

  #test(field: Field, operator: string, texts: readonly string[], ignoreCase: boolean): string {
    const language = this.#language
    const text = texts[0]!
    const folded = (at: Pattern['at']): string => language.pattern(field, patternOfTexts(texts, at, true))
    switch (operator) {
      case 'matches':
        return language.pattern(field, patternOf(text, 'whole', ignoreCase))
      case 'search':
        return language.pattern(field, patternOf(text, 'anywhere', ignoreCase))
      case 'equals':
      case 'in':
        return ignoreCase ? folded('whole') : language.oneOf(field, texts)
      case 'prefix':
        return ignoreCase ? folded('start') : language.prefix(field, texts)
      case 'suffix':
        return ignoreCase ? folded('end') : language.suffix(field, texts)
      case 'contains':
        return ignoreCase ? folded('anywhere') : language.contains(field, texts)
      case 'cidr':
        return language.cidr === undefined ? this.#networks(field, texts) : language.cidr(field, texts)
      default:
        return this.#compare(field, operator, text)
    }
  }

  #networks(field: Field, networks: readonly string[]): string {
    try {
      const tests = networks.map((network) => this.#language.pattern(field, patternOfNetwork(network)))
      return joined(this.#language.any, tests)
    } catch (error) {
      if (error instanceof RangeError) throw new Inexpressible(error.message)
      throw error
    }
  }

  #compare(field: Field, operator: string, bound: string): string {
    const comparison = comparisons[operator]
    if (comparison === undefined || this.#language.compare === undefined) throw new Inexpressible(operator)
    if (Math.abs(Number(bound)) > Number.MAX_SAFE_INTEGER) throw new Inexpressible(`numbers like ${bound}`)
    return this.#language.compare(field, comparison, bound)
  }
}

function joined(join: (tests: readonly string[]) => string, tests: readonly string[]): string {
  return tests.length === 1 ? tests[0]! : join(tests)
}

function textsOf(operator: string, operand: unknown): readonly string[] {
  if (typeof operand === 'object' && operand !== null && 'file' in operand)
    throw new Inexpressible(`a file for ${operator}`)
  return (Array.isArray(operand) ? operand : [operand]).map(String)
}

/** Whether a test may hold on a text: never says no wrongly. */
function mayHold(operator: string, operands: readonly string[], ignoreCase: boolean, text: string): boolean {
  const fold = (each: string): string => (ignoreCase ? each.toLowerCase() : each)
  const value = fold(text)
  switch (operator) {
    case 'matches':
    case 'search':
      return patternMayMatch(patternOf(operands[0]!, operator === 'matches' ? 'whole' : 'anywhere', ignoreCase), text)
    case 'equals':
    case 'in':
      return operands.some((each) => value === fold(each))
    case 'prefix':
      return operands.some((each) => value.startsWith(fold(each)))
    case 'suffix':
      return operands.some((each) => value.endsWith(fold(each)))
    case 'contains':
      return operands.some((each) => value.includes(fold(each)))
    case 'cidr':
      return /[.:]/.test(text)
    default:
      return /\d/.test(text)
  }
}

function patternMayMatch({ body, ignoreCase, at }: Pattern, text: string): boolean {
  try {
    return new RegExp(at === 'whole' ? `^(?:${body})$` : body, ignoreCase ? 'i' : '').test(text)
  } catch {
    // V8 does not know all that RE2 does.
    return true
  }
}

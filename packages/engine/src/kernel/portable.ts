// The portable kernel: the meaning of a program over a batch, in the most obvious way. No caches across records, no
// prefilters: one regex per predicate, every record checked whole in every validation mode. It serves where the
// native kernel cannot load, and with another regex engine it is the judge of the tests. Its neighbours read the slab
// (portable-slab.ts), records (portable-json.ts) and values (portable-values.ts). Chosen by select.ts.

import { RE2JS } from 're2js'
import { malformedReason, noRule } from '../batch/batch.ts'
import { EngineError } from '../errors.ts'
import { readPlan, route } from '../rules/program.ts'
import type { Plan, PlanCondition, PlanPredicate, Program } from '../rules/program.ts'
import type { Evaluator, Kernel } from './kernel.ts'
import { checkRecord, findValues, PathNode, readString, readText, token, TokenReader } from './portable-json.ts'
import { findOriginal, javaText, markHalfPairs, readOriginal } from './portable-original.ts'
import { SlabBatch } from './portable-slab.ts'
import type { Line } from './portable-slab.ts'
import { compareNumbers, decodeUrl, foldText, ListReader, readAddress, readFoldTable } from './portable-values.ts'
import { readNumber, readTimeMs } from './portable-values.ts'

/** What turns a pattern into a test of texts. Must have RE2's meaning, and linear time. */
export interface PatternEngine {
  /**
   * Returns a test of `pattern`: whether it matches the whole text (`whole`), or some part of it. Texts have no
   * lone surrogates. Throws when the pattern is not RE2's.
   */
  compile(pattern: string, whole: boolean): (text: string) => boolean
}

const re2js: PatternEngine = {
  compile: (pattern, whole) => {
    const compiled = RE2JS.compile(pattern)
    return whole ? (text) => compiled.testExact(text) : (text) => compiled.test(text)
  },
}

/**
 * Returns the portable kernel, with `engine` for its regexes. In mode `read` it looks at the whole record as in the
 * other modes, so it finds faults there that the native kernel may leave unseen.
 */
export function createPortableKernel(engine: PatternEngine = re2js): Kernel {
  return {
    name: 'portable',
    load: (program) => {
      try {
        return new PortableEvaluator(program, engine)
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause)
        throw new EngineError('ERR_ENGINE_KERNEL_FAULT', `The program cannot be loaded: ${reason}`, { cause })
      }
    },
  }
}

/** One distinct field of the plan in the record at hand. Text forms are made when first asked for. */
class FieldValue {
  readonly #node: PathNode
  readonly #decode: 'none' | 'url'
  readonly #missing: ReadonlySet<string>
  readonly #fold: ReadonlyMap<number, number>
  #exists = false
  #text: string | undefined
  #folded: string | undefined

  constructor(node: PathNode, decode: 'none' | 'url', missing: ReadonlySet<string>, fold: ReadonlyMap<number, number>) {
    this.#node = node
    this.#decode = decode
    this.#missing = missing
    this.#fold = fold
  }

  /** Takes the value that `findValues` left for record number `record`. */
  take(bytes: Uint8Array, record: number): void {
    const { kind, at, after, escaped, record: found } = this.#node
    this.#text = undefined
    this.#folded = undefined
    this.#exists = found === record && kind !== token.null
    if (!this.#exists || kind === token.openObject || kind === token.openArray) return
    const raw = kind === token.string ? readString(bytes, at, after, escaped) : readText(bytes, at, after)
    if (this.#missing.has(raw)) this.#exists = false
    else this.#text = this.#decode === 'url' ? decodeUrl(raw) : raw
  }

  /** Takes the text that was found elsewhere; undefined when the field is missing. */
  takeText(text: string | undefined): void {
    this.#exists = text !== undefined
    this.#text = text
    this.#folded = undefined
  }

  get exists(): boolean {
    return this.#exists
  }

  /** The text that operators look at, or undefined when the field is missing or a container. */
  text(isFolded: boolean): string | undefined {
    if (!isFolded || this.#text === undefined) return this.#text
    return (this.#folded ??= foldText(this.#text, this.#fold))
  }
}

type Test = () => boolean

class PortableEvaluator implements Evaluator {
  readonly #program: Program
  readonly #engine: PatternEngine
  readonly #plan: Plan
  readonly #root = new PathNode()
  readonly #fields: readonly FieldValue[]
  readonly #rules: readonly { readonly holds: Test; readonly route: number }[]
  readonly #defaultRoute: number
  /** The field that holds a record's time. */
  readonly #time: FieldValue | undefined
  #record = 0

  constructor(program: Program, engine: PatternEngine) {
    const plan = readPlan(program.bytes)
    const words = new Uint32Array(program.bytes.buffer, program.bytes.byteOffset, program.bytes.length >> 2)
    const missing = new Set(plan.missing)
    const fold = readFoldTable(words)
    this.#program = program
    this.#engine = engine
    this.#plan = plan
    this.#fields = plan.fields.map((field) => new FieldValue(this.#root.below(field.path), field.decode, missing, fold))
    const tests = plan.predicates.map((predicate) => this.#compilePredicate(predicate))
    this.#rules = plan.rules.map((rule) => ({ holds: compileCondition(rule.when, tests), route: rule.route }))
    this.#defaultRoute = plan.defaultRoute
    this.#time = plan.timeField === undefined ? undefined : this.#fields[plan.timeField]
  }

  #compilePredicate(predicate: PlanPredicate): Test {
    const field = this.#fields[predicate.field]!
    if (predicate.op === 'exists') return () => field.exists
    const isFolded = 'fold' in predicate && predicate.fold
    const matches = this.#compileOperator(predicate)
    return () => {
      const text = field.text(isFolded)
      return text !== undefined && matches(text)
    }
  }

  #compileOperator(predicate: Exclude<PlanPredicate, { op: 'exists' }>): (text: string) => boolean {
    switch (predicate.op) {
      case 'regex':
        return this.#engine.compile(predicate.pattern, predicate.whole)
      case 'prefix':
        return (text) => predicate.texts.some((part) => text.startsWith(part))
      case 'suffix':
        return (text) => predicate.texts.some((part) => text.endsWith(part))
      case 'compare':
        return compileComparison(predicate)
      case 'set': {
        const list = new ListReader(this.#program.bytes, predicate.list)
        return (text) => list.hasText(Buffer.from(text))
      }
      case 'substrings': {
        const list = new ListReader(this.#program.bytes, predicate.list)
        return (text) => list.hasPartOf(Buffer.from(text))
      }
      case 'networks': {
        const list = new ListReader(this.#program.bytes, predicate.list)
        return (text) => {
          const address = readAddress(text)
          return address !== undefined && list.hasAddress(address)
        }
      }
    }
  }

  /** Nothing to count: it has no techniques. */
  report(): Float64Array {
    return new Float64Array()
  }

  /** Nothing to free: the garbage collector sees all of it. */
  release(): void {}

  evaluate(slab: Uint8Array): void {
    const batch = new SlabBatch(slab, this.#rules.length)
    for (const line of batch.lines()) {
      if (line.contentEnd - line.start > batch.maxRecordBytes || line.isOpen) {
        batch.add(line, route.malformed, noRule, malformedReason['too-long'])
      } else if (this.#plan.dialect === 'original') {
        this.#decideOriginal(batch, line)
      } else if (!isBlank(batch.input, line.start, line.contentEnd)) {
        this.#decide(batch, line)
      }
    }
    batch.finish()
  }

  #decide(batch: SlabBatch, line: Line): void {
    const { input } = batch
    const reason = checkRecord(input, line.start, line.contentEnd)
    if (reason !== 0) return batch.add(line, route.malformed, noRule, reason)
    // Records are numbered across batches, so that nothing a node holds from an earlier one passes for this one's.
    const record = this.#record++
    findValues(new TokenReader(input, line.start, line.contentEnd), this.#root, record)
    for (const field of this.#fields) field.take(input, record)
    this.#addDecided(batch, line)
  }

  /** The same for filters of the original, to which an empty line is a record. */
  #decideOriginal(batch: SlabBatch, line: Line): void {
    // Without filters it looked into nothing, and kept what is no JSON.
    const hasFilters = this.#rules.length > 0
    if (!hasFilters && this.#time === undefined) return this.#addDecided(batch, line)
    const record = readOriginal(batch.input, line.start, line.contentEnd)
    if (hasFilters && typeof record === 'number') return batch.add(line, route.malformed, noRule, record)
    for (const [i, field] of this.#fields.entries()) {
      const path = this.#plan.fields[i]!.path as readonly string[]
      const value = record === null || typeof record === 'number' ? null : (findOriginal(record, path) ?? null)
      field.takeText(value === null ? undefined : markHalfPairs(javaText(value)))
    }
    if (hasFilters && record === null) this.#add(batch, line, this.#rules.length - 1)
    else this.#addDecided(batch, line)
  }

  #addDecided(batch: SlabBatch, line: Line): void {
    const index = this.#rules.findIndex((rule) => rule.holds())
    this.#add(batch, line, index < 0 ? this.#rules.length : index)
  }

  #add(batch: SlabBatch, line: Line, rule: number): void {
    const to = this.#rules[rule]?.route ?? this.#defaultRoute
    batch.add(line, to, rule, 0)
    if (this.#time === undefined || to === route.drop) return
    const text = this.#time.text(false)
    const time = text === undefined ? undefined : readTimeMs(text)
    batch.addTime(this.#time.exists ? (time ?? 'unreadable') : 'missing')
  }
}

function compileCondition(condition: PlanCondition, tests: readonly Test[]): Test {
  if (typeof condition === 'number') return tests[condition]!
  const [word, ...members] = condition
  const parts = members.map((member) => compileCondition(member, tests))
  if (word === 'not') return () => !parts[0]!()
  return word === 'all' ? () => parts.every((part) => part()) : () => parts.some((part) => part())
}

function compileComparison(predicate: Extract<PlanPredicate, { op: 'compare' }>): (text: string) => boolean {
  const holds = {
    lt: (order: number) => order < 0,
    lte: (order: number) => order <= 0,
    gt: (order: number) => order > 0,
    gte: (order: number) => order >= 0,
  }
  const bounds = (['lt', 'lte', 'gt', 'gte'] as const).flatMap((name) => {
    const bound = readNumber(predicate[name] ?? '')
    return bound === undefined ? [] : [{ bound, holds: holds[name] }]
  })
  return (text) => {
    const value = readNumber(text)
    return value !== undefined && bounds.every(({ bound, holds }) => holds(compareNumbers(value, bound)))
  }
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0x20 && bytes[at] !== 0x09) return false
  return true
}

// Turns a parsed rule set into a plan and its lists: checks field paths, patterns, networks and list files, and joins
// equal fields, predicates and lists. Called by compile.ts.

import { limits } from '../limits.ts'
import { parseFieldPath } from './field-path.ts'
import type { FileFault, ListLines, OnRead } from './files.ts'
import { readList } from './files.ts'
import { foldText } from './fold.ts'
import type { IssueList } from './issues.ts'
import type { ListImage } from './lists.ts'
import { entriesOfTexts, foldEntries, networksImage, setImage, substringsImage } from './lists.ts'
import { NetworkTable, parseNetwork } from './networks.ts'
import type { ParsedRuleSet } from './parse.ts'
import { unreadText } from './parse-condition.ts'
import { checkPattern } from './patterns.ts'
import { probableField } from './presets.ts'
import type { Plan, PlanCondition, PlanField, PlanPredicate, PlanRule } from './program.ts'
import { route } from './program.ts'
import type { Action, Condition, ListFile, Predicate } from './rule-set.ts'
import type { Path } from './source-node.ts'

/** A plan without its version, and its lists. */
export interface PlanParts {
  readonly plan: Omit<Plan, 'version'>
  readonly lists: readonly ListImage[]
  /** List files, as the rules name them. */
  readonly listFiles: readonly string[]
}

/** What becomes of the list files that a rule set names. */
export interface ListFileRules {
  /** What they are relative to. */
  readonly directory: string | undefined
  /** Each is a problem, and none is touched. */
  readonly refusesFiles?: true
  /** Is told of each that is read. */
  readonly onRead?: OnRead
}

/**
 * Returns the plan of a parsed rule set. When `issues` has problems afterwards, the plan means nothing.
 * Cost: compiles every pattern and reads every list file.
 */
export function buildPlan(parsed: ParsedRuleSet, listFiles: ListFileRules, issues: IssueList): PlanParts {
  return new PlanBuilder(parsed, listFiles, issues).build()
}

class PlanBuilder {
  readonly #ruleSet: ParsedRuleSet['ruleSet']
  readonly #pathOf: ParsedRuleSet['pathOf']
  readonly #listFiles: ListFileRules
  readonly #issues: IssueList
  readonly #fields = new Numbered<PlanField>()
  readonly #predicates = new Numbered<PlanPredicate>()
  readonly #lists: ListImage[] = []
  readonly #listNumbers = new Map<string, number>()
  readonly #files = new Map<string, ListLines | FileFault>()
  readonly #routes = new Numbered<string>()
  readonly #patterns = new Map<string, ReturnType<typeof checkPattern>>()
  readonly #missing: ReadonlySet<string>
  /** Field names that a warning was given for. */
  readonly #slips = new Set<string>()
  #instructions = 0

  constructor({ ruleSet, pathOf }: ParsedRuleSet, listFiles: ListFileRules, issues: IssueList) {
    this.#ruleSet = ruleSet
    this.#pathOf = pathOf
    this.#listFiles = listFiles
    this.#issues = issues
    this.#missing = new Set(ruleSet.missing ?? [])
  }

  build(): PlanParts {
    for (const name of Object.keys(route)) this.#routes.add(name)
    const rules: PlanRule[] = this.#ruleSet.rules.map(({ id, when, then }) => {
      return { id, when: this.#condition(when), route: this.#route(then) }
    })
    const plan = {
      dialect: 'weir' as const,
      missing: [...this.#missing],
      fields: this.#fields.values,
      predicates: this.#predicates.values,
      rules,
      defaultRoute: this.#route(this.#ruleSet.default),
      routes: this.#routes.values,
    }
    this.#checkSums()
    this.#warnOfRepeated(rules)
    return { plan, lists: this.#lists, listFiles: [...this.#files.keys()] }
  }

  #checkSums(): void {
    const predicates = this.#predicates.values.length
    if (predicates > limits.predicates) {
      const message = `The rules have ${predicates} different predicates; at most ${limits.predicates} are allowed.`
      this.#issues.add(['rules'], message, { suggestion: 'use `in` or `contains` with a list' })
    }
    if (this.#instructions > limits.totalInstructions) {
      const most = limits.totalInstructions
      const message = `All patterns together compile to ${this.#instructions} instructions; at most ${most} are allowed.`
      this.#issues.add(['rules'], message, { suggestion: 'use `in` or `contains` with a list where texts are fixed' })
    }
  }

  /** The first rule whose condition holds decides, so a rule with the condition of an earlier one never does. */
  #warnOfRepeated(rules: readonly PlanRule[]): void {
    const earlier = new Map<string, string>()
    const isSuspect = this.#issues.suspectsIn('rules')
    for (const [i, { id, when }] of rules.entries()) {
      // Where rules could not be read, the index in the file is another.
      const [, index] = this.#pathOf.get(this.#ruleSet.rules[i]!.when) as ['rules', number]
      // Conditions of which parts are missing may look equal, and are not.
      if (isSuspect(index)) continue
      const key = JSON.stringify(when)
      const other = earlier.get(key)
      if (other === undefined) earlier.set(key, id)
      else {
        const message = `The rule \`${id}\` never decides, because \`${other}\` above it has the same condition.`
        this.#issues.warn(['rules', index], message, { suggestion: 'drop one of the two' })
      }
    }
  }

  #route(action: Action): number {
    return this.#routes.add(typeof action === 'string' ? action : action.route)
  }

  #condition(condition: Condition): PlanCondition {
    if ('all' in condition) return ['all', ...condition.all.map((each) => this.#condition(each))]
    if ('any' in condition) return ['any', ...condition.any.map((each) => this.#condition(each))]
    if ('not' in condition) return ['not', this.#condition(condition.not)]
    return this.#predicate(condition)
  }

  #predicate(predicate: Predicate): PlanCondition {
    const path = this.#pathOf.get(predicate)!
    const field = this.#field(predicate, [...path, 'field'])
    const tests: PlanCondition[] = []
    const add = (each: PlanPredicate): void => void tests.push(this.#predicates.add(each))
    this.#addPatterns(predicate, path, field, add)
    this.#addTexts(predicate, path, field, add)
    if (predicate.cidr !== undefined) {
      const list = this.#networks(asList(predicate.cidr), [...path, 'cidr'])
      if (list !== undefined) add({ op: 'networks', field, list })
    }
    const { lt, lte, gt, gte } = predicate as { lt?: string; lte?: string; gt?: string; gte?: string }
    const bounds = Object.fromEntries(Object.entries({ lt, lte, gt, gte }).filter(([, bound]) => bound !== undefined))
    if (Object.keys(bounds).length > 0) add({ op: 'compare', field, ...bounds })
    if (predicate.exists !== undefined) {
      const exists = this.#predicates.add({ op: 'exists', field })
      tests.push(predicate.exists ? exists : ['not', exists])
    }
    return tests.length === 1 ? tests[0]! : ['all', ...tests]
  }

  #field({ field, decode }: Predicate, path: Path): number {
    const parsed = parseFieldPath(field)
    if ('message' in parsed) {
      this.#issues.add(path, parsed.message, { suggestion: parsed.suggestion })
      return 0
    }
    const [first] = parsed.steps
    const close = parsed.steps.length === 1 ? probableField(first as string) : undefined
    if (close !== undefined && !this.#slips.has(field)) {
      this.#slips.add(field)
      const message = `\`${field}\` is no DataStream 2 field, and \`${close}\` is.`
      this.#issues.warn(path, message, { suggestion: `did you mean \`${close}\`?` })
    }
    return this.#fields.add({ path: parsed.steps, decode: decode ?? 'none' })
  }

  #addPatterns(predicate: Predicate, path: Path, field: number, add: (each: PlanPredicate) => void): void {
    for (const name of ['matches', 'search'] as const) {
      const written = predicate[name]
      if (written === undefined) continue
      const flagged = predicate.ignoreCase === true ? `(?i)${written}` : written
      const pattern = this.#pattern(written, flagged, name === 'search', [...path, name])
      if (pattern !== undefined) add({ op: 'regex', field, pattern, whole: name === 'matches' })
    }
  }

  /** Returns the pattern as kernels compile it; undefined after an issue, and where checking it would be in vain. */
  #pattern(written: string, flagged: string, isSearch: boolean, path: Path): string | undefined {
    const key = `${isSearch}:${flagged}`
    let result = this.#patterns.get(key)
    if (result === undefined) {
      // Patterns beyond the sum of all would only take time: the rule set is refused for the sum anyway.
      if (this.#instructions > limits.totalInstructions) return undefined
      result = checkPattern(written, flagged, isSearch)
      this.#patterns.set(key, result)
      this.#instructions += result.instructions
    }
    if ('pattern' in result) return result.pattern
    for (const { message, suggestion } of result.faults) this.#issues.add(path, message, { suggestion })
    return undefined
  }

  #addTexts(predicate: Predicate, path: Path, field: number, add: (each: PlanPredicate) => void): void {
    const fold = predicate.ignoreCase === true
    const folded = (texts: readonly string[]): string[] => [...new Set(fold ? texts.map(foldText) : texts)]
    const isDecoded = predicate.decode !== undefined
    for (const name of ['equals', 'in'] as const) {
      const value = predicate[name]
      if (value === undefined) continue
      const texts = name === 'equals' ? [value as string] : asList(value)
      if (Array.isArray(texts) && !fold && !isDecoded)
        this.#warnOfMissing(texts as string[], [...path, name], name === 'in')
      const list = this.#texts('set', texts, fold, [...path, name])
      if (list !== undefined) add({ op: 'set', field, list, fold })
    }
    for (const op of ['prefix', 'suffix'] as const) {
      const value = predicate[op] as readonly string[] | undefined
      if (value !== undefined) add({ op, field, texts: folded(value), fold })
    }
    if (predicate.contains !== undefined) {
      const list = this.#texts('substrings', asList(predicate.contains), fold, [...path, 'contains'])
      if (list !== undefined) add({ op: 'substrings', field, list, fold })
    }
  }

  #warnOfMissing(texts: readonly string[], path: Path, isList: boolean): void {
    if (this.#missing.size === 0) return
    for (const [i, text] of texts.entries()) {
      if (!this.#missing.has(text)) continue
      const message = `${JSON.stringify(text)} can never be found here, because \`missing\` makes it count as absent.`
      const suggestion = 'use `exists: false` to find missing values'
      this.#issues.warn(isList ? [...path, i] : path, message, { suggestion })
    }
  }

  /** Returns the number of a list of texts; undefined after an issue. */
  #texts(
    kind: 'set' | 'substrings',
    texts: readonly string[] | ListFile,
    fold: boolean,
    path: Path,
  ): number | undefined {
    const image = kind === 'set' ? setImage : substringsImage
    if (Array.isArray(texts)) {
      const entries = entriesOfTexts(texts as readonly string[])
      return this.#addList(image(fold ? foldEntries(entries) : entries))
    }
    const lines = this.#file((texts as ListFile).file, path)
    if (lines === undefined) return undefined
    // Folding overwrites what it is given, and the file may serve another predicate unfolded.
    const own = fold ? foldEntries({ ...lines, bytes: Buffer.from(lines.bytes), ends: lines.ends.slice() }) : lines
    return this.#addList(image(own))
  }

  #networks(texts: readonly string[] | ListFile, path: Path): number | undefined {
    const table = new NetworkTable()
    const before = this.#issues.count
    if (Array.isArray(texts)) {
      for (const [i, text] of (texts as readonly string[]).entries()) {
        // Only a rule set that has issues holds gaps; elsewhere such a text is what somebody wrote.
        const range = text === unreadText && this.#issues.count > 0 ? undefined : parseNetwork(text)
        if (range === undefined) continue
        if ('family' in range) table.add(range)
        else this.#issues.add([...path, i], range.message, { suggestion: range.suggestion })
      }
    } else {
      const lines = this.#file((texts as ListFile).file, path)
      if (lines === undefined) return undefined
      this.#addNetworkLines(lines, table, path)
    }
    return this.#issues.count === before ? this.#addList(networksImage(table)) : undefined
  }

  #addNetworkLines(lines: ListLines, table: NetworkTable, path: Path): void {
    const bytes = Buffer.from(lines.bytes.buffer, lines.bytes.byteOffset, lines.bytes.length)
    let faults = 0
    for (let i = 0; i < lines.starts.length; i++) {
      const range = parseNetwork(bytes.toString('utf8', lines.starts[i], lines.ends[i]))
      if ('family' in range) table.add(range)
      else if (++faults <= mostLineIssues) {
        const message = `Line ${lines.lines[i]} of ${lines.path}: ${range.message}`
        this.#issues.add([...path, 'file'], message, { suggestion: range.suggestion })
      }
    }
    if (faults > mostLineIssues) {
      this.#issues.add([...path, 'file'], `${faults - mostLineIssues} more lines of ${lines.path} are no networks.`)
    }
  }

  /** Returns the lines of a list file, read once however often it is named. */
  #file(file: string, path: Path): ListLines | undefined {
    const here = [...path, 'file']
    if (this.#listFiles.refusesFiles === true) {
      const message = 'List files are refused here: this rule set may not name files of the machine that runs it.'
      this.#issues.add(here, message, { suggestion: 'write the entries as a list' })
      return undefined
    }
    let lines = this.#files.get(file)
    if (lines === undefined) {
      const { directory, onRead } = this.#listFiles
      lines = readList(file, directory, undefined, onRead)
      this.#files.set(file, lines)
    }
    if ('message' in lines) {
      this.#issues.add(here, lines.message, { suggestion: lines.suggestion, isUnreadable: lines.isUnreadable === true })
      return undefined
    }
    if (lines.starts.length === 0) {
      this.#issues.warn(here, `The list ${lines.path} is empty, so the predicate never holds.`)
    }
    return lines
  }

  #addList(image: ListImage): number {
    const key = `${image.kind}:${image.digest}`
    const known = this.#listNumbers.get(key)
    if (known !== undefined) return known
    this.#listNumbers.set(key, this.#lists.length)
    this.#lists.push(image)
    return this.#lists.length - 1
  }
}

/** Lines of one list file that are reported one by one. */
const mostLineIssues = 20

function asList(value: unknown): readonly string[] | ListFile {
  return value as readonly string[] | ListFile
}

/** Distinct values, numbered in the order they came. */
class Numbered<T> {
  readonly values: T[] = []
  readonly #numbers = new Map<string, number>()

  add(value: T): number {
    const key = JSON.stringify(value)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    this.#numbers.set(key, this.values.length)
    this.values.push(value)
    return this.values.length - 1
  }
}

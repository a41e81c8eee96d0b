// Reads conditions and predicates from source nodes. Called by parse.ts for the `when` of each rule; what operators
// exist stands in operators.ts. Patterns, paths, networks and list files are checked later, by plan.ts.

import { limits } from '../limits.ts'
import type { IssueList } from './issues.ts'
import type { OperatorName } from './operators.ts'
import { booleanForms, operatorNames, operators, predicateParts } from './operators.ts'
import {
  describe,
  isMisspelt,
  readBoolean,
  readBound,
  readLiteral,
  readParts,
  readText,
  type Parts,
} from './parse-values.ts'
import type { Condition, ListFile, Predicate } from './rule-set.ts'
import type { MapNode, Path, SourceNode } from './source-node.ts'

const formNames = Object.keys(booleanForms)
const partNames = Object.keys(predicateParts)
const predicateKeys = [...partNames, ...operatorNames]
const conditionKeys = [...formNames, ...predicateKeys]

/** Aliases can repeat a condition without end; no rule set that people write comes near this. */
const mostConditions = 250_000

/** Reads the conditions of one rule set, and remembers where each stood. */
export class ConditionReader {
  /** Where each condition that was read stands. */
  readonly pathOf = new Map<Condition, Path>()
  readonly #issues: IssueList
  #conditions = 0

  constructor(issues: IssueList) {
    this.#issues = issues
  }

  /** Whether reading stopped at too many conditions, so that nothing more is worth checking. */
  get isOverflown(): boolean {
    return this.#conditions >= mostConditions
  }

  /** Returns the condition, or undefined after adding issues. `depth` counts the boolean forms around it. */
  read(node: SourceNode, path: Path, depth = 0): Condition | undefined {
    if (++this.#conditions >= mostConditions) {
      if (this.#conditions === mostConditions) {
        this.#issues.add(path, `The rule set has more than ${mostConditions} conditions, counting what aliases repeat.`)
      }
      return undefined
    }
    if (node.kind !== 'map') {
      const suggestion =
        node.kind === 'list' ? 'write `all:` or `any:` before the list' : 'write { field: …, equals: … }'
      this.#issues.add(path, `A condition is an object, not ${describe(node)}.`, { suggestion })
      return undefined
    }
    const forms = node.entries.filter((entry) => formNames.includes(entry.key)).map((entry) => entry.key)
    const condition = forms.length > 0 ? this.#readForm(node, path, depth, forms) : this.#readPredicate(node, path)
    if (condition !== undefined) this.pathOf.set(condition, path)
    return condition
  }

  #readForm(node: MapNode, path: Path, depth: number, forms: readonly string[]): Condition | undefined {
    const parts = readParts(node, path, conditionKeys, this.#issues)
    const form = forms[0]!
    const other = [...parts.keys()].find((key) => key !== form)
    if (other !== undefined) {
      const what = formNames.includes(other)
        ? `Both \`${form}\` and \`${other}\``
        : `The boolean form \`${form}\` and the predicate key \`${other}\``
      const suggestion = `put them under one \`all\`: all: [{ ${form}: … }, { ${other}: … }]`
      this.#issues.add([...path, other], `${what} stand in one condition.`, { suggestion, atKey: true })
    }
    if (depth >= limits.conditionDepth) {
      const message = `\`all\`, \`any\` and \`not\` nest more than ${limits.conditionDepth} deep.`
      this.#issues.add([...path, form], message, { suggestion: 'join nested forms of the same kind', atKey: true })
      return undefined
    }
    const value = parts.get(form)!
    const here = [...path, form]
    if (form === 'not') return this.#readNot(value, here, depth)
    const members = this.#readMembers(value, here, depth, form)
    if (members === undefined) return undefined
    return form === 'all' ? { all: members } : { any: members }
  }

  #readNot(value: SourceNode, path: Path, depth: number): Condition | undefined {
    if (value.kind === 'list') {
      const suggestion = 'write `not: { any: [...] }` to refuse what any of them accepts'
      this.#issues.add(path, '`not` takes one condition, not a list.', { suggestion })
      return undefined
    }
    const inner = this.read(value, path, depth + 1)
    return inner === undefined ? undefined : { not: inner }
  }

  #readMembers(value: SourceNode, path: Path, depth: number, form: string): Condition[] | undefined {
    if (value.kind !== 'list') {
      const suggestion = value.kind === 'map' ? `write ${form}: [{ … }], a list` : undefined
      this.#issues.add(path, `\`${form}\` takes a list of conditions, not ${describe(value)}.`, { suggestion })
      return undefined
    }
    if (value.items.length === 0) {
      const suggestion =
        form === 'all' ? 'to match every record, put the action in `default`' : 'drop the rule, or give a condition'
      this.#issues.add(path, `\`${form}\` is empty.`, { suggestion })
      return undefined
    }
    const members = value.items.map((item, i) => this.read(item, [...path, i], depth + 1))
    return members.filter((member) => member !== undefined)
  }

  #readPredicate(node: MapNode, path: Path): Predicate | undefined {
    const before = this.#issues.count
    const parts = readParts(node, path, conditionKeys, this.#issues)
    const given = operatorNames.filter((name) => parts.has(name))
    const field = this.#readField(node, parts, path)
    const predicate: Record<string, unknown> = { field }
    this.#readModifiers(parts, path, given, predicate)
    for (const name of given) {
      const value = this.#readOperand(name, parts.get(name)!, [...path, name])
      if (value !== undefined) predicate[name] = value
    }
    // An unknown key is often a misspelt operator; to miss the operator as well would be the same news twice.
    if (given.length === 0 && this.#issues.count === before) {
      this.#issues.add(path, 'The predicate has no operator.', {
        suggestion: `add one of: ${operatorNames.join(', ')}`,
      })
    }
    // What could be read is handed on even when something else could not, so that its own problems show as well.
    return field === undefined ? undefined : (predicate as unknown as Predicate)
  }

  #readField(node: MapNode, parts: Parts, path: Path): string | undefined {
    const field = parts.get('field')
    if (field !== undefined) return readText(field, [...path, 'field'], 'A field path', this.#issues)
    if (node.entries.length === 0) {
      this.#issues.add(path, 'The condition is empty.', { suggestion: 'write { field: …, equals: … }' })
    } else if (!isMisspelt(node, 'field', conditionKeys)) {
      this.#issues.add(path, 'The predicate names no field.', { suggestion: 'add `field: NAME`' })
    }
    return undefined
  }

  #readModifiers(parts: Parts, path: Path, given: readonly OperatorName[], predicate: Record<string, unknown>): void {
    const decode = parts.get('decode')
    if (decode?.kind === 'text' && decode.text === 'url') predicate['decode'] = 'url'
    else if (decode !== undefined) {
      const suggestion = 'write `decode: url`, or leave it out'
      this.#issues.add([...path, 'decode'], `\`decode\` is \`url\`, not ${describe(decode)}.`, { suggestion })
    }
    const ignoreCase = parts.get('ignoreCase')
    if (ignoreCase === undefined) return
    const here = [...path, 'ignoreCase']
    if (readBoolean(ignoreCase, here, '`ignoreCase`', this.#issues) !== true) return
    predicate['ignoreCase'] = true
    if (given.length > 0 && !given.some((name) => operators[name].isText)) {
      this.#issues.add(here, '`ignoreCase` does nothing here: no operator of this predicate compares text.', {
        suggestion: 'drop it',
        atKey: true,
      })
    }
  }

  #readOperand(name: OperatorName, node: SourceNode, path: Path): unknown {
    const issues = this.#issues
    switch (operators[name].operand) {
      case 'pattern':
        return readText(node, path, 'A pattern', issues)
      case 'literal':
        if (node.kind === 'list') {
          issues.add(path, `\`${name}\` takes one text, not a list.`, { suggestion: 'use `in` for several' })
          return undefined
        }
        return readLiteral(node, path, issues)
      case 'literals':
        if (node.kind !== 'list' && node.kind !== 'map') {
          issues.add(path, `\`${name}\` takes a list or { file: PATH }, not ${describe(node)}.`, {
            suggestion: 'put it in brackets, or use `equals`',
          })
          return undefined
        }
        return this.#readTexts(node, path, readLiteral, true)
      case 'literalOrList':
        return this.#readTexts(node, path, readLiteral, false)
      case 'literalOrLists':
        return this.#readTexts(node, path, readLiteral, true)
      case 'networks':
        return this.#readTexts(node, path, readNetworkText, true)
      case 'bound':
        return readBound(node, path, issues)
      case 'boolean':
        return readBoolean(node, path, `\`${name}\``, issues)
    }
  }

  /** Returns a list of texts (one text is a list of one) or a list file. Texts that cannot be read are left out. */
  #readTexts(
    node: SourceNode,
    path: Path,
    read: typeof readLiteral,
    isFileAllowed: boolean,
  ): readonly string[] | ListFile | undefined {
    if (node.kind === 'map') return this.#readListFile(node, path, isFileAllowed)
    if (node.kind !== 'list') {
      const text = read(node, path, this.#issues)
      return text === undefined ? undefined : [text]
    }
    if (node.items.length === 0) {
      this.#issues.add(path, 'The list is empty, so the predicate could never hold.', { suggestion: 'give an entry' })
      return undefined
    }
    if (node.items.length > limits.listEntries) {
      const message = `The list has ${node.items.length} entries; at most ${limits.listEntries} are allowed.`
      this.#issues.add(path, message)
      return undefined
    }
    const texts: string[] = []
    for (const [i, item] of node.items.entries()) {
      const text = isPlainText(item) ? item.text : read(item, [...path, i], this.#issues)
      // A gap would shift the indexes that later messages name.
      texts.push(text ?? unreadText)
    }
    return texts
  }

  #readListFile(node: MapNode, path: Path, isFileAllowed: boolean): ListFile | undefined {
    if (!isFileAllowed) {
      this.#issues.add(path, `\`${path.at(-1)}\` takes a text or a list of texts, not an object.`, {
        suggestion: 'list files are for `in`, `contains` and `cidr`',
      })
      return undefined
    }
    const parts = readParts(node, path, ['file'], this.#issues)
    const file = parts.get('file')
    if (file === undefined) {
      if (!isMisspelt(node, 'file', ['file'])) {
        this.#issues.add(path, 'The list file has no path.', { suggestion: 'write { file: PATH }' })
      }
      return undefined
    }
    const text = readText(file, [...path, 'file'], 'The path of a list file', this.#issues)
    if (text === '') this.#issues.add([...path, 'file'], 'The path of the list file is empty.')
    return text === undefined || text === '' ? undefined : { file: text }
  }
}

/** Stands for an entry that could not be read; the rule set is refused anyway. */
export const unreadText = '\0unread'

function isPlainText(node: SourceNode): node is Extract<SourceNode, { kind: 'text' }> {
  return node.kind === 'text' && /^[\u0020-\u007e]*$/.test(node.text)
}

function readNetworkText(node: SourceNode, path: Path, issues: IssueList): string | undefined {
  return readText(node, path, 'A network', issues)
}

// Reads the tests of a rule set: records with the outcome that is expected of them. Their shape is checked here; they
// are run by whoever has an engine. Called by parse.ts.

import { limits } from '../limits.ts'
import type { IssueList } from './issues.ts'
import { nearest } from './issues.ts'
import { describe, isMisspelt, readParts, readText } from './parse-values.ts'
import type { RuleTest } from './rule-set.ts'
import type { Path, SourceNode } from './source-node.ts'

const testKeys = ['name', 'record', 'expect', 'rule']
const outcomes = ['keep', 'drop', 'malformed']

/** Returns the tests, or undefined when there are none. Records are returned as text, objects as the JSON they are. */
export function readTests(
  node: SourceNode | undefined,
  ids: readonly string[],
  routes: ReadonlySet<string>,
  issues: IssueList,
): RuleTest[] | undefined {
  if (node === undefined) return undefined
  if (node.kind !== 'list') {
    issues.add(['tests'], `\`tests\` is a list, not ${describe(node)}.`, { suggestion: 'write `tests: []` for none' })
    return undefined
  }
  const tests: RuleTest[] = []
  for (const [i, item] of node.items.entries()) {
    const test = readTest(item, ['tests', i], ids, routes, issues)
    if (test !== undefined) tests.push(test)
  }
  return tests
}

function readTest(
  node: SourceNode,
  path: Path,
  ids: readonly string[],
  routes: ReadonlySet<string>,
  issues: IssueList,
): RuleTest | undefined {
  if (node.kind !== 'map') {
    const suggestion = 'write { name: …, record: { … }, expect: keep }'
    issues.add(path, `A test is an object, not ${describe(node)}.`, { suggestion })
    return undefined
  }
  const parts = readParts(node, path, testKeys, issues)
  const [name, record, expect] = ['name', 'record', 'expect'].map((key) => {
    const part = parts.get(key)
    if (part === undefined && !isMisspelt(node, key, testKeys)) {
      issues.add(path, `The test has no \`${key}\`.`, { suggestion: `add \`${key}:\`` })
    }
    return part
  })
  const rule = parts.get('rule')
  const test = {
    name: name === undefined ? undefined : readText(name, [...path, 'name'], 'The name of a test', issues),
    record: record === undefined ? undefined : readRecord(record, [...path, 'record'], issues),
    expect: expect === undefined ? undefined : readExpect(expect, [...path, 'expect'], routes, issues),
    ...(rule === undefined ? {} : { rule: readRuleId(rule, [...path, 'rule'], ids, issues) }),
  }
  return Object.values(test).includes(undefined) ? undefined : (test as RuleTest)
}

function readExpect(node: SourceNode, path: Path, routes: ReadonlySet<string>, issues: IssueList): string | undefined {
  const text = readText(node, path, 'The expected outcome', issues)
  const known = [...outcomes, ...routes]
  if (text === undefined || known.includes(text)) return text
  const close = nearest(text, known)
  issues.add(path, `No rule has the outcome \`${text}\`.`, {
    suggestion: close === undefined ? `expect one of: ${known.join(', ')}` : `did you mean \`${close}\`?`,
  })
  return undefined
}

function readRuleId(node: SourceNode, path: Path, ids: readonly string[], issues: IssueList): string | undefined {
  const text = readText(node, path, 'The deciding rule', issues)
  const known = [...ids, 'default']
  if (text === undefined || known.includes(text)) return text
  const close = nearest(text, known)
  issues.add(path, `The rule set has no rule with the id \`${text}\`.`, {
    suggestion: close === undefined ? "name a rule's id, or `default`" : `did you mean \`${close}\`?`,
  })
  return undefined
}

function readRecord(node: SourceNode, path: Path, issues: IssueList): string | undefined {
  if (node.kind === 'text') {
    const text = readText(node, path, 'A record', issues)?.replace(/\r?\n$/, '')
    if (text === undefined) return undefined
    if (text.includes('\n')) {
      issues.add(path, 'The text of a record holds a line feed, and records end at line feeds.', {
        suggestion: 'write one test for each record, or \\n inside a JSON string',
      })
      return undefined
    }
    if (text === '') {
      issues.add(path, 'The text of the record is empty, and empty lines are no records.')
      return undefined
    }
    return text
  }
  if (node.kind !== 'map') {
    const suggestion = 'write an object, or the exact text of the line in quotes'
    issues.add(path, `A record is an object or a text, not ${describe(node)}.`, { suggestion })
    return undefined
  }
  const before = issues.count
  const text = new RecordWriter(issues).write(node, path)
  return issues.count === before ? text : undefined
}

/** Writes source nodes as JSON; numbers stay as they were written. */
class RecordWriter {
  readonly #issues: IssueList
  #length = 0

  constructor(issues: IssueList) {
    this.#issues = issues
  }

  write(node: SourceNode, path: Path): string {
    // Aliases can repeat a value without end, so what was written is counted.
    if (this.#length > limits.ruleFileBytes || path.length > limits.recordDepth + 16) {
      if (this.#length !== Number.POSITIVE_INFINITY) this.#issues.add(path, 'The record is too large.')
      this.#length = Number.POSITIVE_INFINITY
      return ''
    }
    const text = this.#text(node, path)
    if (node.kind !== 'map' && node.kind !== 'list') this.#length += text.length + 2
    return text
  }

  #text(node: SourceNode, path: Path): string {
    switch (node.kind) {
      case 'map':
        this.#length += 2
        return `{${node.entries.map(({ key, value }) => `${JSON.stringify(key)}:${this.write(value, [...path, key])}`).join(',')}}`
      case 'list':
        this.#length += 2
        return `[${node.items.map((item, i) => this.write(item, [...path, i])).join(',')}]`
      case 'text':
        return JSON.stringify(node.text)
      case 'number':
        return this.#number(node.source, path)
      case 'boolean':
        return String(node.value)
      case 'null':
        return 'null'
      case 'other':
        this.#issues.add(path, `A record holds JSON values, not ${node.what}.`)
        return 'null'
    }
  }

  #number(source: string, path: Path): string {
    if (/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(source)) return source
    this.#issues.add(path, `\`${source}\` is not a JSON number.`, {
      suggestion: `write ${JSON.stringify(source)} for text`,
    })
    return 'null'
  }
}

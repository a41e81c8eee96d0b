// Reads a rule set from source nodes: its own keys, its rules, actions and tests. Conditions are read by
// parse-condition.ts, patterns and lists are checked by plan.ts. Called by compile.ts.

import { limits } from '../limits.ts'
import type { IssueList } from './issues.ts'
import { nearest } from './issues.ts'
import { reservedNames } from './operators.ts'
import { ConditionReader } from './parse-condition.ts'
import { readTests } from './parse-tests.ts'
import { describe, isMisspelt, readLiteral, readParts, readText } from './parse-values.ts'
import type { Action, Condition, Rule, RuleSet } from './rule-set.ts'
import type { Path, SourceNode } from './source-node.ts'

/** A rule set as far as it could be read, and where its conditions stand. */
export interface ParsedRuleSet {
  /** Literals and bounds are text, one text is a list of one, and records of tests are JSON text. */
  readonly ruleSet: RuleSet
  readonly pathOf: ReadonlyMap<Condition, Path>
}

const requiredKeys = [
  ['version', 'add `version: 1`'],
  ['default', 'add `default: drop`, `default: keep` or `default: { route: NAME }`'],
  ['rules', 'add `rules:` with a list, which may be empty'],
] as const
const ruleSetKeys = ['version', 'missing', 'default', 'rules', 'tests']

/**
 * Returns the rule set that `root` holds. What could not be read is in `issues` and left out of the result, which is
 * then good only for finding more issues. Undefined when there is nothing to go on with.
 */
export function parseRuleSet(root: SourceNode, issues: IssueList): ParsedRuleSet | undefined {
  if (root.kind !== 'map') {
    issues.add([], `A rule set is an object, not ${describe(root)}.`, {
      suggestion:
        root.kind === 'list' ? 'write `rules:` before the list, and `version: 1` and `default:` above' : undefined,
    })
    return undefined
  }
  const parts = readParts(root, [], ruleSetKeys, issues)
  for (const [key, suggestion] of requiredKeys) {
    if (parts.has(key) || isMisspelt(root, key, ruleSetKeys)) continue
    issues.add([], `The rule set has no \`${key}\`.`, { suggestion })
  }
  readVersion(parts.get('version'), issues)
  const conditions = new ConditionReader(issues)
  const routes = new Set<string>()
  const missing = readMissing(parts.get('missing'), issues)
  const whenUndecided = parts.get('default')
  const defaultAction = whenUndecided === undefined ? undefined : readAction(whenUndecided, ['default'], routes, issues)
  const rules = readRules(parts.get('rules'), conditions, routes, issues)
  if (conditions.isOverflown) return undefined
  if (routes.size > limits.namedRoutes) {
    issues.add(['rules'], `The rules name ${routes.size} routes; at most ${limits.namedRoutes} are allowed.`)
  }
  const ids = rules.map((rule) => rule.id)
  const tests = readTests(parts.get('tests'), ids, routes, issues)
  const ruleSet: RuleSet = {
    version: 1,
    ...(missing === undefined ? {} : { missing }),
    default: defaultAction ?? 'drop',
    rules: rules.flatMap((rule) => (rule.when === undefined ? [] : [{ ...rule, when: rule.when }])),
    ...(tests === undefined ? {} : { tests }),
  }
  return { ruleSet, pathOf: conditions.pathOf }
}

/** A rule whose condition may have been unreadable. */
type ReadRule = Omit<Rule, 'when'> & { readonly when: Condition | undefined }

function readVersion(node: SourceNode | undefined, issues: IssueList): void {
  if (node === undefined || (node.kind === 'number' && node.source === '1')) return
  const message = `The version of the rule language is 1, not ${describe(node)}.`
  issues.add(['version'], message, { suggestion: 'write `version: 1`' })
}

function readMissing(node: SourceNode | undefined, issues: IssueList): string[] | undefined {
  if (node === undefined) return undefined
  if (node.kind !== 'list') {
    const written = node.kind === 'text' ? node.text : undefined
    const suggestion = written === undefined ? 'write missing: ["-"]' : `write missing: [${JSON.stringify(written)}]`
    issues.add(['missing'], `\`missing\` is a list of texts, not ${describe(node)}.`, { suggestion })
    return undefined
  }
  const texts = node.items.map((item, i) => readLiteral(item, ['missing', i], issues))
  return texts.filter((text) => text !== undefined)
}

function readRules(
  node: SourceNode | undefined,
  conditions: ConditionReader,
  routes: Set<string>,
  issues: IssueList,
): ReadRule[] {
  if (node === undefined) return []
  if (node.kind !== 'list') {
    const suggestion = node.kind === 'null' ? 'write `rules: []` for none' : 'write each rule with a dash before it'
    issues.add(['rules'], `\`rules\` is a list, not ${describe(node)}.`, { suggestion })
    return []
  }
  if (node.items.length > limits.rules) {
    // At the key, so that it stands before the problems of the rules themselves, however many those are.
    issues.add(['rules'], `The rule set has ${node.items.length} rules; at most ${limits.rules} are allowed.`, {
      suggestion: 'join rules with the same action by `any`, or move values to a list file',
      atKey: true,
    })
  }
  const ids = new Map<string, number>()
  return node.items.map((item, i) => readRule(item, i, ids, conditions, routes, issues))
}

function readRule(
  node: SourceNode,
  index: number,
  ids: Map<string, number>,
  conditions: ConditionReader,
  routes: Set<string>,
  issues: IssueList,
): ReadRule {
  const path: Path = ['rules', index]
  if (node.kind !== 'map') {
    const suggestion = 'write { id: NAME, when: CONDITION, then: keep }'
    issues.add(path, `A rule is an object, not ${describe(node)}.`, { suggestion })
    return { id: '', when: undefined, then: 'drop' }
  }
  const parts = readParts(node, path, ruleKeys, issues)
  for (const [key, suggestion] of ruleParts) {
    if (parts.has(key) || isMisspelt(node, key, ruleKeys)) continue
    issues.add(path, `The rule has no \`${key}\`.`, { suggestion })
  }
  const [id, when, then] = ruleKeys.map((key) => parts.get(key))
  const action = then === undefined ? undefined : readAction(then, [...path, 'then'], routes, issues)
  return {
    id: (id === undefined ? undefined : readId(id, [...path, 'id'], ids, index, issues)) ?? '',
    when: when === undefined ? undefined : conditions.read(when, [...path, 'when']),
    then: action ?? 'drop',
  }
}

const ruleParts = [
  ['id', 'add `id: NAME`, by which counts name the rule'],
  ['when', 'add `when: { field: …, equals: … }`'],
  ['then', 'add `then: keep` or `then: drop`'],
] as const
const ruleKeys = ruleParts.map(([key]) => key)

/** Longest id of a rule or name of a route or test: they become labels of metrics and parts of file names. */
const mostNameLength = 64

function readId(
  node: SourceNode,
  path: Path,
  ids: Map<string, number>,
  index: number,
  issues: IssueList,
): string | undefined {
  const id = readText(node, path, 'The id of a rule', issues)
  if (id === undefined) return undefined
  if (id.trim() !== id || id === '' || /\p{Cc}/u.test(id)) {
    issues.add(path, 'The id of a rule is text without control characters and without spaces at its ends.')
  } else if ([...id].length > 4 * mostNameLength) {
    issues.add(path, `The id of the rule is longer than ${4 * mostNameLength} characters.`)
  } else if (reservedNames.includes(id)) {
    issues.add(path, `The id \`${id}\` is reserved for the outcome of that name.`, {
      suggestion: `write \`id: ${id}-…\``,
    })
  } else if (ids.has(id)) {
    issues.add(path, `The id \`${id}\` is also that of rules[${ids.get(id)}].`, {
      suggestion: 'give each rule an id of its own, so that counts can be told apart',
    })
  } else ids.set(id, index)
  return id
}

/** Returns an action, and notes the route that it names. */
function readAction(node: SourceNode, path: Path, routes: Set<string>, issues: IssueList): Action | undefined {
  if (node.kind === 'text') {
    if (node.text === 'keep' || node.text === 'drop') return node.text
    const close = nearest(node.text, ['keep', 'drop'])
    const isName = isRouteName(node.text) && !reservedNames.includes(node.text)
    const named = isName
      ? `write { route: ${node.text} } for a route of that name`
      : 'write keep, drop or { route: NAME }'
    const suggestion = close === undefined ? named : `did you mean \`${close}\`?`
    issues.add(path, `An action is \`keep\`, \`drop\` or { route: NAME }, not ${describe(node)}.`, { suggestion })
    return undefined
  }
  if (node.kind !== 'map') {
    const message = `An action is \`keep\`, \`drop\` or { route: NAME }, not ${describe(node)}.`
    issues.add(path, message, { suggestion: 'write keep, drop or { route: NAME }' })
    return undefined
  }
  const parts = readParts(node, path, ['route'], issues)
  const route = parts.get('route')
  if (route === undefined) {
    if (!isMisspelt(node, 'route', ['route'])) {
      issues.add(path, 'The action names no route.', { suggestion: 'write { route: NAME }, keep or drop' })
    }
    return undefined
  }
  const name = readText(route, [...path, 'route'], 'The name of a route', issues)
  if (name === undefined || !checkRouteName(name, [...path, 'route'], issues)) return undefined
  routes.add(name)
  return { route: name }
}

function isRouteName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) && name.length <= mostNameLength
}

function checkRouteName(name: string, path: Path, issues: IssueList): boolean {
  if (reservedNames.includes(name)) {
    const action = path.slice(0, -1).join('.').replace(/^.*\./, '')
    const suggestion = name === 'keep' || name === 'drop' ? `write \`${action}: ${name}\`` : 'choose another name'
    issues.add(path, `The name \`${name}\` is reserved and cannot be a route's.`, { suggestion })
    return false
  }
  if (isRouteName(name)) return true
  const message = `The name of a route is 1 to ${mostNameLength} letters, digits, \`-\`, \`_\` and \`.\`, and begins with a letter or digit.`
  const mended = name
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, mostNameLength)
  issues.add(path, message, mended === '' ? {} : { suggestion: `write ${mended}` })
  return false
}

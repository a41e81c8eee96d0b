// Settings that are given outside the file: variables of the environment and `--set PATH=VALUE`. Finds out which
// setting each means, and reads its value. Whether the value is allowed is for the schema to say. Called by load.ts.

import { readDocument } from './document.ts'
import { nearest } from './nearest.ts'
import { childOf, environmentNameOf, environmentWord, formatPath, nodeAt, outline, pathOf, settingRows } from './outline.ts' // prettier-ignore
import { anyName, isPlainObject } from './outline.ts'
import type { GroupNode, OutlineNode, Path } from './outline.ts'
import { addUnknown } from './problems.ts'
import type { ProblemList } from './problems.ts'
import type { Assignment, Origin } from './tree.ts'

/** Variables of the environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Variables that begin like settings and are none: where settings are read from, and what contributors use in builds and
 * tests.
 */
export const notSettings: ReadonlySet<string> = new Set(
  ['CONFIG', 'ORIGINAL', 'REQUIRE', 'JUDGE', 'RECORD', 'SEED', 'RUNS', 'UPDATE_API', 'ADDON', 'FAILING_ADDON']
    .concat(['CLANG', 'CORE_TEST', 'FAIL_NEW', 'TECHNIQUES', 'CHAOS_SEEDS'])
    .map((name) => `WEIR_${name}`),
)

/** What Kubernetes puts into every container for a service called `weir`, `weir-admin` and so on. */
const kubernetesVariable =
  /^WEIR_(?!.*__.*=)([A-Z0-9_]+_)?(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)=|PORT(_\d+_(TCP|UDP|SCTP))?=(tcp|udp|sctp):|PORT_\d+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)=)/

/**
 * Returns what the environment sets, groups before what stands in them. `namesAt` returns the names that are chosen in
 * the settings so far: a variable cannot tell `a-b` from `a.b`.
 */
export function readEnvironment(
  environment: Environment,
  namesAt: (path: Path) => readonly string[],
  problems: ProblemList,
): Assignment[] {
  const assignments: Assignment[] = []
  for (const [name, text] of Object.entries(environment).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.startsWith('WEIR_') || text === undefined) continue
    if (notSettings.has(name) || kubernetesVariable.test(`${name}=${text}`)) continue
    const origin: Origin = { kind: 'environment', name }
    const path = environmentPath(name, namesAt, problems, origin)
    const value = path === undefined ? undefined : readValue(path, text, problems, origin)
    if (path !== undefined && value !== undefined) assignments.push({ path, value, origin })
  }
  return assignments.toSorted((a, b) => a.path.length - b.path.length)
}

function environmentPath(
  name: string,
  namesAt: (path: Path) => readonly string[],
  problems: ProblemList,
  origin: Origin,
): Path | undefined {
  const path: string[] = []
  const words = name.slice('WEIR_'.length).split('__')
  for (const [i, word] of words.entries()) {
    const node = nodeAt(path)
    const steps = node?.kind === 'group' ? stepsFor(word, node, namesAt(path)) : []
    const [step, second] = steps
    if (step !== undefined && second === undefined) {
      path.push(step)
      continue
    }
    const [message, suggestion] =
      second === undefined
        ? ['There is no setting of this name.', suggestVariable(words, i, path, namesAt)]
        : [`The variable means one of ${steps.join(', ')}, and cannot tell which.`, 'set it in the file or by `--set`']
    problems.add([], message, { suggestion, origin })
    return undefined
  }
  return path
}

/** Returns the names in a group that the word of a variable may mean. */
function stepsFor(word: string, group: GroupNode, given: readonly string[]): string[] {
  const fixed = [...group.entries.keys()].filter((name) => environmentWord(name) === word)
  if (fixed.length > 0 || group.others === undefined) return fixed
  const known = given.filter((name) => environmentWord(name) === word)
  if (known.length > 0) return known
  return /^[A-Z0-9]/.test(word) ? [word.toLowerCase().replaceAll('_', '-')] : []
}

/** Returns a guess at the variable that was meant: one word slipped, or single underscores where two belong. */
function suggestVariable(
  words: readonly string[],
  at: number,
  path: readonly string[],
  namesAt: (path: Path) => readonly string[],
): string {
  const name = ['WEIR', words.join('__')].join('_')
  for (const { environmentName } of settingRows()) {
    const steps = environmentName.split('__')
    const pattern = steps.map((step) => (step === anyName ? '([A-Z0-9]+)' : step)).join('_+')
    const match = new RegExp(`^${pattern}$`).exec(name)
    if (match === null) continue
    let used = 0
    const meant = steps.map((step) => (step === anyName ? match[++used] : step)).join('__')
    if (meant !== name) return `did you mean ${meant}? Steps are joined by two underscores`
  }
  const node = nodeAt(path)
  if (node?.kind !== 'group') return `${environmentNameOf(path)} is a single setting; nothing stands below it`
  const known = [...node.entries.keys(), ...(node.others === undefined ? [] : namesAt(path))]
  const close = nearest(words[at] ?? '', known.map(environmentWord))
  if (close === undefined) return `known here: ${known.map((each) => environmentNameOf([...path, each])).join(', ')}`
  // Later words may be settings of any case, which variables have in capitals only.
  const meant = [...words.slice(0, at), close, ...words.slice(at + 1).map((word) => word.toUpperCase())]
  return `did you mean ${['WEIR', meant.join('__')].join('_')}?`
}

/** Returns what the texts behind `--set` set, in their order. */
export function readSets(sets: readonly string[], problems: ProblemList): Assignment[] {
  const assignments: Assignment[] = []
  const seen = new Set<string>()
  for (const text of sets) {
    const equals = text.indexOf('=')
    const path = pathOf(equals < 0 ? text : text.slice(0, equals))
    // What names no setting may be a secret that was put there by mistake: it is not told.
    const isNamed = path !== undefined && (equals >= 0 || nodeAt(path) !== undefined)
    const origin: Origin = { kind: 'flag', name: isNamed ? `--set ${formatPath(path)}` : '--set' }
    if (equals < 0 || path === undefined) {
      problems.add([], 'There is no PATH=VALUE.', { suggestion: 'as --set log.level=debug', origin })
      continue
    }
    if (seen.has(formatPath(path))) problems.add(path, 'The setting is given twice by `--set`.', { origin })
    seen.add(formatPath(path))
    if (!isKnown(path, problems, origin)) continue
    const value = readValue(path, text.slice(equals + 1), problems, origin)
    if (value !== undefined) assignments.push({ path, value, origin })
  }
  return assignments
}

function isKnown(path: readonly string[], problems: ProblemList, origin: Origin): boolean {
  let node: OutlineNode | undefined = outline
  for (const [i, step] of path.entries()) {
    node = node.kind === 'group' ? childOf(node, step) : undefined
    if (node !== undefined) continue
    addUnknown(problems, path.slice(0, i), step, { origin })
    return false
  }
  return true
}

/** Returns the value that a text means for the setting at the path; undefined after adding a problem. */
function readValue(path: Path, text: string, problems: ProblemList, origin: Origin): unknown {
  const node = nodeAt(path)
  if (node?.kind === 'field') {
    switch (node.field.kind) {
      case 'count':
        return /^\d+$/.test(text) ? Number(text) : text
      case 'flag':
        return text === 'true' ? true : text === 'false' ? false : text
      case 'list':
        return text === '' ? [] : text.split(',').map((each) => each.trim())
      case 'rules':
        if (!text.startsWith('{')) return text
        break
      default:
        return text
    }
  }
  const document = readDocument(text)
  if (document.problems.length === 0 && isPlainObject(document.value)) return document.value
  problems.add(path, 'The value of a group is written in braces.', { suggestion: 'as {} or { discard: {} }', origin })
  return undefined
}

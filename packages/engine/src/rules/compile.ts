// The way from a rule file, a text or an object to a program: read, parse, plan, write. The one entry to rules/ for
// the layers above; it alone decides what a rule set's source means and throws RuleSetError.

import { dirname, extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RuleSetIssue } from '../errors.ts'
import { RuleSetError } from '../errors.ts'
import { limits } from '../limits.ts'
import { readWhole } from './files.ts'
import type { OnRead } from './files.ts'
import { IssueList } from './issues.ts'
import { jsonSource } from './json-source.ts'
import { setOriginalAside } from './original-near.ts'
import { isOriginalSettings, parseOriginal } from './original.ts'
import type { TranslatedFilter } from './original-plan.ts'
import { equivalentRuleSet, originalPlan, translateFilters } from './original-plan.ts'
import { parseRuleSet } from './parse.ts'
import { buildPlan } from './plan.ts'
import type { Program } from './program.ts'
import type { OriginalSettings, RuleSet } from './rule-set.ts'
import type { MapNode, Source, SourceNode } from './source-node.ts'
import { addTimeField } from './time-field.ts'
import { valueSource } from './value-source.ts'
import { versionOf } from './version.ts'
import { listBytesOf, mostProgramBytes, writeProgram } from './write-program.ts'
import { yamlSource } from './yaml-source.ts'

/** The text of a rule set, and what its file would have told. */
export interface RuleText {
  readonly text: string
  /** Default: `json` when `name` ends in `.json`, else `yaml`. */
  readonly format?: 'yaml' | 'json'
  /** What list files are relative to. Without it, only absolute paths are accepted. */
  readonly directory?: string
  /** What messages call the text. */
  readonly name?: string
  /**
   * `refused`: a list file is a problem, and no file is touched, nor is it told whether one exists. For texts of somebody
   * who may not read the files of this machine. Default: `read`.
   */
  readonly listFiles?: 'read' | 'refused'
}

/**
 * A rule set: the path or file URL of a rule file (`.json` is JSON, anything else YAML), its text, or an object.
 * Paths are relative to the working directory. In each form it may be filters of the original converter instead.
 */
export type RuleSource = string | URL | RuleSet | OriginalSettings | RuleText

/** A `RuleSource` as plain data that can be posted to another thread; what an object means is read before. */
export type PostedSource =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'url'; readonly href: string }
  | { readonly kind: 'text'; readonly text: RuleText }
  | { readonly kind: 'tree'; readonly root: SourceNode | undefined }

/** Returns a source as plain data: of an object, what it holds at this moment. Cost: linear in an object's size. */
export function postedSource(source: RuleSource): PostedSource {
  if (typeof source === 'string') return { kind: 'path', path: source }
  if (source instanceof URL) return { kind: 'url', href: source.href }
  if (isRuleText(source)) return { kind: 'text', text: knownParts(source) }
  return { kind: 'tree', root: valueSource(source).root }
}

/** Without what nobody reads, which may be nothing that can be posted. */
function knownParts({ text, format, directory, name, listFiles }: RuleText): RuleText {
  return {
    text,
    ...(format === undefined ? {} : { format }),
    ...(directory === undefined ? {} : { directory }),
    ...(name === undefined ? {} : { name }),
    ...(listFiles === undefined ? {} : { listFiles }),
  }
}

/** A program with the rule set it was made of. */
export interface CompiledRuleSet {
  readonly program: Program
  /** As written, but literals and bounds are text, one text is a list of one, and records of tests are JSON text. */
  readonly ruleSet: RuleSet
  /** List files that the rules name, as they stand there. */
  readonly listFiles: readonly string[]
  /** What looks wrong but is not, in order of place. */
  readonly warnings: readonly RuleSetIssue[]
  /** Present where the source held filters of the original; `ruleSet` then says the same of ordinary records. */
  readonly filters?: readonly TranslatedFilter[]
}

/**
 * Returns the program of a rule set. Synchronous. `timeField`: the path of the field whose delay the kernel counts.
 *
 * Errors: `ERR_RULESET_INVALID` with the problems and warnings, in order of place; `ERR_RULESET_UNREADABLE` when the
 * only problems are files that cannot be read; `ERR_CONFIG_INVALID` when `timeField` is no field path for this rule set.
 *
 * Cost: compiles every pattern and reads every list file; a million entries take about a second.
 */
export function compileRuleSet(source: RuleSource, timeField?: string): CompiledRuleSet {
  return compilePosted(postedSource(source), timeField)
}

/** Does the same for a source that was posted. `onRead` is told of every file before it is read. */
export function compilePosted(source: PostedSource, timeField?: string, onRead?: OnRead): CompiledRuleSet {
  const issues = new IssueList()
  const input = openSource(source, issues, onRead)
  const { root } = input.source
  if (root !== undefined && isOriginalSettings(root)) return compileOriginal(root, input, issues, timeField)
  const rest = root === undefined ? undefined : setOriginalAside(root, issues)
  const parsed = rest === undefined ? undefined : parseRuleSet(rest, issues)
  if (parsed === undefined) throw errorOf(input, issues)
  const { plan, lists, listFiles } = buildPlan(parsed, input, issues)
  if (listBytesOf(lists) > mostProgramBytes - 2 * limits.ruleFileBytes) {
    issues.add(
      ['rules'],
      `The lists take ${listBytesOf(lists)} bytes together; a program has at most ${mostProgramBytes}.`,
    )
  }
  if (issues.count > 0) throw errorOf(input, issues)
  const digests = lists.map((list) => list.digest)
  const program = writeProgram({ version: versionOf(plan, digests), ...addTimeField(plan, timeField) }, lists)
  return { program, ruleSet: parsed.ruleSet, listFiles, warnings: issues.warnings(input.source) }
}

/** The same for filters of the original converter: a program of their dialect. */
function compileOriginal(root: MapNode, input: Input, issues: IssueList, timeField?: string): CompiledRuleSet {
  const filters = translateFilters(parseOriginal(root, issues), issues)
  if (issues.count > 0) throw errorOf(input, issues)
  const plan = originalPlan(filters)
  const program = writeProgram({ version: versionOf(plan, []), ...addTimeField(plan, timeField) }, [])
  const warnings = issues.warnings(input.source)
  return { program, ruleSet: equivalentRuleSet(filters), listFiles: [], warnings, filters }
}

interface Input {
  readonly source: Source
  readonly directory: string | undefined
  readonly name: string
  readonly refusesFiles?: true
  readonly onRead?: OnRead
}

function openSource(posted: PostedSource, issues: IssueList, onRead: OnRead = () => undefined): Input {
  if (posted.kind === 'path') return openFile(posted.path, issues, onRead)
  if (posted.kind === 'url') return openFile(new URL(posted.href), issues, onRead)
  if (posted.kind === 'text') {
    const { text, format, directory, name = 'The rule set', listFiles } = posted.text
    const resolved = directory === undefined ? undefined : resolve(directory)
    const input = { source: textSource(text, format ?? formatOf(name), issues), directory: resolved, name, onRead }
    return listFiles === 'refused' ? { ...input, refusesFiles: true } : input
  }
  return { source: { root: posted.root }, directory: undefined, name: 'The rule set', onRead }
}

function isRuleText(source: RuleSet | OriginalSettings | RuleText): source is RuleText {
  return typeof source === 'object' && source !== null && 'text' in source && typeof source.text === 'string'
}

function openFile(source: string | URL, issues: IssueList, onRead: OnRead): Input {
  const name = typeof source === 'string' ? source : source.href
  const refuse = (message: string, suggestion: string | undefined, isUnreadable: boolean): Input => {
    issues.add([], message, { suggestion, isUnreadable })
    return { source: { root: undefined }, directory: undefined, name }
  }
  if (typeof source !== 'string' && source.protocol !== 'file:') {
    return refuse(`The rule file ${name} is not a file.`, 'give a path, or a URL that begins with file:', true)
  }
  const path = typeof source === 'string' ? resolve(source) : pathOfUrl(source)
  if (path === undefined) return refuse(`The URL ${name} names no file of this machine.`, 'give a path', true)
  const bytes = readWhole(path, limits.ruleFileBytes, { mayBePipe: true, onRead })
  if (!Buffer.isBuffer(bytes)) return refuse(bytes.message, bytes.suggestion, bytes.isUnreadable === true)
  return { source: textSource(bytes.toString('utf8'), formatOf(path), issues), directory: dirname(path), name, onRead }
}

function pathOfUrl(url: URL): string | undefined {
  try {
    return fileURLToPath(url)
  } catch {
    return undefined
  }
}

function formatOf(name: string): 'yaml' | 'json' {
  return extname(name).toLowerCase() === '.json' ? 'json' : 'yaml'
}

function textSource(text: string, format: 'yaml' | 'json', issues: IssueList): Source {
  if (Buffer.byteLength(text, 'utf8') > limits.ruleFileBytes) {
    issues.add([], `The rule set is larger than ${limits.ruleFileBytes} bytes.`, {
      suggestion: 'move long lists to list files',
    })
    return { root: undefined }
  }
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text
  return format === 'json' ? jsonSource(body, issues) : yamlSource(body, issues)
}

function errorOf({ name, source }: Input, issues: IssueList): RuleSetError {
  const problems = issues.problems(source)
  const first = problems[0]!
  const place = [
    ...(first.path === '' ? [] : [first.path]),
    ...(first.line === undefined ? [] : [`line ${first.line}, column ${first.column}`]),
  ].join(', ')
  const cure = first.suggestion === undefined ? '' : ` Suggestion: ${first.suggestion}.`
  const count = issues.count === 1 ? 'a problem' : `${issues.count} problems; the first`
  const message = `${name} has ${count}${place === '' ? '' : ` at ${place}`}: ${first.message}${cure}`
  const code = issues.isUnreadable ? 'ERR_RULESET_UNREADABLE' : 'ERR_RULESET_INVALID'
  return new RuleSetError(code, message, problems, { warnings: issues.warnings(source) })
}

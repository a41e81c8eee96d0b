// Turns the YAML text of a rule file into source nodes, by YAML 1.2's core schema. The only file that imports the
// package yaml. Aliases become the node they stand for, shared and not copied, so that a few lines of them cannot
// fill the memory; who walks the tree bounds its steps. Called by compile.ts.
//
// The package is loaded when the first text is parsed: its many files take longer to load than everything else that a
// program with a JSON rule file or an object needs, and a pool's threads can start meanwhile.

import { createRequire } from 'node:module'
import type * as Yaml from 'yaml'
import type { Alias, ParsedNode, Scalar, YAMLMap } from 'yaml'
import type { IssueList } from './issues.ts'
import type { MapNode, Source, SourceNode } from './source-node.ts'
import { lineLocator } from './source-node.ts'

const require = createRequire(import.meta.url)
let loaded: typeof Yaml | undefined

/** Returns the package yaml. Synchronous, as compiling a rule set is. */
function library(): typeof Yaml {
  loaded ??= require('yaml') as typeof Yaml
  return loaded
}

/** Nesting beyond this is no rule set. The package reads lists by recursion, and overflows at about 650 of them. */
const mostDepth = 256

class NestingFault extends Error {
  readonly at: number

  constructor(at: number) {
    super()
    this.at = at
  }
}

/** Returns the source of YAML text; syntax errors go to `issues`, and then the source has no root. */
export function yamlSource(text: string, issues: IssueList): Source {
  const locate = lineLocator(text)
  const before = issues.count
  let root: SourceNode | undefined
  try {
    root = parseYaml(text, issues)
  } catch (error) {
    if (error instanceof NestingFault) {
      const suggestion = 'close what is open; a record of a test that nests deeper is written as text'
      issues.add([], `The text nests more than ${mostDepth} deep.`, { at: error.at, suggestion })
    } else if (error instanceof RangeError) {
      // The caller had used up most of the stack before.
      issues.add([], 'The text nests too deeply to be read.', { at: 0 })
    } else throw error
  }
  return { root: issues.count === before ? root : undefined, locate }
}

function parseYaml(text: string, issues: IssueList): SourceNode | undefined {
  const { Composer } = library()
  // Duplicate keys are found by parse.ts, which can name their path. Errors are reworded without a code frame.
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, logLevel: 'silent', stringKeys: false })
  const [document, second] = composer.compose(shallowTokens(text))
  if (document === undefined || document.contents === null) {
    issues.add([], 'The rule file is empty.', { at: 0, suggestion: 'begin with `version: 1`' })
    return undefined
  }
  addParserProblems([...document.errors, ...document.warnings], issues)
  const version = document.directives?.yaml.explicit === true ? document.directives.yaml.version : '1.2'
  if (version !== '1.2') {
    issues.add([], `Rule files are YAML 1.2, not ${version}.`, { at: 0, suggestion: 'drop the `%YAML` line' })
  }
  if (second !== undefined) {
    issues.add([], 'The file holds more than one YAML document.', {
      at: second.range[0],
      suggestion: 'keep one rule set a file, and drop the line `---` between them',
    })
  }
  return new TreeBuilder(issues).nodeOf(document.contents)
}

/**
 * Yields the tokens of YAML text, as the package's own parser does, and throws a NestingFault before more of them nest
 * than the composer can follow: overflowing, it would report each level as a problem of its own.
 */
function* shallowTokens(text: string): Generator<Yaml.CST.Token> {
  const { Lexer, Parser } = library()
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) {
    const at = parser.offset
    yield* parser.next(lexeme)
    if (parser.stack.length > mostDepth + 1 && depthOf(parser) > mostDepth) throw new NestingFault(at)
  }
  yield* parser.end()
}

/** Counts the lists and objects that are open: the document stands below them, and on top perhaps a scalar. */
function depthOf({ stack }: Yaml.Parser): number {
  return stack.length - 1 - ('items' in stack.at(-1)! ? 0 : 1)
}

/** Problems of the parser with the same message that are reported one by one: most follow from the first. */
const mostAlike = 10

function addParserProblems(problems: readonly Yaml.YAMLError[], issues: IssueList): void {
  if (problems.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) throw new RangeError()
  const alike = new Map<string, number>()
  for (const { message } of problems) alike.set(message, (alike.get(message) ?? 0) + 1)
  const seen = new Map<string, number>()
  for (const { message, pos, code } of problems) {
    const before = seen.get(message) ?? 0
    seen.set(message, before + 1)
    if (before > mostAlike) continue
    const text = yamlMessage(message)
    const rest = `From here on the same stands ${alike.get(message)! - mostAlike} times more: ${text}`
    issues.add([], before < mostAlike ? text : rest, { at: pos[0], suggestion: yamlCures[code] })
  }
}

const yamlCures: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  TAG_RESOLVE_FAILED: 'drop the tag, and quote the value where it is text',
  BAD_DQ_ESCAPE: 'double the backslash, or use single quotes, in which a backslash is itself',
}

function yamlMessage(message: string): string {
  const first = message.split('\n', 1)[0]!.trim()
  return /[.!?]$/.test(first) ? first : `${first}.`
}

class TreeBuilder {
  readonly #yaml = library()
  readonly #anchors = new Map<string, SourceNode>()
  readonly #issues: IssueList

  constructor(issues: IssueList) {
    this.#issues = issues
  }

  nodeOf(node: ParsedNode | null): SourceNode {
    if (node === null) return { kind: 'null', at: 0, source: '' }
    if (this.#yaml.isAlias(node)) return this.#target(node)
    if (this.#yaml.isMap(node)) return this.#mapOf(node)
    if (this.#yaml.isSeq(node)) {
      const items: SourceNode[] = []
      const list: SourceNode = { kind: 'list', at: node.range[0], items }
      this.#remember(node.anchor, list)
      for (const item of node.items) items.push(this.nodeOf(item))
      return list
    }
    const scalar = scalarOf(node)
    this.#remember(node.anchor, scalar)
    return scalar
  }

  #remember(anchor: string | undefined, node: SourceNode): void {
    if (anchor !== undefined) this.#anchors.set(anchor, node)
  }

  #target(alias: Alias.Parsed): SourceNode {
    const target = this.#anchors.get(alias.source)
    if (target !== undefined) return target
    this.#issues.add([], `The alias \`*${alias.source}\` names no anchor above it.`, { at: alias.range[0] })
    return { kind: 'null', at: alias.range[0], source: '' }
  }

  #mapOf(node: YAMLMap.Parsed): MapNode {
    const map: MapNode = { kind: 'map', at: node.range[0], entries: [] }
    this.#remember(node.anchor, map)
    const merged: MapNode[] = []
    for (const { key, value } of node.items) {
      const keyNode = this.nodeOf(key)
      const valueNode = value === null ? ({ kind: 'null', at: keyNode.at, source: '' } as const) : this.nodeOf(value)
      const isMerge = this.#yaml.isScalar(key) && key.value === '<<' && key.type === 'PLAIN'
      if (isMerge) merged.push(...this.#mergeSources(valueNode))
      else map.entries.push({ key: this.#keyText(keyNode), keyAt: keyNode.at, value: valueNode })
    }
    if (merged.length > 0) {
      // YAML's merge type: keys of the map itself win, then those of earlier maps.
      const present = new Set(map.entries.map((entry) => entry.key))
      for (const entry of merged.flatMap((each) => each.entries)) {
        if (present.has(entry.key)) continue
        present.add(entry.key)
        map.entries.push(entry)
      }
    }
    return map
  }

  #mergeSources(value: SourceNode): MapNode[] {
    const nodes = value.kind === 'list' ? value.items : [value]
    const maps = nodes.filter((node) => node.kind === 'map')
    if (maps.length < nodes.length || nodes.length === 0) {
      this.#issues.add([], 'The merge key `<<` takes an alias of an object, or a list of such.', {
        at: value.at,
        suggestion: 'write `<<: *name`, where `&name` stands before an object; quote "<<" if it is a plain key',
      })
    }
    return maps
  }

  #keyText(key: SourceNode): string {
    switch (key.kind) {
      case 'text':
        return key.text
      case 'number':
      case 'boolean':
      case 'null':
        return key.source
      default:
        this.#issues.add([], 'A key is text, not a list or an object.', { at: key.at })
        return ''
    }
  }
}

function scalarOf(node: Scalar.Parsed): SourceNode {
  const at = node.range[0]
  const source = node.source ?? ''
  const { value } = node as { value: unknown }
  switch (typeof value) {
    case 'string':
      return { kind: 'text', at, text: value }
    case 'number':
    case 'bigint':
      return { kind: 'number', at, source }
    case 'boolean':
      return { kind: 'boolean', at, value, source }
    default:
      return value === null
        ? { kind: 'null', at, source }
        : { kind: 'other', at, what: 'a value of a special YAML type' }
  }
}

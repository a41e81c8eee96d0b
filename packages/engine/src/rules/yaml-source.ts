// Turns the YAML text of a rule file into source nodes, by YAML 1.2's core schema. The only file that imports the
// package yaml. Aliases become the node they stand for, shared and not copied, so that a few lines of them cannot
// fill the memory; who walks the tree bounds its steps. Called by compile.ts.

import type { Alias, ParsedNode, Scalar, YAMLMap } from 'yaml'
import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml'
import type { IssueList } from './issues.ts'
import type { MapNode, Source, SourceNode } from './source-node.ts'
import { lineLocator } from './source-node.ts'

/** Returns the source of YAML text; syntax errors go to `issues`, and then the source has no root. */
export function yamlSource(text: string, issues: IssueList): Source {
  const locate = lineLocator(text)
  const before = issues.count
  let root: SourceNode | undefined
  try {
    root = parseYaml(text, issues)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    issues.add([], 'The text nests too deeply to be read.', { at: 0 })
  }
  return { root: issues.count === before ? root : undefined, locate }
}

function parseYaml(text: string, issues: IssueList): SourceNode | undefined {
  // Duplicate keys are found by parse.ts, which can name their path. Errors are reworded without a code frame.
  const documents = parseAllDocuments(text, {
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    stringKeys: false,
  })
  const [document, second] = Array.isArray(documents) ? documents : []
  if (document === undefined || document.contents === null) {
    issues.add([], 'The rule file is empty.', { at: 0, suggestion: 'begin with `version: 1`' })
    return undefined
  }
  for (const problem of [...document.errors, ...document.warnings]) {
    issues.add([], yamlMessage(problem.message), { at: problem.pos[0], suggestion: yamlCures[problem.code] })
  }
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
  readonly #anchors = new Map<string, SourceNode>()
  readonly #issues: IssueList

  constructor(issues: IssueList) {
    this.#issues = issues
  }

  nodeOf(node: ParsedNode | null): SourceNode {
    if (node === null) return { kind: 'null', at: 0, source: '' }
    if (isAlias(node)) return this.#target(node)
    if (isMap(node)) return this.#mapOf(node)
    if (isSeq(node)) {
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
      const isMerge = isScalar(key) && key.value === '<<' && key.type === 'PLAIN'
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

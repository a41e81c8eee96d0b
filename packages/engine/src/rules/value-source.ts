// Turns a rule set that is an object of the program into source nodes. Its issues have paths but no lines.
// Called by compile.ts.

import type { SourceEntry, Source, SourceNode } from './source-node.ts'

/** Nesting beyond this is no rule set; the conditions' own limit is far below. */
const mostDepth = 1200

/** Returns the source of a rule set given as an object. Properties whose value is undefined count as absent. */
export function valueSource(value: unknown): Source {
  let at = 0
  const above = new Set<object>()

  function nodeOf(each: unknown, depth: number): SourceNode {
    const scalar = scalarOf(each, at++)
    if (scalar !== undefined) return scalar
    const object = each as object
    if (above.has(object)) return { kind: 'other', at, what: 'an object that contains itself' }
    if (depth > mostDepth) return { kind: 'other', at, what: `an object nested more than ${mostDepth} deep` }
    above.add(object)
    const node = Array.isArray(object) ? listOf(object, depth) : mapOf(object, depth)
    above.delete(object)
    return node
  }

  function listOf(values: readonly unknown[], depth: number): SourceNode {
    const start = at
    return { kind: 'list', at: start, items: Array.from(values, (item) => nodeOf(item, depth + 1)) }
  }

  function mapOf(object: object, depth: number): SourceNode {
    const start = at
    const entries: SourceEntry[] = []
    for (const [key, child] of Object.entries(object)) {
      if (child !== undefined) entries.push({ key, keyAt: at++, value: nodeOf(child, depth + 1) })
    }
    return { kind: 'map', at: start, entries }
  }

  return { root: nodeOf(value, 0) }
}

/** Returns the node of a value that has no parts; undefined for lists and plain objects. */
function scalarOf(value: unknown, at: number): SourceNode | undefined {
  switch (typeof value) {
    case 'string':
      return { kind: 'text', at, text: value }
    case 'boolean':
      return { kind: 'boolean', at, value, source: String(value) }
    case 'bigint':
      return { kind: 'number', at, source: String(value) }
    case 'number':
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        return { kind: 'number', at, source: String(value), isUnsafe: true }
      }
      return { kind: 'number', at, source: String(value) }
    case 'object': {
      if (value === null) return { kind: 'null', at, source: 'null' }
      if (Array.isArray(value)) return undefined
      const prototype: unknown = Object.getPrototypeOf(value)
      // An object from another realm has that realm's Object.prototype, whose own prototype is null.
      if (prototype === null || Object.getPrototypeOf(prototype) === null) return undefined
      return { kind: 'other', at, what: `an object of class ${value.constructor.name}` }
    }
    default:
      return { kind: 'other', at, what: value === undefined ? 'undefined' : `a ${typeof value}` }
  }
}

// Reads the single values of a rule file - keys of an object, texts, literals, bounds - from source nodes, and says
// what is wrong with them. Used by parse.ts and parse-condition.ts.

import type { IssueList } from './issues.ts'
import { nearest } from './issues.ts'
import type { MapNode, Path, SourceNode } from './source-node.ts'

/** What a node is, for messages. */
export function describe(node: SourceNode): string {
  switch (node.kind) {
    case 'map':
      return 'an object'
    case 'list':
      return 'a list'
    case 'text':
      return `the text ${shorten(JSON.stringify(node.text))}`
    case 'number':
      return `the number ${shorten(node.source)}`
    case 'boolean':
      return `\`${node.source}\``
    case 'null':
      return node.source === '' ? 'nothing' : `\`${node.source}\``
    case 'other':
      return node.what
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** The entries of a map by key, after unknown and repeated keys have become issues. */
export type Parts = ReadonlyMap<string, SourceNode>

/** Returns the entries of `map` by key. A repeated key keeps its first value; an unknown one is left out. */
export function readParts(map: MapNode, path: Path, known: readonly string[], issues: IssueList): Parts {
  const parts = new Map<string, SourceNode>()
  const seen = new Set<string>()
  for (const { key, keyAt, value } of map.entries) {
    const here = [...path, key]
    if (seen.has(key)) {
      issues.add(here, `The key \`${key}\` is repeated.`, { at: keyAt, suggestion: 'keep one of the two' })
    } else if (known.includes(key)) {
      parts.set(key, value)
    } else {
      const close = nearest(key, known)
      const suggestion = close === undefined ? `known keys here: ${known.join(', ')}` : `did you mean \`${close}\`?`
      issues.add(here, `The key \`${key}\` is unknown.`, { at: keyAt, suggestion })
    }
    seen.add(key)
  }
  return parts
}

/** Whether `map` has an unknown key that is probably a slip of `key`, so that its absence is no further news. */
export function isMisspelt(map: MapNode, key: string, known: readonly string[]): boolean {
  return map.entries.some((entry) => !known.includes(entry.key) && nearest(entry.key, known) === key)
}

/** Returns the text of a node that must be a string. `what` names the value in messages. */
export function readText(node: SourceNode, path: Path, what: string, issues: IssueList): string | undefined {
  if (node.kind === 'text') return checkedText(node.text, path, issues)
  const quotable = node.kind === 'number' || node.kind === 'boolean' || (node.kind === 'null' && node.source !== '')
  const suggestion = quotable ? `write ${JSON.stringify(node.source)}` : undefined
  issues.add(path, `${what} is text, not ${describe(node)}.`, { suggestion })
  return undefined
}

function checkedText(text: string, path: Path, issues: IssueList): string | undefined {
  // A lone surrogate has no UTF-8 form, so no record could ever hold it.
  if (!/\p{Surrogate}/u.test(text)) return text
  issues.add(path, 'The text holds half of a surrogate pair, which UTF-8 cannot express.', {
    suggestion: 'write the whole character, or both halves',
  })
  return undefined
}

/** Returns a literal as text: a string, or an integer or boolean as written. */
export function readLiteral(node: SourceNode, path: Path, issues: IssueList): string | undefined {
  switch (node.kind) {
    case 'text':
      return checkedText(node.text, path, issues)
    case 'boolean':
      if (node.source === 'true' || node.source === 'false') return node.source
      break
    case 'number':
      if (node.isUnsafe === true) {
        issues.add(path, `The number ${node.source} is too large for JavaScript to hold exactly.`, {
          suggestion: 'give it as text or as a bigint',
        })
        return undefined
      }
      if (/^-?(?:0|[1-9][0-9]*)$/.test(node.source)) return node.source
      break
    case 'null':
      break
    default:
      issues.add(path, `A text to compare with is a string, an integer or a boolean, not ${describe(node)}.`)
      return undefined
  }
  if (node.source === '') {
    issues.add(path, 'A text to compare with is missing.', {
      suggestion: 'write "" for the empty text, or give a value',
    })
    return undefined
  }
  const quoted = JSON.stringify(node.source)
  issues.add(path, `\`${node.source}\` needs quotes: only integers, \`true\` and \`false\` go without.`, {
    suggestion:
      node.kind === 'null' ? `write ${quoted} for that text, or \`exists: false\` for no value` : `write ${quoted}`,
  })
  return undefined
}

const jsonNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/
const paddedNumber = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/

/** Returns a bound as written: a number, or text that is a JSON number with leading zeros allowed. */
export function readBound(node: SourceNode, path: Path, issues: IssueList): string | undefined {
  if (node.kind === 'number' && jsonNumber.test(node.source)) return node.source
  if (node.kind === 'text' && paddedNumber.test(node.text)) return node.text
  const written = node.kind === 'text' ? node.text : node.kind === 'number' ? node.source : undefined
  issues.add(path, `A bound is a number as JSON writes it, not ${describe(node)}.`, {
    suggestion: (written === undefined ? undefined : mendedNumber(written)) ?? 'write a number such as 500 or 0.5',
  })
  return undefined
}

/** Returns the likely meaning of a number that JSON does not know. */
function mendedNumber(written: string): string | undefined {
  const text = written.trim().replaceAll(/(?<=[0-9])[_,](?=[0-9])/g, '')
  if (/^0[xob][0-9a-f]+$/i.test(text)) {
    const value = /^0o/i.test(text) && !/^0o[0-7]+$/i.test(text) ? Number.NaN : Number(text)
    return Number.isSafeInteger(value) ? `write ${value}` : undefined
  }
  const plain = text
    .replace(/^\+/, '')
    .replace(/^(-?)0+(?=[0-9])/, '$1')
    .replace(/^(-?)\./, '$10.')
    .replace(/\.(?=$|[eE])/, '')
  return jsonNumber.test(plain) && plain !== written ? `write ${plain}` : undefined
}

/** Returns a boolean. */
export function readBoolean(node: SourceNode, path: Path, what: string, issues: IssueList): boolean | undefined {
  if (node.kind === 'boolean') return node.value
  const word = node.kind === 'text' ? node.text.toLowerCase() : ''
  const cures: Readonly<Record<string, string>> = {
    ...{ yes: 'true', on: 'true', true: 'true', no: 'false', off: 'false', false: 'false' },
  }
  const cure = Object.hasOwn(cures, word) ? `write ${cures[word]} without quotes` : 'write true or false'
  issues.add(path, `${what} is true or false, not ${describe(node)}.`, { suggestion: cure })
  return undefined
}

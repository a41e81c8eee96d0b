// Turns the JSON text of a rule file into source nodes: RFC 8259 and nothing more, so a file named .json is JSON to
// every other program too. Numbers keep their text. Called by compile.ts.

import type { IssueList } from './issues.ts'
import type { ListNode, MapNode, Source, SourceNode } from './source-node.ts'
import { lineLocator } from './source-node.ts'

/** Nesting beyond this is no rule set; the conditions' own limit is far below. */
const mostDepth = 1200

class SyntaxFault extends Error {
  readonly at: number
  readonly suggestion: string | undefined

  constructor(at: number, message: string, suggestion?: string) {
    super(message)
    this.at = at
    this.suggestion = suggestion
  }
}

/** Returns the source of JSON text; the first syntax error goes to `issues`, and then the source has no root. */
export function jsonSource(text: string, issues: IssueList): Source {
  const locate = lineLocator(text)
  try {
    return { root: new JsonReader(text).read(), locate }
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
    issues.add([], error.message, { at: error.at, suggestion: error.suggestion })
    return { root: undefined, locate }
  }
}

class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  read(): SourceNode {
    this.#skipSpace()
    if (this.#at === this.#text.length)
      throw new SyntaxFault(0, 'The rule file is empty.', 'begin with `{ "version": 1`')
    const node = this.#value(0)
    this.#skipSpace()
    if (this.#at < this.#text.length) throw this.#unexpected('the end of the text')
    return node
  }

  #value(depth: number): SourceNode {
    if (depth > mostDepth) throw new SyntaxFault(this.#at, `The text nests more than ${mostDepth} deep.`)
    const at = this.#at
    switch (this.#text[at]) {
      case '{':
        return this.#map(depth)
      case '[':
        return this.#list(depth)
      case '"':
        return { kind: 'text', at, text: this.#string() }
      default:
        return this.#word() ?? this.#number()
    }
  }

  #word(): SourceNode | undefined {
    const at = this.#at
    const word = /[A-Za-z]*/y
    word.lastIndex = at
    const source = word.exec(this.#text)![0]
    if (source === '') return undefined
    if (source !== 'true' && source !== 'false' && source !== 'null') {
      throw new SyntaxFault(at, `\`${source}\` is not JSON.`, `write "${source}" if it is text`)
    }
    this.#at += source.length
    return source === 'null' ? { kind: 'null', at, source } : { kind: 'boolean', at, value: source === 'true', source }
  }

  #number(): SourceNode {
    const at = this.#at
    const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
    number.lastIndex = at
    const source = number.exec(this.#text)?.[0]
    if (source === undefined) throw this.#unexpected('a value')
    this.#at += source.length
    const rest = /[0-9A-Za-z_.+-]+/y
    rest.lastIndex = this.#at
    const more = rest.exec(this.#text)?.[0]
    if (more !== undefined) {
      throw new SyntaxFault(at, `\`${source}${more}\` is not a JSON number.`, `write "${source}${more}" if it is text`)
    }
    return { kind: 'number', at, source }
  }

  #list(depth: number): ListNode {
    const list: ListNode = { kind: 'list', at: this.#at++, items: [] }
    this.#skipSpace()
    if (this.#take(']')) return list
    for (;;) {
      list.items.push(this.#value(depth + 1))
      this.#skipSpace()
      if (this.#take(']')) return list
      this.#comma(']')
    }
  }

  #map(depth: number): MapNode {
    const map: MapNode = { kind: 'map', at: this.#at++, entries: [] }
    this.#skipSpace()
    if (this.#take('}')) return map
    for (;;) {
      const keyAt = this.#at
      if (this.#text[keyAt] !== '"') throw this.#unexpected('a key in double quotes')
      const key = this.#string()
      this.#skipSpace()
      if (!this.#take(':')) throw this.#unexpected('`:`')
      this.#skipSpace()
      map.entries.push({ key, keyAt, value: this.#value(depth + 1) })
      this.#skipSpace()
      if (this.#take('}')) return map
      this.#comma('}')
    }
  }

  #comma(close: string): void {
    const at = this.#at
    if (!this.#take(',')) throw this.#unexpected(`\`,\` or \`${close}\``)
    this.#skipSpace()
    if (this.#text[this.#at] === close)
      throw new SyntaxFault(at, `A comma stands before \`${close}\`.`, 'drop the comma')
  }

  #string(): string {
    const at = this.#at
    const body = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*/y
    body.lastIndex = at
    const source = body.exec(this.#text)![0]
    this.#at += source.length
    const next = this.#text[this.#at]
    if (next === '"') {
      this.#at++
      return JSON.parse(`${source}"`) as string
    }
    if (next === undefined) throw new SyntaxFault(at, 'The text ends inside a string.', 'close the string with `"`')
    if (next === '\\') {
      const cure = 'double the backslash if the text holds one'
      throw new SyntaxFault(this.#at, `\`\\${this.#text[this.#at + 1] ?? ''}\` is no escape of JSON.`, cure)
    }
    const code = next.charCodeAt(0).toString(16).padStart(4, '0')
    throw new SyntaxFault(
      this.#at,
      'A control character stands in a string.',
      `write it as \\u${code}, or close the string`,
    )
  }

  #skipSpace(): void {
    const space = /[ \t\r\n]*/y
    space.lastIndex = this.#at
    this.#at += space.exec(this.#text)![0].length
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #unexpected(expected: string): SyntaxFault {
    const character = this.#text.codePointAt(this.#at)
    if (character === undefined) return new SyntaxFault(this.#at, `The text ends where ${expected} is expected.`)
    const shown = String.fromCodePoint(character)
    const cure =
      shown === '/' || shown === '#'
        ? 'drop the comment: JSON has none; a rule file may be YAML instead'
        : shown === "'"
          ? 'use double quotes'
          : undefined
    return new SyntaxFault(this.#at, `\`${shown}\` stands where ${expected} is expected.`, cure)
  }
}

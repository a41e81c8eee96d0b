// Reads a pattern of java.util.regex, without flags of its own, into a tree. What Java refuses is refused, and so is
// what it takes and RE2 has no form for, each with its place and what to write instead. Called by java-translate.ts.

import { readBrackets, readEscapedClass, folded, mostNesting } from './java-brackets.ts'
import { charactersOf, complement } from './code-points.ts'
import { lineEnds, plainClass, unixLineEnds, verticalSpace } from './java-classes.ts'
import type { JavaFlags, JavaNode } from './java-syntax.ts'
import { JavaPatternFault, JavaReader } from './java-syntax.ts'

const noFlags: JavaFlags = {
  ignoreCase: false,
  unicodeCase: false,
  dotAll: false,
  multiline: false,
  unixLines: false,
  comments: false,
}

const flagOf: Readonly<Record<string, keyof JavaFlags>> = {
  ...{ i: 'ignoreCase', u: 'unicodeCase', s: 'dotAll', m: 'multiline', d: 'unixLines', x: 'comments' },
}

/** Returns the tree of a pattern. Errors: JavaPatternFault. */
export function parseJavaPattern(pattern: string): JavaNode {
  return new Parser(pattern).parse()
}

const lookArounds = [
  ['(?=', 'looks ahead', 'say what must also match in a filter of its own, with include: true'],
  ['(?!', 'looks ahead', 'say what must not match in a filter of its own, with include: false'],
  ['(?<=', 'looks behind', 'write what stands before as a part of the pattern'],
  ['(?<!', 'looks behind', 'say what must not match in a filter of its own, with include: false'],
] as const

class Parser {
  readonly #reader: JavaReader
  readonly #names = new Set<string>()
  #flags = noFlags
  #depth = 0

  constructor(pattern: string) {
    this.#reader = new JavaReader(pattern)
  }

  parse(): JavaNode {
    const node = this.#choice()
    if (!this.#reader.isAtEnd) throw this.#fault('has a `)` without its `(`', 'escape it: \\)')
    return node
  }

  #fault(message: string, suggestion?: string, index = this.#reader.at): JavaPatternFault {
    return new JavaPatternFault(index, message, suggestion)
  }

  #choice(): JavaNode {
    const { at } = this.#reader
    const branches = [this.#sequence()]
    while (this.#reader.take('|')) branches.push(this.#sequence())
    return branches.length === 1 ? branches[0]! : { kind: 'choice', at, branches }
  }

  #sequence(): JavaNode {
    const { at } = this.#reader
    const parts: JavaNode[] = []
    for (;;) {
      this.#reader.skipComments(this.#flags)
      if (this.#reader.isAtEnd || this.#reader.stands('|') || this.#reader.stands(')')) break
      const part = this.#part()
      if (part !== undefined) parts.push(part)
    }
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', at, parts }
  }

  /** One part with its count; undefined for what only sets flags. */
  #part(): JavaNode | undefined {
    const reader = this.#reader
    const { at } = reader
    if (reader.isQuoted) return this.#repeated(this.#character(reader.next(), at))
    const first = reader.text[at]!
    if ('*+?'.includes(first))
      throw this.#fault(`has a \`${first}\` with nothing before it to repeat`, `escape it: \\${first}`)
    if (first === '{') throw this.#fault('has a `{` that begins no count', 'escape it: \\{')
    if (first === '(') {
      const group = this.#group()
      return group === undefined ? undefined : this.#repeated(group)
    }
    return this.#repeated(this.#atom(first))
  }

  #atom(first: string): JavaNode {
    const reader = this.#reader
    const { at } = reader
    if (first === '\\') return this.#escape()
    const code = reader.next()
    if (first === '[') return { kind: 'class', at, of: readBrackets(reader, this.#flags) }
    if (first === '.')
      return { kind: 'class', at, of: plainClass(complement(this.#flags.dotAll ? [] : this.#lineEnds())) }
    if (first === '$') return this.#place('lastLine', at)
    if (first !== '^') return this.#character(code, at)
    // Under (?m) it also holds behind line ends, and not at the end of the text.
    if (!this.#flags.multiline) return this.#place('begin', at)
    throw this.#fault('has a `^` under (?m), which RE2 reads otherwise', 'drop the m: the whole value must match', at)
  }

  #lineEnds(): typeof lineEnds {
    return this.#flags.unixLines ? unixLineEnds : lineEnds
  }

  #place(where: Extract<JavaNode, { kind: 'place' }>['where'], at: number): JavaNode {
    return { kind: 'place', at, where, isUnix: this.#flags.unixLines }
  }

  #character(code: number, at: number): JavaNode {
    return { kind: 'class', at, of: plainClass(folded(code, code, this.#flags, at)) }
  }

  #escape(): JavaNode {
    const reader = this.#reader
    const at = reader.at++
    const found = readEscapedClass(reader, this.#flags)
    if (found !== undefined) return { kind: 'class', at, of: found }
    const code = reader.escapedCharacter()
    if (code !== undefined) return this.#character(code, at)
    const letter = reader.text[reader.at++] ?? ''
    const places = { A: 'begin', z: 'end', Z: 'lastLine', b: 'wordEdge', B: 'noWordEdge' } as const
    if (letter === 'b' && reader.stands('{')) throw this.#fault('has `\\b{g}`, which RE2 lacks', undefined, at)
    if (Object.hasOwn(places, letter)) return this.#place(places[letter as keyof typeof places], at)
    if (letter === 'R') return lineBreak(at)
    throw this.#refuseEscape(letter, at)
  }

  #refuseEscape(letter: string, at: number): JavaPatternFault {
    if (letter === '') return this.#fault('ends with a backslash', 'write \\\\ for the character', at)
    if (/[1-9k]/.test(letter)) {
      return this.#fault('refers back to a group, which RE2 lacks', 'write out the texts that may be repeated', at)
    }
    if (letter === 'G') return this.#fault('has `\\G`, which RE2 lacks', 'drop it: the whole value must match', at)
    if (letter === 'X') return this.#fault('has `\\X`, which RE2 lacks', 'write . for one character', at)
    if (letter === 'N') return this.#fault('names a character by `\\N`', 'write its number: \\x{…}', at)
    return this.#fault(
      `has \`\\${letter}\`, which Java does not know`,
      `drop the backslash, or write \\\\${letter}`,
      at,
    )
  }

  /** Reads a group; undefined for one that only sets flags for what follows. */
  #group(): JavaNode | undefined {
    const reader = this.#reader
    const { at } = reader
    for (const [form, what, suggestion] of lookArounds) {
      if (reader.stands(form)) throw this.#fault(`${what}, which RE2 lacks`, suggestion)
    }
    reader.at++
    const outer = this.#flags
    let isAtomic = false
    if (reader.take('?')) {
      if (reader.take('>')) isAtomic = true
      else if (reader.stands('<')) this.#takeName(at)
      else if (!this.#takeFlags(at)) return undefined
    }
    if (++this.#depth > mostNesting) throw this.#fault(`nests more than ${mostNesting} groups`, undefined, at)
    const body = this.#choice()
    this.#depth--
    this.#flags = outer
    if (!reader.take(')')) throw this.#fault('has a `(` without its `)`', 'escape it: \\(', at)
    // Kept as a sequence even of one part, so that a count behind it is never one behind a count.
    return isAtomic ? { kind: 'atomic', at, body } : { kind: 'sequence', at, parts: [body] }
  }

  #takeName(at: number): void {
    const name = this.#reader.match(/<([a-zA-Z][a-zA-Z0-9]*)>/y)?.[1]
    if (name === undefined) {
      throw this.#fault('has a group whose name is not letters and digits', 'write (?<name>…)', at)
    }
    if (this.#names.has(name)) throw this.#fault(`names two groups \`${name}\``, 'give each a name of its own', at)
    this.#names.add(name)
  }

  /** Reads flags after `(?`; whether a group of its own follows. */
  #takeFlags(at: number): boolean {
    const found = this.#reader.match(/([a-zA-Z]*)(?:(-)([a-zA-Z]*))?([:)])/y)
    if (found === undefined)
      throw this.#fault('has a `(?` that Java does not know', 'write (?:…) for a plain group', at)
    const [, on = '', minus, off = '', end] = found
    const flags: Record<string, boolean> = { ...this.#flags }
    for (const [letters, value] of [
      [on, true],
      [off, false],
    ] as const) {
      for (const letter of letters) {
        if (!Object.hasOwn(flagOf, letter)) throw this.#unknownFlag(letter, at)
        flags[flagOf[letter]!] = value
      }
    }
    if (minus !== undefined && off === '' && end === ')' && on === '')
      throw this.#fault('has an empty `(?-)`', 'drop it', at)
    this.#flags = flags as unknown as JavaFlags
    return end === ':'
  }

  #unknownFlag(letter: string, at: number): JavaPatternFault {
    if (letter === 'U')
      return this.#fault('has the flag U, which RE2 lacks', 'write classes such as \\p{L} for \\w', at)
    return this.#fault(
      `has the flag \`${letter}\`, which ${letter === 'c' ? 'RE2 lacks' : 'Java does not know'}`,
      'drop it',
      at,
    )
  }

  /** Returns `body` with the count behind it. */
  #repeated(body: JavaNode): JavaNode {
    const reader = this.#reader
    reader.skipComments(this.#flags)
    const { at } = reader
    if (reader.isQuoted || reader.isAtEnd) return body
    const bounds = this.#bounds()
    if (bounds === undefined) return body
    const [least, most] = bounds
    const mode = reader.take('+') ? 'possessive' : reader.take('?') ? 'lazy' : 'greedy'
    reader.skipComments(this.#flags)
    if (!reader.isAtEnd && !reader.isQuoted && '*+?{'.includes(reader.text[reader.at]!)) {
      throw this.#fault('repeats what is repeated already', 'put a group around what is repeated first')
    }
    return { kind: 'repeat', at, body, least, most, mode }
  }

  #bounds(): [number, number] | undefined {
    const reader = this.#reader
    if (reader.take('*')) return [0, Infinity]
    if (reader.take('+')) return [1, Infinity]
    if (reader.take('?')) return [0, 1]
    if (!reader.stands('{')) return undefined
    const { at } = reader
    const found = reader.match(/\{([0-9]+)(?:(,)([0-9]*))?\}/y)
    if (found === undefined)
      throw this.#fault('has a `{` that begins no count', 'escape it: \\{, or write {0,n} for {,n}')
    const least = Number(found[1])
    const most = found[2] === undefined ? least : found[3] === '' ? Infinity : Number(found[3])
    if (most < least)
      throw this.#fault('has a count whose bounds are the wrong way round', `write {${most},${least}}`, at)
    if (least > 1000 || (most > 1000 && most !== Infinity)) {
      throw this.#fault('repeats more than 1000 times', 'use a smaller count, or no upper bound', at)
    }
    return [least, most]
  }
}

/** `\R`: CR and LF together, or one character that ends a line. */
function lineBreak(at: number): JavaNode {
  const one = (text: string): JavaNode => ({ kind: 'class', at, of: plainClass(charactersOf(text)) })
  const single: JavaNode = { kind: 'class', at, of: plainClass(verticalSpace) }
  const both: JavaNode = { kind: 'sequence', at, parts: [one('\r'), one('\n')] }
  return { kind: 'choice', at, branches: [both, single], isLineBreak: true }
}

// The tree of a Java pattern, the fault that refuses one, and the reader of its characters, which knows quoting
// (`\Q…\E`), comments (`(?x)`) and the escapes that stand for one character. java-brackets.ts and java-pattern.ts read
// with it; what a tree means to RE2 is java-translate.ts's to say.

import type { JavaClass } from './java-classes.ts'

/** A part of a pattern. `at` is its index in the pattern, in UTF-16 units. */
export type JavaNode =
  /** One character of a class. */
  | { readonly kind: 'class'; readonly at: number; readonly of: JavaClass }
  | { readonly kind: 'sequence'; readonly at: number; readonly parts: readonly JavaNode[] }
  /** `isLineBreak`: it is `\R`, which under a count takes CR and LF together and never gives the LF back. */
  | {
      readonly kind: 'choice'
      readonly at: number
      readonly branches: readonly JavaNode[]
      readonly isLineBreak?: true
    }
  /** `mode` is what follows the count: nothing, `?` or `+`. `most` is Infinity where there is no bound. */
  | {
      readonly kind: 'repeat'
      readonly at: number
      readonly body: JavaNode
      readonly least: number
      readonly most: number
      readonly mode: 'greedy' | 'lazy' | 'possessive'
    }
  /** `(?>…)`. */
  | { readonly kind: 'atomic'; readonly at: number; readonly body: JavaNode }
  /** `lastLine`: at the end, or before a last line end; `unix` knows only LF. */
  | {
      readonly kind: 'place'
      readonly at: number
      readonly where: 'begin' | 'end' | 'lastLine' | 'wordEdge' | 'noWordEdge'
      readonly isUnix: boolean
    }

/** Flags that are on where a character of the pattern stands. */
export interface JavaFlags {
  readonly ignoreCase: boolean
  readonly unicodeCase: boolean
  readonly dotAll: boolean
  readonly multiline: boolean
  readonly unixLines: boolean
  readonly comments: boolean
}

/** Why a pattern is refused: Java would, or RE2 cannot say the same. `index` counts UTF-16 units from 0. */
export class JavaPatternFault extends Error {
  readonly index: number
  readonly suggestion: string | undefined

  constructor(index: number, message: string, suggestion?: string) {
    super(message)
    this.index = index
    this.suggestion = suggestion
  }
}

/** Characters of a pattern, one after another. Positions are UTF-16 units; a character may take two. */
export class JavaReader {
  readonly text: string
  at = 0
  /** What stands here is within `\Q…\E`. */
  isQuoted = false

  constructor(text: string) {
    this.text = text
  }

  /** Enters and leaves quotes until a character stands here. */
  settle(): void {
    for (;;) {
      if (this.isQuoted && this.text.startsWith('\\E', this.at)) this.isQuoted = false
      else if (!this.isQuoted && this.text.startsWith('\\Q', this.at)) this.isQuoted = true
      else return
      this.at += 2
    }
  }

  /** Steps over spaces and comments, which `(?x)` makes meaningless outside of quotes. */
  skipComments(flags: JavaFlags): void {
    this.settle()
    while (flags.comments && !this.isQuoted && this.at < this.text.length) {
      const character = this.text[this.at]!
      if (character === '#') {
        const end = flags.unixLines ? /\n/g : /[\n\r\u0085\u2028\u2029]/g
        end.lastIndex = this.at
        const commentEnd = end.exec(this.text)?.index ?? this.text.length
        // Java unwinds quotes before it knows of comments.
        const quote = this.text.slice(this.at, commentEnd).indexOf('\\Q')
        if (quote >= 0) {
          const message = 'has `\\Q` in a comment, where it begins a quote to Java all the same'
          throw new JavaPatternFault(this.at + quote, message, 'drop it')
        }
        this.at = commentEnd
      } else if (/[ \t\n\u000b\f\r]/.test(character)) this.at++
      else return
      this.settle()
    }
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length
  }

  /** Whether `text` stands here, outside of quotes. */
  stands(text: string): boolean {
    return !this.isQuoted && this.text.startsWith(text, this.at)
  }

  /** Steps over `text` when it stands here. */
  take(text: string): boolean {
    const found = this.stands(text)
    if (found) this.at += text.length
    return found
  }

  /** Returns the character here and steps over it. */
  next(): number {
    const code = this.text.codePointAt(this.at)
    if (code === undefined) throw new JavaPatternFault(this.at, 'ends too early')
    if (code >= 0xd800 && code <= 0xdfff) throw loneSurrogate(this.at)
    this.at += code > 0xffff ? 2 : 1
    return code
  }

  /** Returns what `pattern`, which is sticky, finds here, and steps over it. */
  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found === null) return undefined
    this.at += found[0].length
    return found
  }

  /**
   * Returns the character that an escape stands for, when it stands for one, and steps over it; undefined, where it
   * began, for all others. Here is what follows the backslash.
   */
  escapedCharacter(): number | undefined {
    const start = this.at
    const letter = this.text[start] ?? ''
    const plain: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, f: 12, a: 7, e: 27 }
    if (Object.hasOwn(plain, letter)) {
      this.at++
      return plain[letter]
    }
    if (letter === '0') return this.#number(/0([0-3][0-7]{0,2}|[0-7]{1,2})/y, 8, 'one to three octal digits')
    if (letter === 'x') return this.#number(/x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})/y, 16, 'two hexadecimal digits')
    if (letter === 'u') return this.#utf16()
    if (letter === 'c') {
      this.at++
      // Java looks for \Q and \E first, so a backslash may be a part of one.
      if (this.isAtEnd || this.stands('\\')) {
        throw new JavaPatternFault(start - 1, 'lacks a character after `\\c`', 'write its number: \\x1C')
      }
      return this.next() ^ 64
    }
    if (letter === '' || /[A-Za-z1-9]/.test(letter)) return undefined
    return this.next()
  }

  #number(form: RegExp, base: number, what: string): number {
    const start = this.at - 1
    const found = this.match(form)
    const code = Number.parseInt(found?.[1] ?? found?.[2] ?? '', base)
    if (Number.isNaN(code)) throw new JavaPatternFault(start, `lacks ${what} after \`\\${this.text[start + 1]}\``)
    if (code > 0x10ffff) throw new JavaPatternFault(start, 'names a character beyond U+10FFFF')
    if (code >= 0xd800 && code <= 0xdfff) throw loneSurrogate(start)
    return code
  }

  #utf16(): number {
    const start = this.at - 1
    const found = this.match(/u([Dd][89ABab][0-9A-Fa-f]{2})\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})/y)
    if (found === undefined) throw new JavaPatternFault(start, 'lacks four hexadecimal digits after `\\u`')
    const [, high, low, single] = found
    if (single === undefined)
      return ((Number.parseInt(high!, 16) & 0x3ff) << 10) + (Number.parseInt(low!, 16) & 0x3ff) + 0x10000
    const code = Number.parseInt(single, 16)
    if (code >= 0xd800 && code <= 0xdfff) throw loneSurrogate(start)
    return code
  }
}

function loneSurrogate(index: number): JavaPatternFault {
  return new JavaPatternFault(index, 'names half of a surrogate pair, which no UTF-8 text holds', 'write both halves')
}

// Character classes of Java patterns: what follows a backslash, and brackets with their ranges, unions and
// intersections, computed on sets of code points. Called by java-pattern.ts.

import type { CodePoints } from './code-points.ts'
import { intersection, union } from './code-points.ts'
import type { JavaClass } from './java-classes.ts'
import { foldRange, letterClasses, namedClass, negated, plainClass } from './java-classes.ts'
import type { JavaFlags, JavaReader } from './java-syntax.ts'
import { JavaPatternFault } from './java-syntax.ts'

/** Deepest nesting of brackets and groups: more would exhaust the stack. */
export const mostNesting = 100

/** Returns the class that stands here after a backslash, and steps over it; undefined where there is none. */
export function readEscapedClass(reader: JavaReader, flags: JavaFlags): JavaClass | undefined {
  const start = reader.at - 1
  const letter = reader.text[reader.at] ?? ''
  if (Object.hasOwn(letterClasses, letter)) {
    reader.at++
    return plainClass(letterClasses[letter]!)
  }
  const found = reader.match(/[pP](?:\{([^}]*)\}|([^{]))/uy)
  if (found === undefined) return undefined
  const named = namedClass(found[1] ?? found[2]!, flags)
  if ('message' in named) throw new JavaPatternFault(start, named.message, named.suggestion)
  return letter === 'P' ? negated(named) : named
}

/** Returns the character class whose opening bracket was just read. `depth`: how many stand around it. */
export function readBrackets(reader: JavaReader, flags: JavaFlags, depth = 0): JavaClass {
  const start = reader.at - 1
  if (depth > mostNesting) throw new JavaPatternFault(start, `nests more than ${mostNesting} brackets`)
  const isNegated = reader.take('^')
  let joined: JavaClass | undefined
  do {
    const operand = readUnion(reader, flags, depth, joined !== undefined, start)
    joined = joined === undefined ? operand : intersect(joined, operand, start)
  } while (reader.take('&&'))
  // What ends a union is `&&` or this.
  reader.at++
  return isNegated ? negated(joined) : joined
}

/** Reads members up to `&&` or the closing bracket. `isOperand`: `&&` stands before them. */
function readUnion(reader: JavaReader, flags: JavaFlags, depth: number, isOperand: boolean, start: number): JavaClass {
  let sum: JavaClass | undefined
  let [nested, plain] = [0, 0]
  for (;;) {
    reader.settle()
    if (reader.isAtEnd) throw new JavaPatternFault(start, 'has a `[` without its `]`')
    if (sum === undefined) checkFirst(reader, isOperand)
    else if (reader.stands(']') || reader.stands('&&')) break
    const isNested = reader.take('[')
    if (isNested) nested++
    else plain++
    const member = isNested ? readBrackets(reader, flags, depth + 1) : readMember(reader, flags)
    sum = sum === undefined ? member : unite(sum, member, start)
  }
  // Where both kinds stand behind `&&`, Java's reading depends on their order.
  if (!isOperand || nested === 0 || plain === 0) return sum
  throw new JavaPatternFault(start, 'mixes brackets and characters behind `&&`', 'put all of it in brackets: &&[…]')
}

/** Refuses what Java reads in a surprising way, or not at all, where the first member should stand. */
function checkFirst(reader: JavaReader, isOperand: boolean): void {
  if (isOperand && reader.stands('&')) {
    const message = 'has `&&&` in brackets, of which Java makes something else'
    throw new JavaPatternFault(reader.at, message, 'write \\& for the character')
  }
  if (reader.stands('&&') || (isOperand && reader.stands(']'))) {
    const side = isOperand ? 'behind' : 'before'
    throw new JavaPatternFault(
      reader.at,
      `has a \`&&\` in brackets with nothing ${side} it`,
      'write what is on both sides',
    )
  }
}

/** One character, a range, or a class behind a backslash. */
function readMember(reader: JavaReader, flags: JavaFlags): JavaClass {
  const start = reader.at
  if (flags.comments && !reader.isQuoted && /[\s#]/.test(reader.text[start]!)) {
    throw new JavaPatternFault(
      start,
      'has a space or `#` in brackets under (?x), which Java skips',
      'drop it, or escape it',
    )
  }
  if (reader.stands('\\')) {
    reader.at++
    if (reader.stands('v-')) {
      throw new JavaPatternFault(
        start,
        'has `\\v-` in brackets, which Java reads as one character',
        'write \\v last, or \\x0B',
      )
    }
    const found = readEscapedClass(reader, flags)
    if (found !== undefined) return found
    reader.at = start
  }
  const low = readCharacter(reader)
  reader.settle()
  // A hyphen before the end, or before brackets, is one.
  if (!reader.stands('-') || /^-(?:\]|\[|$)/.test(reader.text.slice(reader.at, reader.at + 2))) {
    return classOf(low, low, flags, start)
  }
  reader.at++
  reader.settle()
  const high = readCharacter(reader)
  if (high < low) throw new JavaPatternFault(start, 'has a range whose end comes before its beginning')
  return classOf(low, high, flags, start)
}

function readCharacter(reader: JavaReader): number {
  const start = reader.at
  if (!reader.take('\\')) return reader.next()
  const code = reader.escapedCharacter()
  if (code !== undefined) return code
  const escape = reader.text.slice(start, start + 2)
  throw new JavaPatternFault(start, `has \`${escape}\` in brackets, where it stands for no character`)
}

function classOf(low: number, high: number, flags: JavaFlags, start: number): JavaClass {
  return plainClass(folded(low, high, flags, start))
}

/** Returns what a range matches under the flags. Errors: JavaPatternFault where RE2 folds otherwise than Java. */
export function folded(low: number, high: number, flags: JavaFlags, start: number): CodePoints {
  const ranges = foldRange(low, high, flags)
  if (ranges !== undefined) return ranges
  throw new JavaPatternFault(
    start,
    'has a character beyond ASCII under (?iu), whose case Java and RE2 fold differently',
    'write both cases in brackets, and drop the u',
  )
}

function unite(a: JavaClass, b: JavaClass, start: number): JavaClass {
  if (!a.isNegated && !b.isNegated) {
    return { ranges: union(a.ranges, b.ranges), names: [...new Set([...a.names, ...b.names])], isNegated: false }
  }
  throw unknownNames(start, 'joins')
}

function intersect(a: JavaClass, b: JavaClass, start: number): JavaClass {
  if (a.names.length === 0 && b.names.length === 0) return plainClass(intersection(a.ranges, b.ranges))
  throw unknownNames(start, 'intersects')
}

function unknownNames(start: number, verb: string): JavaPatternFault {
  return new JavaPatternFault(
    start,
    `${verb} a class of Unicode with others in a way that RE2 has no form for`,
    'write the characters as ranges, or use two filters',
  )
}

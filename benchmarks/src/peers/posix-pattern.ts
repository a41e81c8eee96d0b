// Patterns as POSIX extended regular expressions of the C library, for programs that know no others. The two dialects share
// alternation, repetition and anchors; classes, flags and what a backslash means differ. Called by rsyslog.ts.

import type { Pattern } from './pattern.ts'
import { Inexpressible } from './translation.ts'

/** What a class with a letter stands for, as the inside of a bracket expression. */
const classes: Readonly<Record<string, string>> = { d: '0-9', w: 'A-Za-z0-9_', s: '\t\n\f\r ' }
const controls: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' }

/** Returns the pattern in POSIX's syntax; what it captures differs. Errors: Inexpressible, for what that cannot say. */
export function writePosixPattern({ body, ignoreCase, at }: Pattern): string {
  const written = write(body, ignoreCase)
  const start = at === 'whole' || at === 'start' ? '^' : ''
  const end = at === 'whole' || at === 'end' ? '$' : ''
  return start === '' && end === '' ? written : `${start}(${written})${end}`
}

function write(body: string, ignoreCase: boolean): string {
  const token = /\(\?(i?):|(\\.)|(\[\^?\]?(?:\\.|[^\]\\])*\])|([*+?}])\?|(\(\?|\\$)|([^])/gsu
  /** Whether case counts inside of each open group. */
  const folds = [ignoreCase]
  return body.replaceAll(token, (whole, flag?: string, escape?: string, set?: string, lazy?: string, odd?: string) => {
    const fold = folds.at(-1)!
    if (odd !== undefined) throw new Inexpressible(`the pattern ${body}`)
    // Whether a repetition takes few or many makes no difference to whether there is a match.
    if (lazy !== undefined) return lazy
    if (set !== undefined) return writeSet(set, fold)
    if (escape !== undefined) return writeEscape(escape[1]!, fold, body)
    if (flag !== undefined) folds.push(fold || flag === 'i')
    else if (whole === '(') folds.push(fold)
    else if (whole === ')') folds.pop()
    else if (whole === '.') return '[^\n]'
    else return fold ? bothCases(whole) : whole
    return whole === ')' ? whole : '('
  })
}

function bothCases(character: string): string {
  const [lower, upper] = [character.toLowerCase(), character.toUpperCase()]
  if (lower === upper) return character
  if (!/[a-z]/i.test(character)) throw new Inexpressible('letters beyond ASCII without regard to case')
  return `[${lower}${upper}]`
}

function writeEscape(character: string, fold: boolean, body: string): string {
  const inside = classes[character]
  if (inside !== undefined) return `[${inside}]`
  const opposite = classes[character.toLowerCase()]
  if (opposite !== undefined) return `[^${opposite}]`
  if (controls[character] !== undefined) return controls[character]
  if (character === 'A') return '^'
  if (character === 'z') return '$'
  if (/[a-z0-9]/i.test(character)) throw new Inexpressible(`\\${character} in the pattern ${body}`)
  return /[\\^$.|?*+()[\]{}]/.test(character) ? `\\${character}` : fold ? bothCases(character) : character
}

/** Writes a set of characters: a backslash means itself here, and what is special stands where it is not. */
function writeSet(set: string, fold: boolean): string {
  const isNegated = set.startsWith('[^')
  const inside = set.slice(isNegated ? 2 : 1, -1)
  if (/[^\x00-\x7f]|\[:/.test(inside)) throw new Inexpressible(`the set ${set}`)
  const characters = new Set<string>()
  const item = /\\(.)|(.)/gs
  const one = (): string | undefined => {
    const [, escaped, plain] = item.exec(inside) ?? []
    return escaped === undefined
      ? plain
      : classes[escaped] === undefined
        ? (controls[escaped] ?? escaped)
        : `\\${escaped}`
  }
  for (let from = one(); from !== undefined; from = one()) {
    if (from.length === 2) {
      addClass(characters, classes[from[1]!]!)
      continue
    }
    const isRange = inside[item.lastIndex] === '-' && item.lastIndex + 1 < inside.length
    if (isRange) item.lastIndex++
    const to = isRange ? one()! : from
    for (let code = from.charCodeAt(0); code <= to.charCodeAt(0); code++) characters.add(String.fromCharCode(code))
  }
  if (fold) for (const each of [...characters]) characters.add(each.toLowerCase()).add(each.toUpperCase())
  return bracket(characters, isNegated)
}

function addClass(characters: Set<string>, inside: string): void {
  for (const [, from, to] of inside.matchAll(/(.)-(.)/gs)) {
    for (let code = from!.charCodeAt(0); code <= to!.charCodeAt(0); code++) characters.add(String.fromCharCode(code))
  }
  for (const each of inside.replaceAll(/.-./gs, '')) characters.add(each)
}

function bracket(characters: ReadonlySet<string>, isNegated: boolean): string {
  const special = [']', '[', '^', '-']
  const plain = [...characters].filter((each) => !special.includes(each)).join('')
  const has = (each: string): string => (characters.has(each) ? each : '')
  // A caret alone would negate the set.
  if (!isNegated && characters.size === 1 && characters.has('^')) return '\\^'
  const caret = has('^')
  return `[${isNegated ? '^' : ''}${has(']')}${plain}${has('[')}${caret}${has('-')}]`
}

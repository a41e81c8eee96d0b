// Finds every construct in a refused pattern that other dialects have and RE2 lacks, where the parser stops at the
// first. Called by patterns.ts; the parser has the last word on each, so that nothing is named that RE2 accepts.

import type { PatternAdvice } from './pattern-advice.ts'
import { adviseOn } from './pattern-advice.ts'

/** A construct that RE2 lacks. */
export interface PatternConstruct {
  /** How it begins, for example `(?<=`. */
  readonly fragment: string
  readonly advice: PatternAdvice
}

/** What the parser says of a pattern that it refuses. */
export type Complain = (pattern: string) => Complaint | undefined

/** Why a pattern is refused. */
export interface Complaint {
  readonly kind: string
  /** The part of the pattern that the parser names; may be empty. */
  readonly fragment: string
}

/** Different pieces of a pattern that the parser is asked about; a pattern that people write has a few. */
const mostProbes = 100

/** What a piece of a pattern may be: how it begins, a pattern that tells whether RE2 has it, and a stand-in. */
interface Candidate {
  readonly fragment: string
  readonly probe: string
  readonly standIn: string
}

/**
 * Returns the constructs of `pattern` that RE2 lacks, in their order, repeated ones included, and the pattern with
 * something harmless in their place: what the parser says of that is what else is wrong. May miss a construct behind
 * one that it does not know, and behind very many; names none that RE2 has. Cost: parses each different construct once.
 */
export function constructsOf(
  pattern: string,
  complain: Complain,
): { readonly constructs: readonly PatternConstruct[]; readonly rest: string } {
  const known = new Map<string, PatternConstruct | undefined>()
  const constructs: PatternConstruct[] = []
  let rest = ''
  let isInside = false
  for (let at = 0; at < pattern.length;) {
    const text = tokenAt(pattern, at, isInside)
    at += text.length
    const candidate = isInside ? insideBrackets(text, rest) : outsideBrackets(text)
    if (text === ']') isInside = false
    else if (/^\[\^?\]?$/.test(text)) isInside = true
    if (candidate === undefined) {
      rest += text
      continue
    }
    const { fragment, probe, standIn } = candidate
    if (!known.has(probe) && known.size < mostProbes) known.set(probe, judge(fragment, probe, complain))
    const construct = known.get(probe)
    rest += construct === undefined ? text : standIn
    if (construct !== undefined) constructs.push(construct)
  }
  return { constructs, rest }
}

function judge(fragment: string, probe: string, complain: Complain): PatternConstruct | undefined {
  const complaint = complain(probe)
  return complaint && { fragment, advice: adviseOn(probe, complaint.kind, complaint.fragment) }
}

/**
 * Escapes, each with what belongs to it and would otherwise be read as something else. Names are bounded, so that many
 * that do not end are not each looked for to the end of the pattern.
 */
const escapes = [
  String.raw`\\[pP](?:\{[^}]{0,40}\}|[^])`,
  String.raw`\\x(?:\{[^}]{0,40}\}|[0-9A-Fa-f]{0,2})`,
  String.raw`\\u(?:\{[^}]{0,40}\}|[0-9A-Fa-f]{4})`,
  String.raw`\\[oN]\{[^}]{0,40}\}`,
  String.raw`\\[kg](?:\{[^}]{0,40}\}|<[^>]{0,40}>|'[^']{0,40}'|-?[0-9]+)`,
  String.raw`\\c[^]`,
  String.raw`\\[0-9]+`,
  String.raw`\\[^]`,
].join('|')

/** Beginnings of groups, or whole ones that hold no pattern: how to try one, and what to put in its place. */
const groups: readonly (readonly [source: string, probe: string, standIn: string])[] = [
  [String.raw`\(\?<?[=!]`, '$&a)', '(?:'],
  [String.raw`\(\?[>|]`, '$&a)', '(?:'],
  [String.raw`\(\?#[^)]*\)?`, '(?#a)', ''],
  [String.raw`\(\?\([^)]*\)?`, '(?(1)a)', '(?:'],
  [String.raw`\(\?'[^']*'?`, "(?'a'a)", '(?:'],
  [String.raw`\(\?P=[^)]*\)?`, '(?P=a)', '(?:)'],
  [String.raw`\(\?P>[^)]*\)?`, '(?P>a)', '(?:)'],
  [String.raw`\(\?&[^)]*\)?`, '(?&a)', '(?:)'],
  [String.raw`\(\?(?:R|[+-]?[0-9]+)\)`, '$&', '(?:)'],
  [String.raw`\(\?P?<[^=!>)][^>)]{0,40}>`, '$&a)', '(?:'],
  [String.raw`\(\?[a-zA-Z^-]+:`, '$&a)', '(?:'],
  [String.raw`\(\?[a-zA-Z^-]+\)`, '$&', ''],
]

const repetition = String.raw`(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})[?+]?`
const group = groups.map(([source]) => source).join('|')
const inside = new RegExp(String.raw`${escapes}|\[:\^?\w+:\]|[^]`, 'uy')
const outside = new RegExp(String.raw`\\Q[^]*?(?:\\E|$)|${escapes}|${group}|${repetition}|\[\^?\]?|[^]`, 'uy')
const anchoredGroups = groups.map(([source, probe, standIn]) => ({
  form: new RegExp(`^(?:${source})$`, 'u'),
  probe,
  standIn,
}))

function tokenAt(pattern: string, at: number, isInside: boolean): string {
  const token = isInside ? inside : outside
  token.lastIndex = at
  return token.exec(pattern)![0]
}

function insideBrackets(text: string, before: string): Candidate | undefined {
  if (!/^(?:\\|\[:)[^]/.test(text)) return undefined
  // As the end of a range the stand-in must not lie below its beginning.
  return { fragment: beginningOf(text), probe: `[${text}]`, standIn: before.endsWith('-') ? '\\x{10FFFF}' : '\\x{0}' }
}

function outsideBrackets(text: string): Candidate | undefined {
  if (/^\\[^Q]/.test(text)) return { fragment: beginningOf(text), probe: text, standIn: '\\x{0}' }
  if (/^[*+?{].*\+$/.test(text)) return { fragment: text, probe: `a${text}`, standIn: text.slice(0, -1) }
  if (!text.startsWith('(?')) return undefined
  const form = anchoredGroups.find((each) => each.form.test(text))
  if (form === undefined) return undefined
  return { fragment: beginningOf(text), probe: text.replace(form.form, form.probe), standIn: form.standIn }
}

/** Returns the part by which people know an escape or a group: its letter or sign, without what is their own. */
function beginningOf(text: string): string {
  if (/^(?:\\[pPx]|\[:|\(\?P?<[^=!])/.test(text)) return text
  return /^(?:\\[1-9][0-9]*|\\[^]|\(\?P[=>]|\(\?<[=!]|\(\?[a-zA-Z^+-]*[0-9]*(?=[:)])|\(\?[^])/u.exec(text)![0]
}

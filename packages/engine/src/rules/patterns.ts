// Checks patterns for every kernel at once: what is accepted here, both kernels compile, to the same meaning. re2js
// parses them; where RE2 and re2js differ, the pattern is refused for both. The only file of rules/ that calls re2js:
// pattern-size.ts knows its type. Called by plan.ts; what else is wrong with refused patterns is in
// pattern-constructs.ts and pattern-advice.ts.

import { RE2JS, RE2JSException } from 're2js'
import { limits } from '../limits.ts'
import type { PatternAdvice } from './pattern-advice.ts'
import { adviseOn } from './pattern-advice.ts'
import { writeOutClasses } from './pattern-classes.ts'
import type { Complaint, PatternConstruct } from './pattern-constructs.ts'
import { constructsOf } from './pattern-constructs.ts'
import { byteInstructionsOf } from './pattern-size.ts'

/**
 * A pattern that may be used, or what is wrong with it: at least one fault. `instructions`: the size of its program, if
 * it has one.
 */
export type PatternResult =
  | { readonly instructions: number; readonly pattern: string }
  | { readonly instructions: number; readonly faults: readonly PatternFault[] }

/** One thing that is wrong with a pattern. */
export interface PatternFault {
  readonly message: string
  readonly suggestion?: string | undefined
  /** The pattern is good, and too long or too large. */
  readonly isTooLarge?: true
}

/**
 * Returns the pattern that kernels compile, or what is wrong with it. `written` is the pattern as the rule has it,
 * `flagged` the same with its flags in front. Cost: compiles it once.
 */
export function checkPattern(written: string, flagged: string, isSearch: boolean): PatternResult {
  const bytes = Buffer.byteLength(written, 'utf8')
  if (bytes > limits.patternBytes) {
    const message = `The pattern is ${bytes} bytes long; at most ${limits.patternBytes} are allowed.`
    const suggestion = 'split it under `any`, or use `in` or `contains` with a list'
    return { instructions: 0, faults: [{ message, suggestion, isTooLarge: true }] }
  }
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(flagged)
  } catch (error) {
    return { instructions: 0, faults: faultsOf(written, error) }
  }
  const size = sizeOf(written, compiled)
  const { instructions } = size
  if ('faults' in size) return size
  const classes = writeOutClasses(flagged)
  const difference = 'message' in classes ? classes : differenceIn(flagged, compiled, isSearch)
  if (difference === undefined) return { instructions, pattern: (classes as { pattern: string }).pattern }
  const message = `The pattern ${show(written)} ${difference.message}.`
  return { instructions, faults: [{ message, suggestion: difference.suggestion }] }
}

/** A tenth of a kernel's instructions is what an instruction of re2js takes in time, about. */
const byteInstructionWeight = 10

function sizeOf(
  written: string,
  compiled: RE2JS,
): { instructions: number } | Extract<PatternResult, { faults: unknown }> {
  const programSize = compiled.programSize()
  const byteInstructions = byteInstructionsOf(compiled)
  const instructions = Math.max(programSize, Math.ceil(byteInstructions / byteInstructionWeight))
  const suggestion = 'use smaller counts in {…}, or split it over several predicates under `any`'
  const refuse = (size: number, most: number, of: string): ReturnType<typeof sizeOf> => {
    const message = `The pattern ${show(written)} compiles to ${size} instructions${of}; at most ${most} are allowed.`
    return { instructions, faults: [{ message, suggestion, isTooLarge: true }] }
  }
  if (programSize > limits.patternInstructions) return refuse(programSize, limits.patternInstructions, '')
  if (byteInstructions <= limits.patternByteInstructions) return { instructions }
  return refuse(byteInstructions, limits.patternByteInstructions, ' for bytes')
}

/** Returns every construct of the pattern that RE2 lacks, and what else the parser says. */
function faultsOf(written: string, error: unknown): PatternFault[] {
  const { constructs, rest } = constructsOf(written, complaintAbout)
  const complaint = constructs.length === 0 ? complaintOf(error) : complaintAbout(rest)
  const found = [...constructs]
  if (complaint !== undefined) {
    const { kind, fragment } = complaint
    // What the parser names may hold stand-ins, which the author never wrote.
    const isTold = fragment !== rest && written.includes(fragment)
    found.push({ fragment: isTold ? shorten(fragment) : '', advice: adviseOn(rest, kind, fragment) })
  }
  return joined(found).map(({ fragments, advice: { what, suggestion } }) => {
    const where = fragments.map((fragment) => `\`${fragment}\``).join(', ')
    const at = where === '' || fragments[0] === written ? '' : ` at ${where}`
    return { message: `The pattern ${show(written)} is refused${at}: ${what}.`, suggestion }
  })
}

/** Places of one construct that a message names. */
const mostFragments = 5

/** Returns the constructs with those joined that have the same advice. */
function joined(constructs: readonly PatternConstruct[]): { fragments: string[]; advice: PatternAdvice }[] {
  const groups = new Map<string, { fragments: string[]; advice: PatternAdvice }>()
  for (const { fragment, advice } of constructs) {
    const key = JSON.stringify(advice)
    const group = groups.get(key) ?? { fragments: [], advice }
    groups.set(key, group)
    const isNew = fragment !== '' && !group.fragments.includes(fragment)
    if (isNew && group.fragments.length < mostFragments) group.fragments.push(fragment)
  }
  return [...groups.values()]
}

function complaintAbout(pattern: string): Complaint | undefined {
  try {
    RE2JS.compile(pattern)
    return undefined
  } catch (error) {
    return complaintOf(error)
  }
}

function complaintOf(error: unknown): Complaint {
  // Anything else is a stack overflow or the like: the pattern is at fault, and the words are not for users.
  if (!(error instanceof RE2JSException)) return { kind: 'expression nests too deeply', fragment: '' }
  const reason = error.message.replace(/^error parsing regexp: /, '')
  const colon = reason.indexOf(': `')
  if (colon === -1) return { kind: reason, fragment: '' }
  return { kind: reason.slice(0, colon), fragment: reason.slice(colon + 3, -1) }
}

/** Returns the reason why RE2 refuses or reads differently what re2js accepts. */
function differenceIn(pattern: string, compiled: RE2JS, isSearch: boolean): Difference | undefined {
  if (hasHiddenRepeat(pattern)) {
    return {
      message: 'repeats more than 1000 times, counting groups that are repeated zero times',
      suggestion: 'drop what is repeated zero times',
    }
  }
  if (isSearch && pattern.includes('\\B') && isEmptyInsideCharacters(pattern, compiled)) {
    return {
      message: 'finds an empty place by `\\B` alone, which regex engines place differently in text beyond ASCII',
      suggestion: 'name a character beside it, as in \\Bx',
    }
  }
  return undefined
}

interface Difference {
  readonly message: string
  readonly suggestion?: string | undefined
}

/** RE2 multiplies the counts inside of `{0}` as well; re2js does so inside of `{0,}` only. */
function hasHiddenRepeat(pattern: string): boolean {
  // Braces behind an escape may name a character: `\x{0}` is none of these counts, and `\\x{0}` holds one.
  const pieces = /\\x\{[^}]*\}|\\.|\{0(?:,0)?\}/gs
  const open = pattern.replaceAll(pieces, (piece) => (piece.startsWith('{') ? '{0,}' : piece))
  if (open === pattern) return false
  try {
    RE2JS.compile(open)
    return false
  } catch {
    return true
  }
}

/**
 * Whether the pattern matches the empty text between two characters that are no word characters, but not everywhere.
 * RE2 looks at bytes, so it finds `\B` between the bytes of one character, where re2js does not look.
 */
function isEmptyInsideCharacters(pattern: string, compiled: RE2JS): boolean {
  const wide = '\u{10FFFD}'
  try {
    const between = RE2JS.compile(`${wide}(?:${pattern}\n)${wide}`.replace('\n', hasOpenQuote(pattern) ? '\\E' : ''))
    return between.matches(wide + wide) && !compiled.matcher(`a${wide}a`).find()
  } catch {
    return true
  }
}

function hasOpenQuote(pattern: string): boolean {
  return /\\Q(?!.*\\E)/s.test(pattern)
}

function show(pattern: string): string {
  return `\`${shorten(pattern)}\``
}

function shorten(pattern: string): string {
  return pattern.length > 120 ? `${pattern.slice(0, 120)}…` : pattern
}

// Checks patterns for every kernel at once: what is accepted here, both kernels compile, to the same meaning. re2js
// parses them; where RE2 and re2js differ, the pattern is refused for both. The only file of rules/ that imports
// re2js. Called by plan.ts; advice for refused patterns is in pattern-advice.ts.

import { RE2JS, RE2JSException } from 're2js'
import { limits } from '../limits.ts'
import { adviseOn } from './pattern-advice.ts'
import { writeOutClasses } from './pattern-classes.ts'
import { byteInstructionsOf } from './pattern-size.ts'

/** A pattern that may be used, or what is wrong with it. `instructions`: the size of its program, if it has one. */
export type PatternResult =
  | { readonly instructions: number; readonly pattern: string }
  | { readonly instructions: number; readonly message: string; readonly suggestion?: string | undefined }

/**
 * Returns the pattern that kernels compile, or what is wrong with it. `written` is the pattern as the rule has it,
 * `flagged` the same with its flags in front. Cost: compiles it once.
 */
export function checkPattern(written: string, flagged: string, isSearch: boolean): PatternResult {
  const bytes = Buffer.byteLength(written, 'utf8')
  if (bytes > limits.patternBytes) {
    const message = `The pattern is ${bytes} bytes long; at most ${limits.patternBytes} are allowed.`
    return { instructions: 0, message, suggestion: 'split it under `any`, or use `in` or `contains` with a list' }
  }
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(flagged)
  } catch (error) {
    return refused(written, error as Error)
  }
  const size = sizeOf(written, compiled)
  const { instructions } = size
  if ('message' in size) return size
  const classes = writeOutClasses(flagged)
  const difference = 'message' in classes ? classes : differenceIn(flagged, compiled, isSearch)
  if (difference === undefined) return { instructions, pattern: (classes as { pattern: string }).pattern }
  const message = `The pattern ${show(written)} ${difference.message}.`
  return { instructions, message, suggestion: difference.suggestion }
}

/** A tenth of a kernel's instructions is what an instruction of re2js takes in time, about. */
const byteInstructionWeight = 10

function sizeOf(
  written: string,
  compiled: RE2JS,
): { instructions: number } | Extract<PatternResult, { message: string }> {
  const programSize = compiled.programSize()
  const byteInstructions = byteInstructionsOf(compiled)
  const instructions = Math.max(programSize, Math.ceil(byteInstructions / byteInstructionWeight))
  const suggestion = 'use smaller counts in {…}, or split it over several predicates under `any`'
  const refuse = (size: number, most: number, of: string): PatternResult & { message: string } => {
    const message = `The pattern ${show(written)} compiles to ${size} instructions${of}; at most ${most} are allowed.`
    return { instructions, message, suggestion }
  }
  if (programSize > limits.patternInstructions) return refuse(programSize, limits.patternInstructions, '')
  if (byteInstructions <= limits.patternByteInstructions) return { instructions }
  return refuse(byteInstructions, limits.patternByteInstructions, ' for bytes')
}

function refused(written: string, error: Error): PatternResult {
  if (!(error instanceof RE2JSException)) {
    // A stack overflow or the like: the pattern is at fault, and the words are not for users.
    const message = `The pattern ${show(written)} is too complex.`
    return { instructions: 0, message, suggestion: 'nest fewer groups' }
  }
  const reason = error.message.replace(/^error parsing regexp: /, '')
  const colon = reason.indexOf(': `')
  const kind = colon === -1 ? reason : reason.slice(0, colon)
  const fragment = colon === -1 ? '' : reason.slice(colon + 3, -1)
  const advice = adviseOn(written, kind, fragment)
  const where = fragment === '' || fragment === written ? '' : ` at \`${shorten(fragment)}\``
  const message = `The pattern ${show(written)} is refused${where}: ${advice.what ?? `RE2 says: ${kind}`}.`
  return { instructions: 0, message, suggestion: advice.suggestion }
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
  const open = pattern.replaceAll(/\{0(?:,0)?\}/g, '{0,}')
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

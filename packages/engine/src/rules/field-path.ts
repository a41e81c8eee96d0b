// Parses field paths: dots walk objects, `["a.b"]` quotes a key, `[0]` indexes an array. Used by plan.ts for the
// fields of predicates, and written again by kernel/techniques.ts; knows nothing of records.

import { limits } from '../limits.ts'

/** A field path in steps, or what is wrong with it. `position` counts characters of the path from 1. */
export type FieldPathResult =
  | { readonly steps: readonly (string | number)[] }
  | { readonly message: string; readonly position: number; readonly suggestion?: string }

class PathFault extends Error {
  readonly at: number
  readonly suggestion: string | undefined

  constructor(at: number, message: string, suggestion?: string) {
    super(message)
    this.at = at
    this.suggestion = suggestion
  }
}

/** Returns the steps of `text`: a text for a key, a number for an array index. The first is always a key. */
export function parseFieldPath(text: string): FieldPathResult {
  try {
    const steps = readSteps(text)
    if (steps.length > limits.fieldPathSteps) {
      throw new PathFault(0, `The path has ${steps.length} steps; at most ${limits.fieldPathSteps} are allowed`)
    }
    return { steps }
  } catch (error) {
    if (!(error instanceof PathFault)) throw error
    const position = [...text.slice(0, error.at)].length + 1
    const message = `${error.message}, at character ${position} of the path.`
    return { message, position, ...(error.suggestion === undefined ? {} : { suggestion: error.suggestion }) }
  }
}

/** Returns steps as a path that `parseFieldPath` reads as the same: keys are quoted where they must be. */
export function formatFieldPath(steps: readonly (string | number)[]): string {
  let text = ''
  for (const step of steps) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!plainKey.test(step) || step.trim() !== step) text += quoted(step)
    else text += text === '' ? step : `.${step}`
  }
  return text
}

// Control characters could be written as they are, but nobody could read them.
const plainKey = /^[^.[\]"\u0000-\u001f\u007f-\u009f]+$/

function readSteps(text: string): (string | number)[] {
  if (text === '') throw new PathFault(0, 'The field path is empty')
  const steps: (string | number)[] = []
  let at = 0
  while (at < text.length) {
    if (text[at] === '[') {
      const { step, end } = readBracket(text, at)
      if (steps.length === 0 && typeof step === 'number') {
        throw new PathFault(
          at,
          'A record is an object, so a path cannot begin with an index',
          `write ["${step}"] for a key`,
        )
      }
      steps.push(step)
      at = end
    } else {
      if (steps.length > 0) {
        // A step after the first begins with a dot or a bracket.
        if (text[at] !== '.') throw new PathFault(at, 'A `.` or `[` is expected after `]`')
        at++
        if (text[at] === '[') throw new PathFault(at - 1, 'A dot stands before `[`', 'drop the dot')
      }
      const { step, end } = readKey(text, at)
      steps.push(step)
      at = end
    }
  }
  return steps
}

function readKey(text: string, start: number): { step: string; end: number } {
  const key = /[^.[\]"]*/y
  key.lastIndex = start
  const step = key.exec(text)![0]
  const end = start + step.length
  if (step === '') {
    if (text[start] === '"' || text[start] === ']') {
      throw new PathFault(start, `\`${text[start]}\` cannot stand here`, `quote the key: ${quoted(text)}`)
    }
    throw new PathFault(start, 'A key is missing', 'an empty key is written [""], a key with a dot ["a.b"]')
  }
  if (text[end] === '"' || text[end] === ']') {
    throw new PathFault(
      end,
      `\`${text[end]}\` cannot stand in a key that is not quoted`,
      `quote the key: ${quoted(text)}`,
    )
  }
  if (step.trim() !== step) {
    throw new PathFault(start, 'A key begins or ends with a space', `drop the space, or quote the key: ${quoted(step)}`)
  }
  return { step, end }
}

function quoted(key: string): string {
  return `[${JSON.stringify(key)}]`
}

function readBracket(text: string, start: number): { step: string | number; end: number } {
  const key = /\[("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*")\]/y
  key.lastIndex = start
  const match = key.exec(text)
  if (match !== null) {
    const step = JSON.parse(match[1]!) as string
    if (/\p{Surrogate}/u.test(step)) throw new PathFault(start, 'The key holds half of a surrogate pair')
    return { step, end: start + match[0].length }
  }
  const index = /\[([0-9]+)\]/y
  index.lastIndex = start
  const digits = index.exec(text)?.[1]
  if (digits !== undefined) {
    if (digits.length > 1 && digits.startsWith('0')) {
      const plain = digits.replace(/^0+(?=[0-9])/, '')
      throw new PathFault(start, 'An index has no leading zeros', `write [${plain}], or ["${digits}"] for a key`)
    }
    if (Number(digits) > 0xffff_ffff) throw new PathFault(start, 'An index is at most 4294967295')
    return { step: Number(digits), end: start + digits.length + 2 }
  }
  throw bracketFault(text, start)
}

function bracketFault(text: string, start: number): PathFault {
  const close = text.indexOf(']', start)
  if (close === -1) return new PathFault(start, 'The `[` is never closed')
  const inside = text.slice(start + 1, close)
  if (inside.startsWith("'")) {
    return new PathFault(start, 'Keys are quoted with double quotes', `write ${quoted(inside.replace(/^'|'$/g, ''))}`)
  }
  if (inside.startsWith('"')) return new PathFault(start, 'The quoted key is not a JSON string followed by `]`')
  if (/^-[0-9]+$/.test(inside)) return new PathFault(start, 'An index counts from 0 and is not negative')
  const cure = inside === '' ? 'write [0] for the first item' : `write ${quoted(inside)} for a key`
  return new PathFault(start, 'Brackets hold an index or a key in double quotes', cure)
}

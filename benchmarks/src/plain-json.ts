// One record, read plainly: JSON.parse says whether it is JSON, and a few lines then read it again, since JSON.parse takes
// the last of equal keys and forgets how a number was written. Shares no code with the engine. Called by plain-reading.ts.

import { isUtf8 } from 'node:buffer'

/** A value: the text that rules compare; null; or what has no text, an object (first of equal keys) or an array. */
export type PlainValue = string | null | ReadonlyMap<string, PlainValue> | readonly PlainValue[]

/** Levels of objects and arrays that a record may have, its own object counted. */
const mostLevels = 1024

/** Returns the record in the bytes of a line, its line end left out; undefined when it is malformed. */
export function readRecord(line: Buffer): ReadonlyMap<string, PlainValue> | undefined {
  if (!isUtf8(line)) return undefined
  const text = line.toString('utf8')
  try {
    const parsed = JSON.parse(text) as unknown
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined
    if (levelsOf(parsed) > mostLevels) return undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g)!
  return readValue(tokens.values()) as ReadonlyMap<string, PlainValue>
}

function levelsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce((most: number, each) => Math.max(most, levelsOf(each)), 0) + 1
}

/** Reads one value from tokens of JSON that is known to be right. */
function readValue(tokens: Iterator<string>, first = next(tokens)): PlainValue {
  if (first === 'null') return null
  if (first.startsWith('"')) return textOf(first)
  if (first === '[') return readItems(tokens)
  return first === '{' ? readMembers(tokens) : first
}

function readMembers(tokens: Iterator<string>): ReadonlyMap<string, PlainValue> {
  const members = new Map<string, PlainValue>()
  for (let token = next(tokens); token !== '}'; token = next(tokens)) {
    if (token === ',') continue
    const key = textOf(token)
    next(tokens)
    const value = readValue(tokens)
    if (!members.has(key)) members.set(key, value)
  }
  return members
}

function readItems(tokens: Iterator<string>): readonly PlainValue[] {
  const items: PlainValue[] = []
  for (let token = next(tokens); token !== ']'; token = next(tokens)) {
    if (token !== ',') items.push(readValue(tokens, token))
  }
  return items
}

function next(tokens: Iterator<string>): string {
  return tokens.next().value as string
}

/** The text of a string; halves of pairs that stand alone read as U+FFFD. */
function textOf(token: string): string {
  return (JSON.parse(token) as string).replace(/\p{Surrogate}/gu, '\uFFFD')
}

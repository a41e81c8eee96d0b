// Records made to mislead whoever learns from those that came before: keys that look like others, values that stop repeating
// and begin again, and paths that consist of what many words begin with. Called by compose.ts.

import type { FlatRecord, Random, Value } from './values.ts'

/** Records of a phase: enough for a technique to be taken up, and to be dropped. */
const phaseRecords = 5000

/** Whether the record of this number is in a phase of values that do not repeat; the first phase is not. */
export function alternates(number: number): boolean {
  return Math.floor(number / phaseRecords) % 2 === 1
}

/** The folder that paths of the shape `common-start` consist of. */
export const pathStart = '/wp-content/plugins/'

/** Returns the path's last name behind two to eleven times the folder: some words on the folder can be in some of these. */
export function withCommonStart(path: string, random: Random): string {
  return pathStart.repeat(2 + random(10)) + path.slice(path.lastIndexOf('/') + 1)
}

const nextLetter = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) + 1)
const otherCase = (letter: string): string => (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase())
/** Makes a key longer than the longest that a kernel may care to remember. */
const longEnd = '-of-the-request-that-came-before-it'

/** Ways in which a key looks like another: as long and with its beginning, as long and with its end, a bit longer … */
const likenesses: readonly ((key: string, id: string) => string)[] = [
  (key) => key.slice(0, -1) + nextLetter(key.at(-1)!),
  (key) => nextLetter(key[0]!) + key.slice(1),
  (key) => otherCase(key[0]!) + key.slice(1),
  (key) => key.slice(0, -1),
  (key) => `${key}_`,
  (key) => key + longEnd,
  (key, id) => key + id,
]

const mostDecoys = 14

/**
 * Adds up to fourteen keys that look like keys of the record, with what another record says under the right one. `id` is
 * the record's own: a key with it stands in no other.
 */
export function withDecoys(record: Record<string, Value>, other: FlatRecord, id: string, random: Random): void {
  const keys = Object.keys(other).filter((key) => key in record && key !== 'version')
  for (let left = random(mostDecoys + 1); left > 0; left--) {
    const key = keys[random(keys.length)]!
    const decoy = likenesses[random(likenesses.length)]!(key, id)
    if (decoy !== '' && !(decoy in record)) record[decoy] = other[key]!
  }
}

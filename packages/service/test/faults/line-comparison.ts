// Lines that are somewhere, held against those that are wanted there: which are missing, doubled, out of order or strange. Called
// by the oracles of Kafka's faults and of the archive's.

/** Most sentences of one kind about one place: the first of them tell enough. */
const mostFaults = 3

/** What differs. */
export interface Comparison {
  readonly lost: readonly string[]
  readonly twice: readonly string[]
  readonly disordered: readonly string[]
  /** Lines that are not wanted there. */
  readonly strange: readonly string[]
}

/** Holds the lines of one partition against those that are wanted there, in their order. */
export function compareLines(wanted: readonly string[], found: readonly string[]): Comparison {
  // A record that its sender wrote twice has two places.
  const placesOf = new Map<string, number[]>()
  for (const [place, text] of wanted.entries()) placesOf.set(text, [...(placesOf.get(text) ?? []), place])
  const twice: string[] = []
  const disordered: string[] = []
  const strange: string[] = []
  let before = -1
  for (const text of found) {
    const places = placesOf.get(text)
    const place = places?.shift()
    if (places === undefined) strange.push(text)
    else if (place === undefined) twice.push(text)
    else if (place < before) disordered.push(text)
    else before = place
  }
  const lost = [...placesOf].flatMap(([text, places]) => places.map(() => text))
  return { lost, twice, disordered, strange }
}

/** Tells what differs, a sentence each, at most `mostFaults` of a kind. `where`: `keep, partition 0`. */
export function sentencesOf(held: Comparison, where: string): string[] {
  const words = {
    lost: 'is nowhere',
    twice: 'is there once more',
    disordered: 'is behind a later one',
    strange: 'does not belong there',
  }
  return (Object.keys(words) as (keyof Comparison)[]).flatMap((what) => {
    const all = held[what].map((text) => `In ${where}: ${text.slice(0, 40)} ${words[what]}.`)
    return all.length > mostFaults ? [...all.slice(0, mostFaults), `… ${all.length} such in ${where}`] : all
  })
}

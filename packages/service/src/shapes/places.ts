// Notes where records lie in the input that they are taken from: three numbers for each, so that a malformed one can be
// shown by the line and byte that its owner sees. Kept as long as the bytes are in flight. Called by the shapes.

import type { Place, Places } from '../ports/source.ts'

/** Makes the places of one piece of output after another. */
export class PlaceNotes {
  private triples = new Uint32Array(3 * 256)
  private used = 0
  private inputAt = 0
  private linesBefore = 0

  /** Begins a piece. `inputAt`, `linesBefore`: of the first byte of input that it is made of. */
  begin(inputAt: number, linesBefore: number): void {
    this.used = 0
    this.inputAt = inputAt
    this.linesBefore = linesBefore
  }

  /** Notes the next record: where it begins in the piece and in the input, and how many lines are before it there. */
  add(outputFrom: number, inputFrom: number, linesBefore: number): void {
    if (this.used === this.triples.length) {
      const larger = new Uint32Array(2 * this.used)
      larger.set(this.triples)
      this.triples = larger
    }
    this.triples[this.used] = outputFrom
    this.triples[this.used + 1] = inputFrom - this.inputAt
    this.triples[this.used + 2] = linesBefore - this.linesBefore
    this.used += 3
  }

  /** Ends the piece and returns its places. */
  end(): Places {
    return new PieceOfPlaces(this.triples.slice(0, this.used), this.inputAt, this.linesBefore)
  }
}

class PieceOfPlaces implements Places {
  /** Ascending: first byte in the piece; first byte in the input and lines before, from where the piece begins there. */
  private readonly triples: Uint32Array
  private readonly inputAt: number
  private readonly linesBefore: number

  constructor(triples: Uint32Array, inputAt: number, linesBefore: number) {
    this.triples = triples
    this.inputAt = inputAt
    this.linesBefore = linesBefore
  }

  locate(byte: number): Place {
    const { triples, inputAt, linesBefore } = this
    if (triples.length === 0) return { line: 1 + linesBefore, byte: inputAt }
    let index = lastAtMost(triples, byte)
    const place = { line: 1 + linesBefore + triples[index + 2]!, byte: inputAt + triples[index + 1]! }
    const isOneOfSeveral = (other: number) => triples[other + 1] === triples[index + 1]
    if (!isOneOfSeveral(index - 3) && !isOneOfSeveral(index + 3)) return place
    let messageLine = 1
    for (; isOneOfSeveral(index - 3); index -= 3) messageLine++
    return { ...place, messageLine }
  }
}

/** Returns the index of the last triple whose byte is at most `byte`; 0 where there is none. */
function lastAtMost(triples: Uint32Array, byte: number): number {
  let low = 0
  let high = triples.length / 3
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (triples[3 * middle]! <= byte) low = middle
    else high = middle
  }
  return 3 * low
}

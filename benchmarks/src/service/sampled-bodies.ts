// Bodies of records like those of a content network, each with a number: the lines of a file in turn, with the number put
// before their first field. Called by load.ts, and by what looks for each of them afterwards.

import { readFileSync } from 'node:fs'

const digits = 12
const idAt = Buffer.from('{"id":"')
const behindId = Buffer.from('",')
/** What stands before the first field of a sample. */
const headBytes = idAt.length + digits + behindId.length

/** Lines that are numbered again and again. */
export class SampledRecords {
  private readonly lines: readonly Buffer[]

  /** `path`: a file of records, each an object with at least one field and without white space. */
  constructor(path: string) {
    const all = readFileSync(path)
    const lines: Buffer[] = []
    for (let start = 0, end; (end = all.indexOf(10, start)) >= 0; start = end + 1) lines.push(all.subarray(start, end))
    this.lines = lines
  }

  /** How many samples there are: the record of a number is the sample of its remainder by it. */
  get count(): number {
    return this.lines.length
  }

  /** Returns a body of the records with the numbers from `first` on, each ended by a line feed. */
  body(first: number, count: number): Buffer {
    let bytes = 0
    for (let id = first; id < first + count; id++) bytes += headBytes + this.sampleOf(id).length
    const body = Buffer.allocUnsafe(bytes)
    let at = 0
    for (let id = first; id < first + count; id++) {
      at += idAt.copy(body, at)
      at += body.write(String(id).padStart(digits, '0'), at, 'latin1')
      at += behindId.copy(body, at)
      at += this.sampleOf(id).copy(body, at, 1)
      body[at++] = 10
    }
    return body
  }

  /** Returns the number of the record in `bytes[start, end)`, without line feed; undefined where it is none of these records. */
  numberIn(bytes: Buffer, start: number, end: number): number | undefined {
    if (end - start <= headBytes) return undefined
    const id = Number(bytes.toString('latin1', start + idAt.length, start + idAt.length + digits))
    if (!Number.isInteger(id)) return undefined
    const sample = this.sampleOf(id)
    const isSame = bytes.compare(sample, 1, sample.length, start + headBytes, end) === 0
    return isSame ? id : undefined
  }

  private sampleOf(id: number): Buffer {
    return this.lines[id % this.lines.length]!
  }
}

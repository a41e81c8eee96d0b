// What is posted: the lines of a file cut into bodies, and records with a number in them, made as they are needed. Called
// by load.ts, and by what checks that each of these records came through.

import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

/** How a CDN compresses: quickly. */
const gzipLevel = 6

/** Returns the lines of a file as bodies of at least so many bytes, the last one aside; each ends with a line. */
export function bodiesOf(path: string, bodyBytes: number): readonly Uint8Array[] {
  const all = readFileSync(path)
  const bodies: Uint8Array[] = []
  for (let start = 0; start < all.length;) {
    const lineFeed = all.indexOf(10, Math.min(start + bodyBytes, all.length) - 1)
    const end = lineFeed < 0 ? all.length : lineFeed + 1
    bodies.push(all.subarray(start, end))
    start = end
  }
  return bodies
}

/** Returns a body compressed as one member of gzip. */
export function gzipped(body: Uint8Array): Uint8Array {
  return gzipSync(body, { level: gzipLevel })
}

/** Length of a numbered record, its line feed included. */
export const numberedBytes = 1024
/** One record in so many is kept by `numberedRules`. */
export const keptOneIn = 4

const digits = 12
const idAt = Buffer.from('{"id":"')
/** One numbered record with the number 0, and one that is kept. */
const forms = ['200', '503'].map((status) => {
  const start = `{"id":"${'0'.repeat(digits)}","statusCode":"${status}","reqHost":"www.example.com","UA":"`
  const end = '"}\n'
  return Buffer.from(start + 'Mozilla/5.0 '.repeat(100).slice(0, numberedBytes - start.length - end.length) + end)
}) as readonly Buffer[] as readonly [Buffer, Buffer]

/** The rule set that goes with numbered records: it keeps every fourth. */
export const numberedRules = {
  version: 1,
  default: 'drop',
  rules: [{ id: 'errors', when: { field: 'statusCode', matches: '5\\d\\d' }, then: 'keep' }],
} as const

/** Whether `numberedRules` keeps the record of this number. */
export function isKept(id: number): boolean {
  return id % keptOneIn === 0
}

/** Returns a body of the records with the numbers from `first` on. */
export function numberedBody(first: number, count: number): Buffer {
  const body = Buffer.allocUnsafe(count * numberedBytes)
  for (let i = 0; i < count; i++) {
    const id = first + i
    forms[isKept(id) ? 1 : 0].copy(body, i * numberedBytes)
    body.write(String(id).padStart(digits, '0'), i * numberedBytes + idAt.length, 'latin1')
  }
  return body
}

/** Returns the number in a record that begins at `at`. */
export function numberAt(bytes: Buffer, at: number): number {
  return Number(bytes.toString('latin1', at + idAt.length, at + idAt.length + digits))
}

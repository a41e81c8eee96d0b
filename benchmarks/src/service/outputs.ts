// What lies in a folder of output afterwards: all of it in the order of the file names, as one digest, or line by line
// without regard to order, or the numbers of numbered records. Called by the cases after the service has answered.

import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isKept, numberAt, numberedBytes } from './bodies.ts'

/** The records of a folder. */
export interface FolderContent {
  readonly records: number
  readonly bytes: number
  /** SHA-256 of all records, files in the order of their names, in hexadecimal. */
  readonly sha256: string
  /** Sum of a part of each record's SHA-256, in hexadecimal: the same for the same records in any order. */
  readonly sum: bigint
}

const sumMask = (1n << 128n) - 1n

/** Returns the contents of the files of a folder, by name; names that begin with a dot are left out. */
function* filesOf(folder: string): Generator<Buffer, void, undefined> {
  for (const name of readdirSync(folder).sort()) {
    if (!name.startsWith('.')) yield readFileSync(join(folder, name))
  }
}

/** Reads a folder. *Cost*: a digest for each record. */
export function readOutput(folder: string): FolderContent {
  const all = createHash('sha256')
  let [records, bytes, sum] = [0, 0, 0n]
  for (const content of filesOf(folder)) {
    all.update(content)
    bytes += content.length
    for (let start = 0; start < content.length;) {
      const lineFeed = content.indexOf(10, start)
      const end = lineFeed < 0 ? content.length : lineFeed + 1
      const line = createHash('sha256').update(content.subarray(start, end)).digest('hex')
      sum = (sum + BigInt(`0x${line.slice(0, 32)}`)) & sumMask
      records++
      start = end
    }
  }
  return { records, bytes, sha256: all.digest('hex'), sum }
}

/** Returns how a folder differs from one that has everything `times` times, as a sentence, or undefined. */
export function differenceInRepeats(folder: FolderContent, once: FolderContent, times: number): string | undefined {
  if (folder.records !== times * once.records) {
    return `has ${folder.records} records, not ${times} × ${once.records}`
  }
  return folder.sum === ((once.sum * BigInt(times)) & sumMask) ? undefined : 'has the right number of other records'
}

/** Which numbered records are in a folder. */
export interface NumberedContent {
  readonly records: number
  /** Records that were acknowledged, are to be kept, and are not there. */
  readonly lost: number
  /** Records beyond the first of each number. */
  readonly repeated: number
  /** Records that should not be there, or cannot be read. */
  readonly wrong: number
}

/**
 * Reads a folder of numbered records. `wasAcknowledged`: whether the record's body was answered 200; `end`: one more than
 * the largest number that was posted.
 */
export function readNumbered(
  folder: string,
  end: number,
  wasAcknowledged: (id: number) => boolean,
  shouldKeep: (id: number) => boolean = isKept,
): NumberedContent {
  const seen = new Uint8Array(end)
  let [records, repeated, wrong] = [0, 0, 0]
  for (const content of filesOf(folder)) {
    if (content.length % numberedBytes !== 0) wrong++
    for (let at = 0; at + numberedBytes <= content.length; at += numberedBytes) {
      const id = numberAt(content, at)
      records++
      if (!(id < end) || !shouldKeep(id)) wrong++
      else if (seen[id]! > 0) repeated++
      else seen[id] = 1
    }
  }
  let lost = 0
  for (let id = 0; id < end; id++) if (seen[id] === 0 && shouldKeep(id) && wasAcknowledged(id)) lost++
  return { records, lost, repeated, wrong }
}

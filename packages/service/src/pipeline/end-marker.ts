// The file that tells the next process how this one ended: it is there while a pipeline runs, and gone after an end in
// order. Nothing is synced: a process that is killed leaves its writes to the system, and the loss of power is no fault of
// a record. Decides nothing. Called by caution.ts.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { systemCode } from '../errors.ts'

/** Name of the file in its folder. */
export const markerName = '.weir-running'
const markerKind = 'weir-running'
const markerFormat = 1

/** What a process leaves behind that does not end in order. */
export interface EndMarker {
  /** When processes were started that found such a file, in milliseconds since 1970, the oldest first. */
  readonly deathsMs: readonly number[]
  /** Whether a worker hung, which ends with its process only. */
  readonly hasHung: boolean
}

/**
 * Reads what a process before left behind; undefined: it ended in order, or there was none. A file that cannot be understood
 * says that a process died, and nothing more. *Errors*: the system's.
 */
export function readMarker(folder: string): EndMarker | undefined {
  try {
    return parse(readFileSync(path.join(folder, markerName), 'utf8'))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Writes it aside and renames it: there is always a whole one. *Errors*: the system's; the one before stays then. */
export function writeMarker(folder: string, { deathsMs, hasHung }: EndMarker): void {
  const deaths = deathsMs.map((ms) => new Date(ms).toISOString())
  const text = JSON.stringify({ marker: markerKind, format: markerFormat, deaths, hasHung })
  const aside = path.join(folder, `${markerName}.new`)
  writeFileSync(aside, `${text}\n`, { mode: 0o640 })
  renameSync(aside, path.join(folder, markerName))
}

/** *Errors*: the system's. */
export function removeMarker(folder: string): void {
  rmSync(path.join(folder, markerName), { force: true })
}

function parse(text: string): EndMarker {
  const unknown = { deathsMs: [], hasHung: false }
  try {
    const { marker, format, deaths, hasHung } = JSON.parse(text) as Record<string, unknown>
    if (marker !== markerKind || format !== markerFormat || !Array.isArray(deaths)) return unknown
    const deathsMs = deaths.map((each) => Date.parse(String(each))).filter((ms) => Number.isFinite(ms))
    return { deathsMs, hasHung: hasHung === true }
  } catch {
    return unknown
  }
}

// Result files: what is in one, how it is written and read, and which one is the latest. A file is made from a journal
// alone, so that a run that was stopped and resumed leaves the same as one that was not. Called by main.ts and report.ts.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from './errors.ts'
import type { Machine } from './machine.ts'
import type { RunOptions } from './options.ts'
import type { CalibrationResult, Result } from './result.ts'
import type { TargetResult } from './targets.ts'

/** A moment, and how busy the machine was. */
export interface Moment {
  readonly at: string
  readonly load: readonly number[]
}

/** What a run leaves behind. */
export interface ResultFile {
  /**
   * 1: each sample is one run, and kernels and commands have rounds of their own. 2: samples in process are turns of many
   * runs, all models of a case share rounds, and there are the models *compile* and *start*.
   */
  readonly format: 1 | 2
  readonly started: Moment
  readonly ended: Moment
  /** When it went on after it was stopped; absent where it never was. */
  readonly resumed?: readonly Moment[]
  readonly machine: Machine
  readonly options: RunOptions & Readonly<Record<string, unknown>>
  readonly results: readonly Result[]
  readonly calibrations: readonly CalibrationResult[]
  readonly targets: readonly TargetResult[]
}

/** Writes a result file. `places` are paths of this machine, which mean nothing elsewhere, and what to say instead. */
export function writeResultFile(
  path: string,
  content: ResultFile,
  places: readonly (readonly [place: string, instead: string])[],
): void {
  const text = places.reduce(
    (text, [place, instead]) => text.replaceAll(place, instead),
    `${JSON.stringify(content, undefined, 2)}\n`,
  )
  writeFileSync(path, text)
}

/** Returns a result file. Errors: UsageError where it is none, or of a format that this suite does not read. */
export function readResultFile(path: string): ResultFile {
  let content: Partial<ResultFile>
  try {
    content = JSON.parse(readFileSync(path, 'utf8')) as Partial<ResultFile>
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}.`)
  }
  if ((content.format !== 1 && content.format !== 2) || !Array.isArray(content.results)) {
    throw new UsageError(`${path} is no result file of \`npm run bench\`.`)
  }
  return content as ResultFile
}

/**
 * Returns the path of a folder's latest whole run: neither a quick one, nor one of a changed checkout, nor one of the
 * service. Errors: UsageError where there is none.
 */
export function latestResultFile(folder: string): string {
  const names = readdirSync(folder).filter((name) => /^\d{4}-\d\d-\d\d-[0-9a-f]{12}\.json$/.test(name))
  const started = (name: string): string => readResultFile(join(folder, name)).started.at
  const latest = names.toSorted((a, b) => started(a).localeCompare(started(b))).at(-1)
  if (latest === undefined) throw new UsageError(`${folder} has no result file of a whole run; name one.`)
  return join(folder, latest)
}

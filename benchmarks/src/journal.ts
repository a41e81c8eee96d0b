// The journal of a run: everything it finds out, a line of JSON each, appended when it happens, so that a run that was
// stopped, by Ctrl-C or by a crash, goes on where it was. The result file is made from it alone. A round that was not
// finished is measured anew: its samples would belong to two different times. Written by main.ts and measure.ts.

import { appendFileSync, mkdirSync, readFileSync, readdirSync, statSync, truncateSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UsageError } from './errors.ts'
import type { Machine } from './machine.ts'
import type { RunOptions } from './options.ts'
import type { CalibrationSample, Result, Sample } from './result.ts'

/** What a journal begins with: what has to be the same when the run goes on. */
export interface JournalHead {
  readonly kind: 'head'
  readonly format: 1
  readonly machine: Machine
  readonly options: RunOptions
}

/** When a run began, or went on after a stop. */
export interface Beginning {
  readonly kind: 'beginning'
  readonly at: string
  readonly load: readonly number[]
}

/** A contender that was made ready, and how many samples it is to have; its samples come apart. */
export interface Checked {
  readonly kind: 'checked'
  readonly unit: string
  readonly key: string
  readonly result: Omit<Result, 'samples'>
  readonly wanted: number
}

interface Sampled {
  readonly kind: 'sample'
  readonly unit: string
  readonly key: string
  readonly sample: Sample
}

/** A contender that failed or answered wrongly while it was timed. */
interface Faulted {
  readonly kind: 'fault'
  readonly unit: string
  readonly key: string
  readonly status: Result['status']
  readonly reason: string
}

interface Calibrated {
  readonly kind: 'calibration'
  readonly unit: string
  readonly how: string
  /** Absent where there is no calibration to be had: `how` says why. */
  readonly sample?: CalibrationSample
}

interface RoundEnded {
  readonly kind: 'round'
  readonly unit: string
  readonly round: number
}

/** All rounds of a unit are over. */
interface UnitEnded {
  readonly kind: 'unit'
  readonly unit: string
}

/** One line behind the head. */
export type JournalEntry = Beginning | Checked | Sampled | Faulted | Calibrated | RoundEnded | UnitEnded

/** What a journal knows of the contenders that share rounds. */
export interface UnitRecord {
  readonly checked: ReadonlyMap<string, Checked>
  /** Samples of finished rounds. */
  readonly samples: (key: string) => readonly Sample[]
  readonly faults: ReadonlyMap<string, { readonly status: Result['status']; readonly reason: string }>
  readonly rounds: ReadonlySet<number>
  readonly calibration: { readonly how: string; readonly samples: readonly CalibrationSample[] } | undefined
  readonly isDone: boolean
}

const headFormat = 1
const suffix = '.jsonl'

/** A journal, open for more. */
export class Journal {
  readonly path: string
  readonly head: JournalHead
  readonly #entries: JournalEntry[]

  private constructor(path: string, head: JournalHead, entries: JournalEntry[]) {
    this.path = path
    this.head = head
    this.#entries = entries
  }

  /** Begins a journal. A file of this name is replaced. */
  static create(path: string, head: JournalHead): Journal {
    mkdirSync(dirname(path), { recursive: true })
    appendFileSync(path, `${JSON.stringify(head)}\n`, { flag: 'w' })
    return new Journal(path, head, [])
  }

  /** Opens a journal to go on with. Errors: UsageError where the file is none, or damaged before its last line. */
  static open(path: string): Journal {
    const bytes = readBytes(path)
    // Behind the last line feed stands nothing, or what a process wrote when it was killed.
    const whole = bytes.lastIndexOf(10) + 1
    const lines = bytes.toString('utf8', 0, whole).split('\n').slice(0, -1)
    const [head, ...entries] = lines.map((line, i) => parseLine(line, `${path}:${i + 1}`))
    const { kind, format } = (head ?? {}) as Partial<JournalHead>
    if (kind !== 'head' || format !== headFormat) {
      throw new UsageError(`${path} is no journal of this version of the suite; begin a new run without --resume.`)
    }
    if (whole < bytes.length) truncateSync(path, whole)
    return new Journal(path, head as JournalHead, entries as JournalEntry[])
  }

  /** Writes an entry down. It survives the end of this process as soon as this returns. */
  add(entry: JournalEntry): void {
    appendFileSync(this.path, `${JSON.stringify(entry)}\n`)
    this.#entries.push(entry)
  }

  /** When the run began, and when it went on. */
  beginnings(): Beginning[] {
    return this.#entries.filter((entry) => entry.kind === 'beginning')
  }

  /** What is known of a unit. Later entries replace earlier ones of the same contender and round. */
  unit(name: string): UnitRecord {
    const entries = this.#entries.filter((entry) => 'unit' in entry && entry.unit === name)
    const of = <K extends JournalEntry['kind']>(kind: K) =>
      entries.filter((entry): entry is Extract<JournalEntry, { kind: K }> => entry.kind === kind)
    const rounds = new Set(of('round').map(({ round }) => round))
    const samples = of('sample').filter(({ sample }) => rounds.has(sample.round))
    const calibrated = of('calibration')
    return {
      checked: new Map(of('checked').map((entry) => [entry.key, entry])),
      samples: (key) => latestByRound(samples.filter((each) => each.key === key).map(({ sample }) => sample)),
      faults: new Map(of('fault').map((entry) => [entry.key, entry])),
      rounds,
      calibration:
        calibrated.length === 0
          ? undefined
          : {
              how: calibrated.at(-1)!.how,
              samples: latestByRound(calibrated.flatMap(({ sample }) => sample ?? [])).filter(({ round }) =>
                rounds.has(round),
              ),
            },
      isDone: entries.some(({ kind }) => kind === 'unit'),
    }
  }
}

function latestByRound<T extends { readonly round: number }>(items: readonly T[]): T[] {
  return [...new Map(items.map((each) => [each.round, each])).values()].sort((a, b) => a.round - b.round)
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new UsageError(`--resume cannot read ${path}: ${(error as Error).message}.`)
  }
}

function parseLine(line: string, place: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw new UsageError(`${place} is damaged; begin a new run without --resume.`)
  }
}

/** Returns a folder's latest journal. Errors: UsageError where there is none. */
export function latestJournal(folder: string): string {
  let paths: string[]
  try {
    paths = readdirSync(folder).flatMap((name) => (name.endsWith(suffix) ? [join(folder, name)] : []))
  } catch {
    paths = []
  }
  const latest = paths.map((path) => ({ path, at: statSync(path).mtimeMs })).sort((a, b) => b.at - a.at)[0]
  if (latest === undefined) throw new UsageError(`--resume: there is no stopped run in ${folder}.`)
  return latest.path
}

/** Returns where the journal of a run that begins now lies: every run has its own. */
export function journalPath(folder: string, at: string): string {
  return join(folder, `${at.replaceAll(/[:.]/g, '-')}${suffix}`)
}

/**
 * Throws where a run cannot go on here, because its samples would not compare: another machine, other software, another
 * state of the checkout. Errors: UsageError that names what differs.
 */
export function refuseOthers(path: string, then: JournalHead, now: JournalHead): void {
  const parts: readonly (readonly [string, (head: JournalHead) => string])[] = [
    ['commit', ({ machine }) => machine.commit?.slice(0, 12) ?? 'none'],
    ['state of the checkout', ({ machine }) => machine.changes ?? 'as committed'],
    ['machine', ({ machine }) => `${machine.processor}, ${machine.processors} processors, ${machine.system}`],
    ['Node', ({ machine }) => machine.node],
    ['version of a contender', ({ machine }) => JSON.stringify({ ...machine.tools, ...machine.packages })],
    ['value of an option', ({ options }) => JSON.stringify(options)],
  ]
  for (const [name, of] of parts) {
    const [was, is] = [of(then), of(now)]
    if (was === is) continue
    throw new UsageError(
      `--resume: ${path} is of another ${name}, ${was}; this is ${is}. Samples of both would not compare: ` +
        'go back to that, or begin a new run without --resume.',
    )
  }
}

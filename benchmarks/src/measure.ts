// Measures the contenders of a unit, which share rounds: opens them, checks each answer before anything is timed, then
// times them in rounds, each round in an order of its own, and checks every answer again. Everything goes into the
// journal when it happens, and what stands there already is not done again. Prints nothing; called by main.ts.

import type { Contender, Prepared, Run, Task } from './contender.ts'
import { differenceOf } from './expected.ts'
import { unlessAborted } from './interruption.ts'
import type { Checked, Journal } from './journal.ts'
import type { CalibrationSample, Result } from './result.ts'
import { roundRandom, shuffled } from './schedule.ts'
import { turnsOf } from './turns.ts'
import type { TakeTurn } from './turns.ts'

/** A contender, and the case that it is to take part in. */
export interface Participant {
  readonly contender: Contender
  /** Names the case before its task is prepared. */
  readonly caseName: string
  /** Prepares the input and what must come out of it; called only when something has still to be measured. */
  readonly task: () => Promise<Task>
}

/** How to measure. */
export interface MeasureOptions {
  readonly samples: number
  /** Samples of a contender whose first run, which is not timed, took longer than `slowSeconds`. */
  readonly slowSamples: number
  readonly slowSeconds: number
  /** Samples of commands that only start and end. */
  readonly startSamples: number
  /** Time that one turn of a contender in this process fills at least. */
  readonly turnMs: number
  /** Of the orders of the rounds. */
  readonly seed: number
  readonly journal: Journal
  /** Runs beside every round: the calibration. */
  readonly calibrate?: Calibrate
  /** Ends the measuring where it is. */
  readonly signal?: AbortSignal
  /** Told what happens, for people who wait. */
  readonly tell: (text: string) => void
  /** Collects garbage, so that no contender pays for another's. */
  readonly collect: () => void
}

/** Something that runs beside each round; undefined where it cannot be had, for the reason that `how` gives. */
export interface Calibrate {
  readonly how: string
  take(round: number): Promise<CalibrationSample | undefined>
}

interface Entry {
  readonly participant: Participant
  readonly key: string
  checked: Checked
  prepared?: Prepared
  task?: Task
  turn?: TakeTurn
}

/**
 * Returns what came of the participants, in their order. One that fails does not stop the others. Errors: the reason of
 * the signal; what the journal has by then is enough to go on from.
 */
export async function measure(
  unit: string,
  participants: readonly Participant[],
  options: MeasureOptions,
): Promise<readonly Result[]> {
  const { journal } = options
  if (!journal.unit(unit).isDone) await measureMissing(unit, participants, options)
  const { checked, samples, faults } = journal.unit(unit)
  return participants.map((participant) => {
    const key = keyOf(participant)
    const { result } = checked.get(key)!
    const fault = faults.get(key)
    if (fault !== undefined) return { ...result, status: fault.status, reason: fault.reason, samples: [] }
    return { ...result, samples: result.status === 'measured' ? samples(key) : [] }
  })
}

function keyOf({ caseName, contender: { model, id } }: Participant): string {
  return `${caseName} ${model} ${id}`
}

async function measureMissing(
  unit: string,
  participants: readonly Participant[],
  options: MeasureOptions,
): Promise<void> {
  const { journal, signal } = options
  const entries: Entry[] = []
  try {
    for (const participant of participants) entries.push(await makeReady(unit, participant, options))
    const rounds = Math.max(0, ...entries.filter(isTimed).map(({ checked }) => checked.wanted))
    for (let round = 0; round < rounds; round++) {
      if (journal.unit(unit).rounds.has(round)) continue
      const due = entries.filter((each) => isTimed(each) && round < each.checked.wanted)
      if (due.length === 0) break
      options.tell(`${unit}: round ${round + 1} of ${rounds}`)
      if (round < options.samples) await calibrate(unit, round, options)
      for (const entry of shuffled(due, roundRandom(options.seed, unit, round))) {
        await sample(unit, entry, round, options)
      }
      journal.add({ kind: 'round', unit, round })
    }
    journal.add({ kind: 'unit', unit })
  } finally {
    // One that hangs must not keep an interrupted run from ending.
    const closing = Promise.allSettled(entries.map(async ({ prepared }) => prepared?.close()))
    if (signal?.aborted !== true) await closing
  }
}

function isTimed({ checked }: Entry): boolean {
  return checked.result.status === 'measured'
}

/** Makes a contender ready, unless the journal says that nothing of it is missing. */
async function makeReady(unit: string, participant: Participant, options: MeasureOptions): Promise<Entry> {
  const key = keyOf(participant)
  const { checked, faults, rounds } = options.journal.unit(unit)
  const known = checked.get(key)
  if (known !== undefined) {
    const status = faults.get(key)?.status ?? known.result.status
    const isComplete = Array.from({ length: known.wanted }, (_, round) => round).every((round) => rounds.has(round))
    if (status !== 'measured' || isComplete) {
      return { participant, key, checked: { ...known, result: { ...known.result, status } } }
    }
  }
  const made = await unlessAborted(check(unit, participant, options), options.signal)
  if (known !== undefined) {
    // How many samples a contender has is decided once, and what it works on is what it worked on first.
    const { bytes, records } = known.result
    made.checked = { ...made.checked, wanted: known.wanted, result: { ...made.checked.result, bytes, records } }
  }
  options.journal.add(made.checked)
  return made
}

/** Opens a contender and checks its answer; its first run also warms it up. */
async function check(unit: string, participant: Participant, options: MeasureOptions): Promise<Entry> {
  const { contender, caseName } = participant
  const key = keyOf(participant)
  options.tell(`${caseName}: checking ${contender.label}`)
  const task = await participant.task()
  const entry = (parts: Partial<Entry>, outcome: Pick<Result, 'status' | 'reason'>, wanted: number): Entry => {
    const result = describe(caseName, contender, parts.task ?? task, parts.prepared, outcome)
    return { participant, key, ...parts, checked: { kind: 'checked', unit, key, result, wanted } }
  }
  let prepared: Prepared | undefined
  try {
    const opened = await contender.open(task)
    if ('skipped' in opened) return entry({}, { status: 'skipped', reason: opened.skipped }, 0)
    prepared = opened
    const parts = { prepared, task: opened.task ?? task, turn: turnsOf(contender, opened, options.turnMs) }
    const run = await opened.run()
    const reason = differenceOf(await run.answer(), parts.task.expected)
    if (reason !== undefined) return entry(parts, { status: 'wrong', reason }, 0)
    return entry(parts, { status: 'measured' }, samplesOf(contender, run, options))
  } catch (error) {
    return entry(prepared === undefined ? {} : { prepared }, { status: 'failed', reason: messageOf(error) }, 0)
  }
}

function samplesOf({ model }: Contender, { seconds }: Run, options: MeasureOptions): number {
  const { samples, slowSamples, slowSeconds, startSamples } = options
  if (model === 'start') return Math.max(samples, startSamples)
  return seconds > slowSeconds ? Math.min(slowSamples, samples) : samples
}

async function calibrate(unit: string, round: number, { calibrate, journal, signal }: MeasureOptions): Promise<void> {
  if (calibrate === undefined) return
  const sample = await unlessAborted(calibrate.take(round), signal)
  journal.add({ kind: 'calibration', unit, how: calibrate.how, ...(sample === undefined ? {} : { sample }) })
}

async function sample(unit: string, entry: Entry, round: number, options: MeasureOptions): Promise<void> {
  options.collect()
  const { key, turn, task } = entry
  try {
    const taken = await unlessAborted(turn!(), options.signal)
    const difference = differenceOf(await unlessAborted(taken.run.answer(), options.signal), task!.expected)
    if (difference !== undefined) return fault(unit, entry, 'wrong', difference, options)
    const { cpuSeconds, peakBytes, cacheBytes } = taken.run
    const bytes = task!.input.bytes === entry.checked.result.bytes ? undefined : task!.input.bytes
    const extra = { bytes, cpuSeconds, peakBytes, latencyMs: taken.latencyMs, cacheBytes }
    const known = Object.fromEntries(Object.entries(extra).filter(([, value]) => value !== undefined))
    const { seconds, runs } = taken
    options.journal.add({
      kind: 'sample',
      unit,
      key,
      sample: { round, seconds, ...(runs > 1 ? { runs } : {}), ...known },
    })
  } catch (error) {
    if (options.signal?.aborted === true) throw error
    fault(unit, entry, 'failed', messageOf(error), options)
  }
}

/** Times of a contender that turned out wrong later are no results either. */
function fault(unit: string, entry: Entry, status: Result['status'], reason: string, options: MeasureOptions): void {
  entry.checked = { ...entry.checked, result: { ...entry.checked.result, status } }
  options.journal.add({ kind: 'fault', unit, key: entry.key, status, reason })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function describe(
  caseName: string,
  { id, label, model, threads }: Contender,
  { case: { rules }, input }: Task,
  prepared: Prepared | undefined,
  { status, reason }: Pick<Result, 'status' | 'reason'>,
): Omit<Result, 'samples'> {
  return {
    case: caseName,
    id,
    label,
    model,
    threads,
    rules: rules.rules.length,
    ...(prepared === undefined ? {} : { how: prepared.how }),
    bytes: input.bytes,
    records: input.records,
    status,
    ...(reason === undefined ? {} : { reason }),
  }
}

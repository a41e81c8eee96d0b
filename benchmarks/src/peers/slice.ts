// Slices: the first part of a task for a peer that would need minutes for all of it. How large a part is found by short
// runs, so that it holds for any case and machine. Called by contenders.ts.

import { copyFileSync, existsSync, openSync, closeSync, readSync, renameSync, statSync, truncateSync } from 'node:fs'
import { expectedOf } from '../answers.ts'
import type { Task } from '../contender.ts'

/** Records of the first run, by which the next ones are chosen. */
const firstRecords = 250
/** The records of a slice take about this long at most, beside what starting takes. */
const longestSeconds = 8
/** A peer whose first records take longer than this is tried on no more. */
const patienceSeconds = 30

/**
 * Returns the task, or its first part. `secondsFor` runs the peer once on a task, without checking its answer. Shares are
 * powers of a half, so that slices of other peers and runs are met again.
 */
export async function sliceOf(task: Task, secondsFor: (part: Task) => Promise<number>): Promise<Task> {
  const { records } = task.input
  let known = Math.min(firstRecords, records)
  let seconds = await secondsFor(await firstOf(task, known, false))
  while (known < records && seconds < patienceSeconds) {
    const next = Math.min(known * 4, records)
    const longer = await secondsFor(await firstOf(task, next, false))
    // What both runs took is the start; only where they differ enough does the difference say anything.
    const added = longer - seconds
    if (added > 0.5) return firstOf(task, shareFor(records, (longestSeconds * (next - known)) / added), true)
    known = next
    seconds = longer
  }
  return firstOf(task, shareFor(records, known), true)
}

function shareFor(records: number, fitting: number): number {
  let share = records
  while (share > fitting && share > firstRecords) share = Math.ceil(share / 2)
  return share
}

/** The task on its first records. Without `isJudged` nothing is known of what must come out. */
async function firstOf(task: Task, records: number, isJudged: boolean): Promise<Task> {
  if (records >= task.input.records) return task
  const path = firstLines(task.input.path, records)
  const input = { ...task.input, path, bytes: statSync(path).size, records }
  return { ...task, input, expected: isJudged ? await expectedOf(task.case, input, task.folder) : task.expected }
}

/** Returns the path of a file with the first lines of another. Made once. */
function firstLines(path: string, lines: number): string {
  const target = `${path}.first${lines}`
  if (existsSync(target)) return target
  const aside = `${target}.new`
  copyFileSync(path, aside)
  truncateSync(aside, endOfLine(path, lines))
  renameSync(aside, target)
  return target
}

function endOfLine(path: string, lines: number): number {
  const file = openSync(path, 'r')
  const bytes = Buffer.alloc(1 << 20)
  let left = lines
  try {
    for (let position = 0; ;) {
      const read = readSync(file, bytes, 0, bytes.length, position)
      if (read === 0) return position
      for (let at = bytes.indexOf(10); at >= 0 && at < read; at = bytes.indexOf(10, at + 1)) {
        if (--left === 0) return position + at + 1
      }
      position += read
    }
  } finally {
    closeSync(file)
  }
}

// What a process and all that it has started have used, by /proc. Called by passes.ts and the cases.

import { readFileSync, readdirSync } from 'node:fs'
import { residentOf } from '../service/processes.ts'

/** Ticks of the processor time in /proc; the same on every Linux that Node runs on. */
const ticksPerSecond = 100

/** What /proc says of one process. */
export interface ProcessFigures {
  readonly parent: number
  /** User and system, with children that have ended and were waited for; those that run are not in it. */
  readonly cpuSeconds: number
}

/** Returns what a line of /proc/PID/stat says. */
export function parseStat(text: string): ProcessFigures {
  // The name of the program, in brackets, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { parent: Number(fields[1]), cpuSeconds: ticks / ticksPerSecond }
}

/** Returns the processor time of processes and of all that they have started, ended ones included, in seconds. */
export function cpuSecondsOfTrees(roots: readonly number[]): number {
  let sum = 0
  for (const { cpuSeconds } of treeOf(roots).values()) sum += cpuSeconds
  return sum
}

/** Returns the largest resident memory of each process of the trees that runs, added up. */
export function peakBytesOfTrees(roots: readonly number[]): number {
  let sum = 0
  for (const pid of treeOf(roots).keys()) sum += asked(() => residentOf(pid).peakBytes) ?? 0
  return sum
}

function treeOf(roots: readonly number[]): Map<number, ProcessFigures> {
  const all = new Map<number, ProcessFigures>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const text = asked(() => readFileSync(`/proc/${name}/stat`, 'latin1'))
    if (text !== undefined) all.set(Number(name), parseStat(text))
  }
  const isWithin = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined; at = all.get(at)?.parent)
      if (roots.includes(at)) return true
    return false
  }
  return new Map([...all].filter(([pid]) => isWithin(pid)))
}

/** A process may end between being listed and being read. */
function asked<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

// How the main thread names a program to workers: they are sent the number, and the rest once. Made where a rule set is
// compiled, used by pool.ts.

import type { Program } from '../rules/program.ts'

/** A program under the number that workers know it by. */
export interface ProgramHandle {
  readonly id: number
  readonly program: Pick<Program, 'bytes'>
  /** Where workers add up what they count of it (tally.ts). Absent until an engine has it. */
  readonly tally?: SharedArrayBuffer
}

let lastProgramId = 0

/** Returns a handle that no other program in this process has. */
export function programHandle(program: ProgramHandle['program']): ProgramHandle {
  lastProgramId++
  return { id: lastProgramId, program }
}

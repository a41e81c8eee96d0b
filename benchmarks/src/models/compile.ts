// The contenders that make a rule set ready, in the order of the table.

import type { Contender } from '../contender.ts'
import { compileClosures, compileProgram, loadProgram } from '../contenders/compiling.ts'

/** Contenders of the model *compile*. */
export const compileContenders: readonly Contender[] = [compileClosures, compileProgram, loadProgram]

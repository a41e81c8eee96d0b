// The contenders that start and end, in the order of the table.

import type { Contender } from '../contender.ts'
import { nodeStart, weirStart, weirStartCold } from '../contenders/starting.ts'

/** Contenders of the model *start*. */
export const startContenders: readonly Contender[] = [nodeStart, weirStart, weirStartCold]

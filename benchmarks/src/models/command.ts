// The contenders that are whole commands, in the order of the table, each from its start to its end on a file.

import type { Contender } from '../contender.ts'
import { inflateAlone } from '../contenders/inflate.ts'
import { plainCppCommand } from '../contenders/plain-cpp.ts'
import { contendersOf } from '../peers/contenders.ts'
import { peers } from '../peers/list.ts'
import { ripgrep, ripgrepTwice, ugrep, ugrepTwice } from '../contenders/ripgrep.ts'
import { weirFilter, weirFilterPipe } from '../contenders/weir-filter.ts'

/** Contenders of the model *command*. */
export const commandContenders: readonly Contender[] = [
  ...peers.flatMap(contendersOf),
  ripgrep,
  ripgrepTwice,
  ugrep,
  ugrepTwice,
  plainCppCommand,
  weirFilter(1),
  weirFilter(2),
  weirFilterPipe(2),
  weirFilter(2, 'array'),
  weirFilterPipe(2, 'array'),
  inflateAlone,
  weirFilter(2, 'gzip'),
]

// The contenders that run inside this process, in the order of the table: the kernel model and the engine model. They
// share input and rounds, and are never put into one ratio.

import type { Contender } from '../contender.ts'
import { engineCalls, engineContender } from '../contenders/engine.ts'
import { jsonParse } from '../contenders/json-parse.ts'
import { nativeKernel, nativeOriginal, portableKernel } from '../contenders/kernels.ts'
import { newlines } from '../contenders/newlines.ts'
import { plainCpp, plainCppChecked } from '../contenders/plain-cpp.ts'
import { simdjsonRe2 } from '../contenders/simdjson-re2.ts'

/** Contenders of the models *kernel* and *engine*. */
export const inProcessContenders: readonly Contender[] = [
  jsonParse,
  simdjsonRe2,
  plainCpp,
  plainCppChecked,
  newlines,
  portableKernel,
  nativeKernel,
  nativeOriginal,
  engineContender(1),
  engineContender(2),
  engineCalls,
]

// The process killed in a loop, for a few seconds.

import { killLoop } from './kill-loop.js'
import { testFault } from './running.js'

testFault(killLoop)

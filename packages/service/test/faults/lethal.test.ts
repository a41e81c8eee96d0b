// Records that end or stop the process, reduced.

import { hangPoison, processPoison } from './lethal.js'
import { testFault } from './running.js'

testFault(processPoison)
testFault(hangPoison)

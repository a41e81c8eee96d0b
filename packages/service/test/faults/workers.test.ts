// Faults of worker threads, each once and reduced.

import { testFault } from './running.js'
import { poison, workerExit, workerFault, workerHang } from './workers.js'

testFault(workerExit)
testFault(workerFault)
testFault(workerHang)
testFault(poison)

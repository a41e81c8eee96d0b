// Faults of worker threads, each once and reduced.

import { testFault } from './running.js'
import { poison, workerExit, workerFault, workerHang, workerMemory } from './workers.js'

testFault(workerExit)
testFault(workerMemory)
testFault(workerFault)
testFault(workerHang)
testFault(poison)

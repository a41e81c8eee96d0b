// Faults that end the process, each once and reduced.

import { crashPoints } from './crash-points.js'
import { testFault } from './running.js'
import { sigterm } from './sigterm.js'

testFault(crashPoints)
testFault(sigterm)

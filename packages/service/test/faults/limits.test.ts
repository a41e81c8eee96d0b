// Faults of what a machine lacks, each once and reduced.

import { descriptors } from './descriptors.js'
import { diskFull } from './disk-full.js'
import { manyReloads } from './many-reloads.js'
import { reload } from './reload.js'
import { testFault } from './running.js'

testFault(diskFull)
testFault(descriptors)
testFault(reload)
testFault(manyReloads)

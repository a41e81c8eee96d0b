// Puts in force what WEIR_TECHNIQUES says, for every engine and kernel of the process that is told nothing else: a preload
// for Node's `--import`, by which `npm run test:techniques` runs the suite. Only tests use it; the engine itself reads no
// environment.

import { setStandardTechniques } from '#src/kernel/techniques.js'
import { givenTechniques } from './techniques.ts'

setStandardTechniques(givenTechniques)

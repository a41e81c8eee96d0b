// Draws settings of the kernel's techniques. Used by the differential tests.

import * as fc from 'fast-check'
import { techniques } from '#src/kernel/techniques.js'
import type { TechniqueSettings, TechniqueUse } from '#src/kernel/techniques.js'
import { givenTechniques } from '../techniques.ts'

/** Settings of all kinds; what the whole run is made with stays as it is. Shrinks towards all adaptive. */
export const techniqueSettings: fc.Arbitrary<TechniqueSettings> = fc
  .record(Object.fromEntries(techniques.map((name) => [name, fc.constantFrom<TechniqueUse>('adaptive', 'on', 'off')])))
  .map((drawn) => ({ ...drawn, ...givenTechniques }))

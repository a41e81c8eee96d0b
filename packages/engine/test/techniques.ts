// Settings of the kernel's techniques for tests: all alike, and those that a whole run of the suite is made with.
// WEIR_TECHNIQUES: comma list of TECHNIQUE=USE, such as `value-cache=off,literals=on`; `all` stands for each.

import { techniqueBits, techniques } from '#src/kernel/techniques.js'
import type { TechniqueSettings, TechniqueUse } from '#src/kernel/techniques.js'

/** Returns the setting that uses all techniques alike. */
export function allTechniques(use: TechniqueUse): TechniqueSettings {
  return Object.fromEntries(techniques.map((name) => [name, use]))
}

/** Returns what a text as WEIR_TECHNIQUES has it says. Throws for names and uses that there are not. */
export function readTechniques(text: string): TechniqueSettings {
  const settings: Record<string, TechniqueUse> = {}
  for (const part of text.split(',').filter((each) => each !== '')) {
    const [name = '', use = ''] = part.split('=')
    for (const each of name === 'all' ? techniques : [name]) settings[each] = use as TechniqueUse
  }
  techniqueBits(settings)
  return settings
}

/** What the environment says of this run. */
export const givenTechniques: TechniqueSettings = readTechniques(process.env['WEIR_TECHNIQUES'] ?? '')

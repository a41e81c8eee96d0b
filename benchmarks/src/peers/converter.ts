// Peers: the original converter's way with lines, in Java with Jackson and java.util.regex, as it was published and with
// what slows it most repaired. It knows filters only: patterns that all have to match, or not to match.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from '../contenders/command-line.ts'
import { javaProgram } from '../tools/java.ts'
import type { Peer } from './peer.ts'
import { Inexpressible } from './translation.ts'

const tool = javaProgram({
  name: 'converter',
  mainClasses: ['weir.Converter'],
  libraries: ['jackson-databind'],
  librariesPackage: 'libjackson2-databind-java',
})

function converter(mode: 'original' | 'repaired', label: string): Peer {
  return {
    id: `java-${mode}`,
    label,
    tool,
    hasThreads: false,
    rewrites: false,
    translate: ({ filters }) => {
      if (filters === undefined) throw new Inexpressible('rules')
      return JSON.stringify({ filters })
    },
    command: (translation, { found, input, output, folder }) => {
      const settings = join(folder, 'settings.json')
      writeFileSync(settings, translation)
      return `$TIME ${found.command} ${mode} ${[settings, input, output].map(quote).join(' ')}`
    },
  }
}

/** As published: patterns compiled for every line, a flush and a second parse for each that is kept. */
export const javaOriginal = converter('original', 'Java converter, original')

/** Patterns compiled once, one parse, one flush. */
export const javaRepaired = converter('repaired', 'Java converter, repaired')

// The kernels that tests run, and the judge they are held against: the portable kernel with npm `re2` for its
// regexes. What cannot be loaded here is skipped with its reason, and is a failure where WEIR_REQUIRE names it.
// WEIR_REQUIRE: comma list of `native`, `judge`. WEIR_JUDGE: path of another `re2` package folder.

import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import type { Kernel } from '#src/kernel/kernel.js'
import { createPortableKernel } from '#src/kernel/portable.js'
import type { PatternEngine } from '#src/kernel/portable.js'
import { provenNativeKernel } from '#src/kernel/select.js'
import type { TechniqueUse } from '#src/kernel/techniques.js'
import { allTechniques } from './techniques.ts'

type RegExpClass = new (pattern: string) => { test(text: string): boolean }

/** A kernel, or why there is none. */
export type Loaded = { readonly kernel: Kernel; readonly skip?: undefined } | { readonly skip: string }

const required = (process.env['WEIR_REQUIRE'] ?? '').split(',').map((name) => name.trim())

function load(name: string, make: () => Kernel): Loaded {
  try {
    return { kernel: make() }
  } catch (error) {
    if (required.includes(name)) throw error
    // A module that is not found lists all who asked for it, from the second line on.
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n')
    return { skip: `${name} is not available: ${reason}` }
  }
}

/** The kernels to test, by name. */
export const kernels: Readonly<Record<'portable' | 'native', Loaded>> = {
  portable: { kernel: createPortableKernel() },
  native: load('native', provenNativeKernel),
}

function using(use: TechniqueUse): Loaded {
  const { native } = kernels
  if (native.skip !== undefined) return native
  const { kernel } = native
  return { kernel: { ...kernel, load: (program) => kernel.load(program, allTechniques(use)) } }
}

/** The same, and the native kernel with all its techniques forced on, and forbidden. */
export const settledKernels: Readonly<Record<string, Loaded>> = {
  ...kernels,
  'native with all techniques on': using('on'),
  'native with all techniques off': using('off'),
}

/** The judge: the portable kernel, with the C++ RE2 behind its predicates. */
export const judge: Loaded = load('judge', () => createPortableKernel(loadRe2()))

function loadRe2(): PatternEngine {
  const folder = process.env['WEIR_JUDGE']
  const RE2 = createRequire(import.meta.url)(folder === undefined ? 're2' : resolve(folder)) as RegExpClass
  return {
    compile: (pattern, whole) => {
      const plain = expandQuotes(pattern)
      const regex = new RE2(whole ? `\\A(?:${plain})\\z` : plain)
      return (text) => regex.test(text)
    },
  }
}

/**
 * Returns the pattern with `\Q…\E` written character by character: the package escapes slashes even within quotes,
 * where that changes the meaning, and a quote without its end would swallow what is put around the pattern.
 */
function expandQuotes(pattern: string): string {
  let expanded = ''
  for (let at = 0; at < pattern.length;) {
    const pair = pattern.slice(at, at + 2)
    if (pair === '\\Q') {
      const found = pattern.indexOf('\\E', at + 2)
      const end = found < 0 ? pattern.length : found
      for (const character of pattern.slice(at + 2, end)) expanded += `\\x{${character.codePointAt(0)!.toString(16)}}`
      at = end + 2
      continue
    }
    const step = pair.startsWith('\\') ? pair : pair.slice(0, 1)
    expanded += step
    at += step.length
  }
  return expanded
}

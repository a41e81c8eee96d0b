// The techniques that make a kernel fast without changing what it answers: their names, how a kernel is told which to use,
// and what it counts of them. Repeats native/techniques.h; a test compares the two. Holds no counts itself: evaluators
// do, and pool/tally.ts adds them up. Used by kernels, workers, the engine and kernel-run.ts.

import { ConfigError } from '../errors.ts'
import { formatFieldPath } from '../rules/field-path.ts'
import type { PlanField } from '../rules/program.ts'

/**
 * The techniques of the native kernel, in the order of its own list. The portable kernel has none.
 *
 * - `prefilter`: a record that one value is known to drop is passed over.
 * - `key-order`: a key is expected where it stood in earlier records.
 * - `value-cache`: what is known of a value that was met before is not asked again.
 * - `field-index`: all predicates on a field are asked at once.
 * - `literals`: patterns are ruled out by texts that they require.
 */
export const techniques = ['prefilter', 'key-order', 'value-cache', 'field-index', 'literals'] as const

/** The name of a technique. */
export type Technique = (typeof techniques)[number]

/** How a technique is used: as it pays, never, or wherever it can be. The answers are the same. */
export type TechniqueUse = 'adaptive' | 'off' | 'on'

/** How each technique is used; one that is left out is adaptive. For tests and measurements. */
export type TechniqueSettings = Readonly<Partial<Record<Technique, TechniqueUse>>>

const uses: readonly TechniqueUse[] = ['adaptive', 'off', 'on']

/** Returns the settings as the native kernel takes them. Errors: `ERR_CONFIG_INVALID` for a name or use that is none. */
export function techniqueBits(settings: TechniqueSettings): number {
  let bits = 0
  for (const [name, use] of Object.entries(settings)) {
    const [place, value] = [techniques.indexOf(name as Technique), uses.indexOf(use)]
    if (place < 0) throw refused('technique', name, techniques)
    if (value < 0) throw refused(name, use, uses)
    bits |= value << (2 * place)
  }
  return bits
}

function refused(what: string, given: string, known: readonly string[]): ConfigError {
  const message = `\`${given}\` is no ${what === 'technique' ? what : `use of the technique \`${what}\``}: give one of ${known.join(', ')}.`
  return new ConfigError('ERR_CONFIG_INVALID', message, { option: 'techniques', takes: known.join(', ') })
}

let standard: TechniqueSettings = {}

/** Returns what kernels of this thread use that are told nothing. */
export function standardTechniques(): TechniqueSettings {
  return standard
}

/**
 * Changes that, for evaluators that are loaded from then on. Only tests do, before they make an engine, whose workers are
 * then told the same. Errors: those of `techniqueBits`.
 */
export function setStandardTechniques(settings: TechniqueSettings): void {
  techniqueBits(settings)
  standard = settings
}

/** What a technique did. */
export interface TechniqueReport {
  readonly technique: Technique
  /** How often it gave the answer. */
  readonly used: number
  /** How often the plain way had to, because the technique could not or stood aside. */
  readonly fellBack: number
}

/** What happened to the values of one field that rules ask for. */
export interface FieldReport {
  /** Its path, as in a rule. */
  readonly field: string
  /** A field that is asked for in both ways has a report for each. */
  readonly decode: 'none' | 'url'
  /** Texts that were read; what rules did not come to ask for is not among them. */
  readonly values: number
  /** Of these: how many were looked for among the values met before. */
  readonly lookedUp: number
  /** Of these: how many were there. */
  readonly known: number
  /** Values that were searched for the texts that patterns require. */
  readonly screened: number
  /** Of these: how many held any, so that patterns had to be tried. */
  readonly candidates: number
}

/** What a kernel counted. Batches that were evaluated twice count twice. */
export interface KernelReport {
  /** In the order of `techniques`; empty for the portable kernel. */
  readonly techniques: readonly TechniqueReport[]
  /** Empty for the portable kernel. */
  readonly fields: readonly FieldReport[]
  /** Bytes that the value caches of one thread hold for this rule set: where threads differ, the most that any held. */
  readonly cacheBytes: number
}

/**
 * What an evaluator counts, as numbers: `used` and `fellBack` of each technique, the bytes of its caches, and from
 * `fieldsAt` on five numbers for each field of the plan, in the order of `FieldReport`.
 */
export const reportLayout = { cacheBytesAt: 2 * techniques.length, fieldsAt: 2 * techniques.length + 1, perField: 5 }

/** Returns how many numbers an evaluator of a plan with so many fields counts. */
export function reportLength(fields: number): number {
  return reportLayout.fieldsAt + fields * reportLayout.perField
}

/** Returns the numbers of an evaluator by their names; nothing is counted where there are none. */
export function readReport(numbers: Float64Array, fields: readonly PlanField[]): KernelReport {
  if (numbers.length === 0) return { techniques: [], fields: [], cacheBytes: 0 }
  const { cacheBytesAt, fieldsAt, perField } = reportLayout
  return {
    techniques: techniques.map((technique, i) => ({
      technique,
      used: numbers[2 * i]!,
      fellBack: numbers[2 * i + 1]!,
    })),
    fields: fields.map(({ path, decode }, i) => {
      const at = fieldsAt + i * perField
      const [values, lookedUp, known, screened, candidates] = numbers.subarray(at, at + perField)
      return {
        ...{ field: formatFieldPath(path), decode, values: values!, lookedUp: lookedUp! },
        ...{ known: known!, screened: screened!, candidates: candidates! },
      }
    }),
    cacheBytes: numbers[cacheBytesAt]!,
  }
}

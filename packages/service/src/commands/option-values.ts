// Reads the values of command-line options: sizes, numbers and choices. Each function throws commander's own error,
// which names the option. Called by the commands beside it.

import { InvalidArgumentError } from 'commander'

const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1000,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

/** A range that a value has to lie in. */
export interface Range {
  readonly least: number
  readonly most: number
}

/** Returns a reader of sizes within the range: `4096`, `512KiB`, `1.5MiB`, `2MB`. */
export function parseBytes({ least, most }: Range): (text: string) => number {
  return (text) => {
    const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text) ?? []
    const factor = unit === undefined || !Object.hasOwn(unitBytes, unit) ? undefined : unitBytes[unit]
    const bytes = Number(digits) * (factor ?? Number.NaN)
    if (Number.isSafeInteger(bytes) && bytes >= least && bytes <= most) return bytes
    throw new InvalidArgumentError(`Give bytes, as 65536, 64KiB, 2MiB or 2MB; at least ${least}, at most ${most}.`)
  }
}

/** Returns a size as options take it, in the largest unit that divides it: `2MiB`. */
export function formatSize(bytes: number): string {
  const unit = ['GiB', 'MiB', 'KiB'].find((name) => bytes % (unitBytes[name] ?? 1) === 0) ?? ''
  return `${bytes / (unitBytes[unit] ?? 1)}${unit}`
}

/** Returns a reader of whole numbers from `least` to `most`. */
export function parseInteger({ least, most }: Range): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`)
    }
    return value
  }
}

/** Returns a share from 0 to 1. */
export function parseShare(text: string): number {
  const value = /^(\d+\.?\d*|\.\d+)(e-?\d+)?$/i.test(text) ? Number(text) : Number.NaN
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('Give a number from 0 to 1, as 0.01.')
  return value
}

// Reads the values of command-line options: sizes, numbers and names of files. Each function throws commander's own
// error, which names the option. Called by the commands beside it.

import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'

/** In lower case: units may be written in any, for no size is a number of bits. */
const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
}

/** A range that a value has to lie in. */
export interface Range {
  readonly least: number
  readonly most: number
}

/** Returns a reader of sizes within the range: `4096`, `512KiB`, `1.5MiB`, `2MB`. */
export function parseBytes({ least, most }: Range): (text: string) => number {
  return (text) => {
    const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/.exec(text.toLowerCase()) ?? []
    const factor = unit === undefined || !Object.hasOwn(unitBytes, unit) ? undefined : unitBytes[unit]
    const bytes = Number(digits) * (factor ?? Number.NaN)
    if (Number.isSafeInteger(bytes) && bytes >= least && bytes <= most) return bytes
    throw new InvalidArgumentError(`Give bytes, as 65536, 64KiB, 2MiB or 2MB; at least ${least}, at most ${most}.`)
  }
}

/** Returns a size as options take it, in the largest unit that divides it: `2MiB`. */
export function formatSize(bytes: number): string {
  const unit = ['GiB', 'MiB', 'KiB'].find((name) => bytes % (unitBytes[name.toLowerCase()] ?? 1) === 0) ?? ''
  return `${bytes / (unitBytes[unit.toLowerCase()] ?? 1)}${unit}`
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

/** Returns the name of a file to write, or to read as an input; `-` is one. */
export function parseFileName(text: string): string {
  if (text === '') throw new InvalidArgumentError('Give the name of a file.')
  return text
}

/** Returns the name of a rule file. Standard input is not read unasked: it holds the records, as a rule. */
export function parseRulesName(text: string): string {
  if (text === '-') {
    throw new InvalidArgumentError('Rules are read from a file: name one; /dev/stdin, where they come from a pipe.')
  }
  return parseFileName(text)
}

/** Makes the command refuse a value that is given twice, of which one would be ignored; flags may be repeated. */
export function refuseRepeatedValues(command: Command, repeatable: readonly string[] = []): Command {
  for (const option of command.options) {
    if (!(option.required || option.optional) || repeatable.includes(option.name())) continue
    let isGiven = false
    command.on(`option:${option.name()}`, () => {
      if (isGiven) command.error(`error: option '${option.flags}' is given twice; it has one value`)
      isGiven = true
    })
  }
  return command
}

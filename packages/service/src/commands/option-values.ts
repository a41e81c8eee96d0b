// Reads the values of command-line options: sizes, numbers and names of files. Each function throws commander's own
// error, which names the option. Called by the commands beside it.

import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'

import { formatSize, sizeOf } from '../config/quantities.ts'

/** A range that a value has to lie in. */
export interface Range {
  readonly least: number
  readonly most: number
}

/** Returns a reader of sizes within the range: `4096`, `512KiB`, `1.5MiB`, `2MB`. */
export function parseBytes({ least, most }: Range): (text: string) => number {
  return (text) => {
    const bytes = sizeOf(text)
    if (bytes !== undefined && bytes >= least && bytes <= most) return bytes
    throw new InvalidArgumentError(
      `Give bytes, as 65536, 64KiB, 2MiB or 2MB; at least ${formatSize(least)}, at most ${formatSize(most)}.`,
    )
  }
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

/**
 * Makes the command refuse a value that is given twice, of which one would be ignored. Flags may be repeated, and so may
 * options that take several values, and those whose names are given.
 */
export function refuseRepeatedValues(command: Command, repeatable: readonly string[] = []): Command {
  for (const option of command.options) {
    const takesOne = (option.required || option.optional) && !option.variadic
    if (!takesOne || repeatable.includes(option.name())) continue
    let isGiven = false
    command.on(`option:${option.name()}`, () => {
      if (isGiven) command.error(`error: option '${option.flags}' is given twice; it has one value`)
      isGiven = true
    })
  }
  return command
}

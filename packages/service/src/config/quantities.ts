// Sizes and times as people write them: `16MiB`, `20s`. Knows neither settings nor options; who reads them says which
// range they lie in. Called by fields.ts and by the options of commands.

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

/** There is no `m`: it would be minutes to some and milliseconds to others. */
const unitMs: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1000, min: 60_000, h: 3_600_000 }

/** What a text that `sizeOf` reads looks like, for schemas; it also admits some that are no whole number of bytes. */
export const sizePattern = /^\d+(\.\d+)? ?(([kKmMgG][iI]?)?[bB])?$/

/** What a text that `timeOf` reads looks like, for schemas; it also admits fractions of a millisecond. */
export const timePattern = /^\d+(\.\d+)? ?(ms|s|min|h)?$/

/** Returns a size in bytes: of `4096`, `512KiB`, `1.5MiB`, `2MB`. Undefined for other text and for fractions of a byte. */
export function sizeOf(text: string): number | undefined {
  return wholeOf(text.toLowerCase(), unitBytes)
}

/**
 * Returns a time in milliseconds: of `500ms`, `20s`, `1.5min`, `2h`, and of a bare number, which is milliseconds.
 * Undefined for other text and for fractions of a millisecond.
 */
export function timeOf(text: string): number | undefined {
  return wholeOf(text, unitMs)
}

function wholeOf(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/.exec(text) ?? []
  if (unit === undefined || !Object.hasOwn(units, unit)) return undefined
  const value = Number(digits) * (units[unit] ?? Number.NaN)
  return Number.isSafeInteger(value) ? value : undefined
}

/** Returns a size as it may be written, in the largest unit that divides it: `2MiB`. */
export function formatSize(bytes: number): string {
  return inLargest(bytes, unitBytes, ['GiB', 'MiB', 'KiB'], '')
}

/** Returns a size as `formatSize` does, but in MB and the like where that is shorter: it was then given so. */
export function formatGivenSize(bytes: number): string {
  const [binary, decimal] = [formatSize(bytes), inLargest(bytes, unitBytes, ['GB', 'MB', 'kB'], '')]
  return decimal.length < binary.length ? decimal : binary
}

/** Returns a size in whole MB, rounded up, where the `given` one was in units of 1,000; else in whole MiB. */
export function formatSizeLike(given: number, bytes: number): string {
  const unit = /[kMG]B$/.test(formatGivenSize(given)) ? 'MB' : 'MiB'
  return `${Math.ceil(bytes / (unitBytes[unit.toLowerCase()] ?? 1))}${unit}`
}

/** Returns a time as it may be written, in the largest unit that divides it: `20s`. */
export function formatTime(ms: number): string {
  return inLargest(ms, unitMs, ['h', 'min', 's'], 'ms')
}

function inLargest(value: number, units: Readonly<Record<string, number>>, names: readonly string[], least: string) {
  const fits = (name: string) => value > 0 && value % (units[name.toLowerCase()] ?? Number.NaN) === 0
  const unit = names.find(fits) ?? least
  return `${value / (units[unit.toLowerCase()] ?? 1)}${unit}`
}

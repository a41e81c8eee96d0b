// What a machine may lack: a printed skip, and a failure where the environment variable WEIR_REQUIRE, a comma list, names
// it. Called by the tests beside it that need another program or the native kernel.

/**
 * What to give node:test as `skip`: false when `isThere`, else the reason. Throws instead where WEIR_REQUIRE names what
 * is missing: a required test must not be skipped unseen.
 */
export function skipWithout(name: string, isThere: boolean, cure: string): string | false {
  if (isThere) return false
  const required = (process.env['WEIR_REQUIRE'] ?? '').split(',').map((each) => each.trim())
  if (required.includes(name)) throw new Error(`${name} is required by WEIR_REQUIRE and is missing: ${cure}`)
  return `${name} is missing: ${cure}`
}

// What a machine may lack: a printed skip, and a failure where WEIR_REQUIRE, a comma list, names it. Called by tests.

import { spawnSync } from 'node:child_process'

const required = (process.env['WEIR_REQUIRE'] ?? '').split(',').map((name) => name.trim())

/** What to give node:test as `skip`: false when `isThere`, else the reason. Throws where WEIR_REQUIRE names what is missing. */
export function skipWithout(name: string, isThere: boolean, cure: string): string | false {
  if (isThere) return false
  if (required.includes(name)) throw new Error(`${name} is required by WEIR_REQUIRE and is missing: ${cure}`)
  return `${name} is missing: ${cure}`
}

/** The same for a command that has to be on the path. */
export function skipWithoutCommand(name: string, cure: string): string | false {
  return skipWithout(name, spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0, cure)
}

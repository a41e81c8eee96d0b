// What the checks of settings ask of the system: where a path really leads, and whether a file can be read. Called by
// commands, which hand it to load.ts.

import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import path from 'node:path'

import { systemReason } from '../errors.ts'

/**
 * Returns an absolute path without symbolic links, as far as it exists: an output's folder may be made later, in a folder
 * that is a link. Where the system does not tell, the path as it is.
 */
export function realPath(given: string): string {
  const missing: string[] = []
  for (let at = given; ; at = path.dirname(at)) {
    try {
      return path.join(realpathSync(at), ...missing)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path.dirname(at) === at) return given
      missing.unshift(path.basename(at))
    }
  }
}

/** Returns why a file cannot be read, without its name; undefined where it can. */
export function unreadable(file: string): string | undefined {
  try {
    accessSync(file, constants.R_OK)
    return statSync(file).isDirectory() ? 'it is a folder' : undefined
  } catch (error) {
    return systemReason(error)
  }
}

// Standard streams that the process was started without: Node opens the null device in their place. Called by what reads
// standard input and writes standard output.

import { constants, fstatSync, readFileSync, statSync } from 'node:fs'

/**
 * Returns whether a descriptor was closed when the process began. What Node then opens in its place is open for reading and
 * writing, which nobody does who wants an empty input or an output that goes nowhere. Known on Linux only.
 */
export function wasClosed(fd: number): boolean {
  const stats = fstatSync(fd)
  if (process.platform !== 'linux' || !stats.isCharacterDevice()) return false
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0'
    return stats.rdev === statSync('/dev/null').rdev && Number.parseInt(flags, 8) % 4 === constants.O_RDWR
  } catch {
    return false
  }
}

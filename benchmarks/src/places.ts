// Where a run puts what it makes: folders and the result file, which are tried before anything is measured. Not by Node's
// recursive mkdir, which never ends below /proc. The service has the like in a file of its own: a command exports nothing,
// and the engine, whose testing part could hold it, makes no folders. Called by main.ts and service.ts.

import { closeSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import { UsageError } from './errors.ts'

/** Makes a folder, with those above it, and sees that it takes files. Errors: UsageError that names the flag and the place. */
export function makeFolder(flag: string, folder: string): void {
  const missing: string[] = []
  for (let at = resolve(folder); !isFolder(flag, folder, at); at = dirname(at)) missing.push(at)
  for (const each of missing.toReversed()) {
    try {
      // Somebody else may be quicker; then whether it is a folder shows in the next step.
      mkdirSync(each)
    } catch (error) {
      if (codeOf(error) === 'EEXIST' && isFolder(flag, folder, each)) continue
      throw new UsageError(
        `${flag} ${folder}: no folder can be made in ${dirname(each)} (${reasonOf(error)}); ${cure}.`,
      )
    }
  }
  tryFile(flag, folder, resolve(folder))
}

/** Sees that a file can be written, and makes nothing. Errors: UsageError that names the flag and the place. */
export function checkFile(flag: string, path: string): void {
  const stats = statOf(flag, path, resolve(path))
  if (stats?.isDirectory() === true) throw new UsageError(`${flag} ${path} is a folder; name a file in it.`)
  if (stats?.isFile() === true) {
    try {
      closeSync(openSync(path, 'r+'))
    } catch (error) {
      throw new UsageError(`${flag} ${path}: it cannot be written (${reasonOf(error)}); name another file.`)
    }
  }
  // To try a device or a pipe would be to write to it.
  if (stats !== undefined) return
  const folder = dirname(resolve(path))
  if (!isFolder(flag, path, folder)) {
    throw new UsageError(`${flag} ${path}: there is no folder ${folder}; make it, or name a file in another.`)
  }
  tryFile(flag, path, folder)
}

const cure = 'give a place on a disk that this user may write to'

/** Makes a file and takes it away again: what a user may do, a disk or a system like /proc may not. */
function tryFile(flag: string, given: string, folder: string): void {
  const file = join(folder, `.bench-${process.pid}`)
  try {
    closeSync(openSync(file, 'wx'))
    rmSync(file)
  } catch (error) {
    throw new UsageError(`${flag} ${given}: no file can be made in ${folder} (${reasonOf(error)}); ${cure}.`)
  }
}

/** Returns whether there is a folder; false where there is nothing. Errors: UsageError where something else is. */
function isFolder(flag: string, given: string, at: string): boolean {
  const stats = statOf(flag, given, at)
  if (stats === undefined || stats.isDirectory()) return stats !== undefined
  throw new UsageError(`${flag} ${given}: ${at} is no folder; give another place, or move it away.`)
}

function statOf(flag: string, given: string, at: string): Stats | undefined {
  try {
    return statSync(at)
  } catch (error) {
    // What is no folder stands further up, and is found there.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    throw new UsageError(`${flag} ${given}: ${at} cannot be looked at (${reasonOf(error)}); ${cure}.`)
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

function reasonOf(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException
  return getSystemErrorMap().get(errno ?? 0)?.[1] ?? message
}

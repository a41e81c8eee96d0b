// Finds out what an output path stands for before anything is opened: a new file, one to be replaced, or something
// that is written to directly. Called by file.ts, and by commands that must not write over their own input.

import { lstat, readlink, realpath, stat } from 'node:fs/promises'
import type { Stats } from 'node:fs'
import path from 'node:path'

import { ConnectorError, systemCode } from '../errors.ts'
import { createError } from './write-error.ts'

/** What an output path stands for, links followed. */
export interface Target {
  /** The path as it was given, for messages. */
  readonly name: string
  /** The file itself, behind all symbolic links. */
  readonly path: string
  /** `new` and `file` are written aside and renamed; a `pipe` or `device` directly. */
  readonly kind: 'new' | 'file' | 'pipe' | 'device'
  /** Equal for two paths of one file. Absent for character devices: any number of outputs may share `/dev/null`. */
  readonly identity?: string
  /** Of the file that is there, if any. */
  readonly stats?: Stats
}

/** More links in a row are a loop, as the system has it. */
const mostLinks = 40

/** Returns text that is equal for two descriptions of one file; nothing for a character device. */
export function fileIdentity(stats: Stats): string | undefined {
  return stats.isCharacterDevice() ? undefined : `${stats.dev}:${stats.ino}`
}

/** Returns what the path stands for. *Errors*: `ERR_CONNECTOR_CREATE` when nothing can be written there. */
export async function findTarget(name: string): Promise<Target> {
  try {
    return await follow(name, name, 0)
  } catch (error) {
    if (error instanceof ConnectorError) throw error
    throw createError(name, error)
  }
}

async function follow(name: string, at: string, links: number): Promise<Target> {
  const stats = await unlessMissing(stat(at))
  if (stats !== undefined) return existing(name, at, stats)
  const link = await unlessMissing(lstat(at))
  if (link?.isSymbolicLink() === true && links < mostLinks) {
    return follow(name, path.resolve(path.dirname(at), await readlink(at)), links + 1)
  }
  if (at === '' || at.endsWith('/')) {
    throw new ConnectorError('ERR_CONNECTOR_CREATE', `Cannot create '${name}': this names a folder, not a file.`)
  }
  const file = path.join(await realpath(path.dirname(at)), path.basename(at))
  return { name, path: file, kind: 'new', identity: file }
}

async function existing(name: string, at: string, stats: Stats): Promise<Target> {
  if (stats.isDirectory()) {
    throw new ConnectorError('ERR_CONNECTOR_CREATE', `Cannot write ${name}: it is a directory.`, {
      details: { output: name, system: 'EISDIR' },
    })
  }
  const kind = stats.isFile() ? 'file' : stats.isFIFO() ? 'pipe' : 'device'
  const identity = fileIdentity(stats)
  // What /dev/stdout and /dev/fd/N point to has no path of its own when it is a pipe.
  const file = kind === 'file' ? await realpath(at) : at
  return { name, path: file, kind, stats, ...(identity === undefined ? {} : { identity }) }
}

async function unlessMissing(found: Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await found
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

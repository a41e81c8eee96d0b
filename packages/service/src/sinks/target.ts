// Finds out what an output path stands for before anything is opened: a new file, one to be replaced, a descriptor
// that is open already, or something else that is written to directly. Called by file.ts, and by commands that must not write over their own input.

import { fstatSync } from 'node:fs'
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
  /**
   * `new` and `file` are written aside and renamed; a `pipe` or `device` is opened and written directly, a
   * `descriptor` from where it stands.
   */
  readonly kind: 'new' | 'file' | 'pipe' | 'device' | 'descriptor'
  /** Number of the open descriptor. Only of that kind. */
  readonly fd?: number
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
    const fd = await findDescriptor(name)
    return fd === undefined ? await follow(name, name, 0) : openDescriptor(name, fd)
  } catch (error) {
    if (error instanceof ConnectorError) throw error
    throw createError(name, error)
  }
}

const standardNames = ['/dev/stdin', '/dev/stdout', '/dev/stderr']
/** What `/dev/fd`, `/proc/self/fd` and `/proc/thread-self/fd` lead to on Linux. */
const processFolder = new RegExp(`^/proc/${process.pid}/(task/\\d+/)?fd$`)

/**
 * Returns the number of the descriptor that a path like `/dev/stdout` or `/dev/fd/3` stands for, links followed. The
 * file behind it must not be replaced: others hold the descriptor too, and have written to it.
 */
async function findDescriptor(name: string): Promise<number | undefined> {
  let at = path.resolve(name)
  for (let links = 0; links < mostLinks; links++) {
    const standard = standardNames.indexOf(at)
    if (standard >= 0) return standard
    const folder = await unlessMissing(realpath(path.dirname(at)))
    const isOfDescriptors = folder === '/dev/fd' || processFolder.test(folder ?? '')
    if (isOfDescriptors && /^\d+$/.test(path.basename(at))) return Number(path.basename(at))
    const link = await unlessMissing(lstat(at))
    if (link?.isSymbolicLink() !== true) return undefined
    at = path.resolve(path.dirname(at), await readlink(at))
  }
  return undefined
}

function openDescriptor(name: string, fd: number): Target {
  const stats = fstatSync(fd)
  const isWritable = stats.isFile() || stats.isFIFO() || stats.isSocket() || stats.isCharacterDevice()
  if (!isWritable) {
    throw new ConnectorError('ERR_CONNECTOR_CREATE', `Cannot write ${name}: it takes no records.`, {
      details: { output: name },
    })
  }
  const identity = fileIdentity(stats)
  return { name, path: name, kind: 'descriptor', fd, stats, ...(identity === undefined ? {} : { identity }) }
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
  const file = kind === 'file' ? await realpath(at) : at
  return { name, path: file, kind, stats, ...(identity === undefined ? {} : { identity }) }
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

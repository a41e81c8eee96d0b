// Reads the files a rule set consists of: the rule file itself, and list files (one entry a line). The only file of
// rules/ that touches the file system. Problems become issues; nothing here throws for a bad file.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { isUtf8 } from 'node:buffer'
import { isAbsolute, resolve } from 'node:path'
import { limits } from '../limits.ts'
import type { Entries } from './byte-order.ts'

/** Why a file cannot be used. `isUnreadable`: the system refuses it, whatever it holds. */
export interface FileFault {
  readonly message: string
  readonly suggestion?: string
  readonly isUnreadable?: boolean
}

/** Is told of a file before it is read, and of how many bytes it has; of a pipe that is not known. */
export type OnRead = (bytes: number) => void

/** How a file is read. */
export interface ReadOptions {
  /** Waits for what is written into a pipe, instead of refusing it. */
  readonly mayBePipe?: boolean
  readonly onRead?: OnRead | undefined
}

/** Returns the bytes of the file at `path`, without a byte order mark, or why it cannot be used. */
export function readWhole(path: string, mostBytes: number, options: ReadOptions = {}): Buffer | FileFault {
  const { mayBePipe = false, onRead } = options
  let descriptor: number
  try {
    // Nobody may ever write into a pipe, and opening one would wait for that.
    descriptor = openSync(path, constants.O_RDONLY | (mayBePipe ? 0 : (constants.O_NONBLOCK ?? 0)))
  } catch (error) {
    return unreadable(path, error)
  }
  try {
    if (fstatSync(descriptor).isDirectory()) {
      return { message: `${path} is a directory, not a file.`, isUnreadable: true }
    }
    if (!mayBePipe && !fstatSync(descriptor).isFile()) {
      return { message: `${path} is no regular file.`, suggestion: 'name a file', isUnreadable: true }
    }
    const bytes = readDescriptor(descriptor, mostBytes, onRead)
    if (bytes === undefined) return { message: `The file ${path} is larger than ${mostBytes} bytes.` }
    const invalid = invalidLine(bytes)
    if (invalid !== undefined) {
      return { message: `Line ${invalid} of ${path} is not valid UTF-8.`, suggestion: 'save the file as UTF-8' }
    }
    return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
  } catch (error) {
    return unreadable(path, error)
  } finally {
    closeSync(descriptor)
  }
}

/** Reads to the end, also from a pipe, whose size is not known; undefined beyond `mostBytes`. */
function readDescriptor(descriptor: number, mostBytes: number, onRead?: OnRead): Buffer | undefined {
  const size = fstatSync(descriptor).size
  if (size > mostBytes) return undefined
  onRead?.(size)
  let bytes = Buffer.allocUnsafeSlow(size + 1)
  let length = 0
  for (;;) {
    const read = readSync(descriptor, bytes, length, bytes.length - length, null)
    if (read === 0) return bytes.subarray(0, length)
    length += read
    if (length > mostBytes) return undefined
    if (length === bytes.length) bytes = Buffer.concat([bytes], bytes.length * 2 + 4096)
  }
}

function unreadable(path: string, error: unknown): FileFault {
  const { code, message } = error as NodeJS.ErrnoException
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'it does not exist',
    EACCES: 'permission is denied',
    ENOTDIR: 'a part of its path is no directory',
    EISDIR: 'it is a directory',
  }
  const reason = reasons[code ?? ''] ?? message
  const cure = code === 'EACCES' ? 'let this user read the file' : 'check the path'
  return { message: `The file ${path} cannot be read: ${reason}.`, suggestion: cure, isUnreadable: true }
}

/** Returns the number of the first line that is not UTF-8. */
function invalidLine(bytes: Buffer): number | undefined {
  if (isUtf8(bytes)) return undefined
  let line = 1
  for (let start = 0; start < bytes.length; line++) {
    const feed = bytes.indexOf(0x0a, start)
    const end = feed === -1 ? bytes.length : feed + 1
    if (!isUtf8(bytes.subarray(start, end))) return line
    start = end
  }
  return line
}

/** The entries of a list file, and the lines they stand on. */
export interface ListLines extends Entries {
  readonly path: string
  /** 1-based line number of each entry. */
  readonly lines: Uint32Array
}

/**
 * Returns the lines of a list file as entries: LF or CR LF between them, blank lines skipped, no comments, spaces
 * kept. `directory` is what a relative path is relative to. Cost: linear; 12 bytes of memory for each entry.
 */
export function readList(
  file: string,
  directory: string | undefined,
  mostEntries: number = limits.listEntries,
  onRead?: OnRead,
): ListLines | FileFault {
  if (file.includes('\0')) return { message: 'The path of the list file holds a NUL character.' }
  if (directory === undefined && !isAbsolute(file)) {
    return {
      message: `The path ${JSON.stringify(file)} is relative, and the rule set does not say to which directory.`,
      suggestion: 'give an absolute path, or load the rule set from its file or as text with `directory`',
    }
  }
  const path = directory === undefined ? file : resolve(directory, file)
  const bytes = readWhole(path, limits.listBytes, { onRead })
  if (!Buffer.isBuffer(bytes)) return bytes
  let feeds = 1
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) feeds++
  const starts = new Uint32Array(feeds)
  const ends = new Uint32Array(feeds)
  const lines = new Uint32Array(feeds)
  let count = 0
  let start = 0
  for (let line = 1; line <= feeds; line++) {
    const feed = bytes.indexOf(0x0a, start)
    const next = feed === -1 ? bytes.length : feed
    const end = next > start && bytes[next - 1] === 0x0d ? next - 1 : next
    if (end > start) {
      starts[count] = start
      ends[count] = end
      lines[count++] = line
    }
    start = next + 1
  }
  if (count > mostEntries)
    return { message: `The list ${path} has ${count} entries; at most ${mostEntries} are allowed.` }
  const entries = { starts: starts.subarray(0, count), ends: ends.subarray(0, count), lines: lines.subarray(0, count) }
  return { bytes, path, ...entries }
}

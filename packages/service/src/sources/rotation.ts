// Finds the files that a log was renamed or copied to when it was rotated: the one that was being read, and those that
// were written after it. Goes by names, times and first bytes; reads no records. Called by follow.ts.

import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'

import { systemCode } from '../errors.ts'
import { openRegularFile } from '../regular-file.ts'
import { beginsWith } from './follow-state.ts'
import type { FollowPosition } from './follow-state.ts'

/** A file that a log was rotated to. */
export interface RotatedFile {
  readonly path: string
  readonly dev: string
  readonly ino: string
  readonly size: number
  /** When it was last written, in nanoseconds. */
  readonly writtenNs: bigint
  readonly isRegular: boolean
  readonly isCompressed: boolean
}

/** A fingerprint of fewer bytes may be that of many files, and counts where it is that of a single one. */
const sureFingerprintBytes = 64
/** One of fewer still may be that of any. */
const leastFingerprintBytes = 16

/** Returns what stands at a path, links followed; undefined when nothing does. */
export async function lookAt(file: string): Promise<RotatedFile | undefined> {
  try {
    const stats = await stat(file, { bigint: true })
    return {
      path: file,
      dev: String(stats.dev),
      ino: String(stats.ino),
      size: Number(stats.size),
      writtenNs: stats.mtimeNs,
      isRegular: stats.isFile(),
      isCompressed: /\.(gz|zst|bz2|xz)$/.test(file),
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Returns whether both are one file. */
export function isSame(a: Pick<FollowPosition, 'dev' | 'ino'>, b: Pick<FollowPosition, 'dev' | 'ino'>): boolean {
  return a.dev === b.dev && a.ino === b.ino
}

/**
 * Returns the files beside a log that are called as it is with numbers or dates behind, as `access.log.1`,
 * `access.log-20260304` and `access.log.2.gz`; the one that was written last at the end.
 */
export async function rotatedFiles(log: string): Promise<RotatedFile[]> {
  const folder = path.dirname(log)
  const base = path.basename(log)
  const names = (await readdir(folder)).filter(
    (name) => name.startsWith(base) && /^[.-]\d[\d.\-_T:Z]*(\.(gz|zst|bz2|xz))?$/.test(name.slice(base.length)),
  )
  const files = await Promise.all(names.map((name) => lookAt(path.join(folder, name))))
  return files
    .filter((file) => file !== undefined)
    .filter(({ isRegular }) => isRegular)
    .sort((a, b) => (a.writtenNs < b.writtenNs ? -1 : a.writtenNs > b.writtenNs ? 1 : 0))
}

/** Returns which of the files goes on where a position is: the file itself, renamed, or a copy of it. */
export async function findRest(
  files: readonly RotatedFile[],
  position: FollowPosition,
): Promise<RotatedFile | undefined> {
  const itself = files.find((file) => isSame(file, position))
  const plain = files.filter(({ isCompressed, size }) => !isCompressed && size >= position.byte)
  const candidates = itself === undefined ? plain : [itself, ...plain]
  const alike: RotatedFile[] = []
  for (const file of candidates) {
    if (file !== itself && position.head.bytes < leastFingerprintBytes) continue
    if (file.size < position.byte || !(await startsAs(file.path, position))) continue
    if (file === itself || position.head.bytes >= sureFingerprintBytes) return file
    alike.push(file)
  }
  return alike.length === 1 ? alike[0] : undefined
}

async function startsAs(file: string, { head }: FollowPosition): Promise<boolean> {
  const handle = await openRegularFile(file)
  try {
    return await beginsWith(handle, head)
  } finally {
    await handle.close()
  }
}

// Makes folders with those above them. Not by Node's own recursive `mkdir`, which never ends where a file system makes no
// folders and says that there is none, as /proc does. Says at which place of a path it failed, and what can be done. Called by
// sources and sinks.

import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'

import { systemCode, systemReason } from './errors.ts'

/** What can be done about an error of the system, by its name. */
const cures: Readonly<Record<string, string>> = {
  ENOENT: 'what is mounted there takes no folders, so give another path',
  ENOTDIR: 'give another path, or move what is there away',
  EEXIST: 'it is a link that leads nowhere, so remove it',
  ELOOP: 'mend the links, which lead in a circle',
  EACCES: 'let the user of this process write there, or give another path',
  EPERM: 'let the user of this process write there, or give another path',
  EROFS: 'give a path on a disk that can be written',
}

/**
 * Makes a folder, and those above it, where it is missing. Returns the topmost that was made; nothing where it was there.
 * *Errors*: with the system's code, and a message that names the place and the cure.
 */
export async function makeFolders(folder: string, mode: number): Promise<string | undefined> {
  const missing: string[] = []
  for (let at = path.resolve(folder); !(await isFolder(at)); at = path.dirname(at)) missing.push(at)
  for (const each of missing.toReversed()) await makeOne(each, mode)
  return missing.at(-1)
}

/** Returns whether there is a folder; false where there is nothing. */
async function isFolder(at: string): Promise<boolean> {
  try {
    if ((await stat(at)).isDirectory()) return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    // The file stands further up, and is found there.
    if (systemCode(error) === 'ENOTDIR' && at !== path.dirname(at)) return false
    throw placed(at, error)
  }
  throw placed(at, Object.assign(new Error('not a directory'), { code: 'ENOTDIR', errno: -20 }))
}

async function makeOne(at: string, mode: number): Promise<void> {
  try {
    await mkdir(at, mode)
  } catch (error) {
    // Somebody else was quicker.
    if (systemCode(error) === 'EEXIST' && (await isFolder(at))) return
    throw placed(systemCode(error) === 'EEXIST' ? at : path.dirname(at), error)
  }
}

/** Returns an error whose message says where, and what can be done. */
function placed(at: string, error: unknown): Error {
  const code = systemCode(error) ?? ''
  const cure = cures[code]
  // The name of the error is added by whoever tells it.
  const words = systemReason(error).replace(` (${code})`, '')
  const message = `${words} at ${at}${cure === undefined ? '' : `; ${cure}`}`
  return Object.assign(new Error(message, { cause: error }), { code })
}

// What is synced to the disk, in order: every sync of a file handle of this process. Linux only, where /proc tells what a
// descriptor is of. Called by tests.

import { readlinkSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'

import { skipWithout } from './required.js'

/** Why syncs cannot be traced here, or false. */
export const withoutTraces = skipWithout('linux', process.platform === 'linux', '/proc tells what a descriptor is of')

/** Returns the names of what is synced from now on; `answer` may refuse one. */
export async function traceSyncs(
  t: { after(run: () => void): void },
  answer: (name: string) => Error | undefined = () => undefined,
): Promise<string[]> {
  const handle = await open('/dev/null')
  const prototype = Object.getPrototypeOf(handle) as Pick<FileHandle, 'sync' | 'datasync'>
  await handle.close()
  const { sync, datasync } = prototype
  t.after(() => void Object.assign(prototype, { sync, datasync }))
  const seen: string[] = []
  const traced = (original: () => Promise<void>) =>
    function (this: FileHandle) {
      const name = path.basename(readlinkSync(`/proc/self/fd/${this.fd}`))
      seen.push(name)
      const error = answer(name)
      return error === undefined ? original.call(this) : Promise.reject(error)
    }
  Object.assign(prototype, { sync: traced(sync), datasync: traced(datasync) })
  return seen
}

/** What a disk says that fails. */
export function diskFault(): Error {
  return Object.assign(new Error('i/o error'), { code: 'EIO', errno: -5 })
}

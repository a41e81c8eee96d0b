// Opens and reads files that must be regular ones. A pipe has its reader wait for a writer, for ever, in a thread that
// nothing ends; a device may have no end. Both may come to lie where a file was. Called by whoever reads files that are
// watched or followed.

import { constants, open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

/** Opens a file for reading. *Errors*: the system's; one without a code where it is no regular file. */
export async function openRegularFile(path: string): Promise<FileHandle> {
  // Non-blocking: opening waits for nobody. Of a regular file it changes nothing.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const stats = await handle.stat()
    if (stats.isDirectory()) throw Object.assign(new Error('it is a directory'), { code: 'EISDIR', errno: -21 })
    if (!stats.isFile()) throw new Error('it is no regular file')
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Returns what a file holds. *Errors*: those of `openRegularFile`; one where it holds more than `mostBytes`. */
export async function readRegularFile(path: string, mostBytes: number): Promise<Buffer> {
  const handle = await openRegularFile(path)
  try {
    const { size } = await handle.stat()
    if (size > mostBytes) throw new Error(`it is larger than ${mostBytes} bytes`)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

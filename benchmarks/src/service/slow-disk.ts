// Loaded ahead of `weir serve` (`node --import`): makes one disk of all files that are opened as promises, and lets it
// take so many bytes a second. A sync takes as long as such a disk would need for what was written since the last one, and
// syncs queue up. Writes stay as quick as they are: they go to memory, as everywhere.

import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { pause } from './processes.ts'

const bytesPerSecond = Number(process.env['BENCH_DISK_BYTES_PER_SECOND'])
if (!(bytesPerSecond > 0)) throw new Error('BENCH_DISK_BYTES_PER_SECOND is missing.')

/** Bytes of each open file that the disk has. */
const syncedBytes = new WeakMap<FileHandle, number>()
let queue: Promise<void> = Promise.resolve()

function throttled(sync: (this: FileHandle) => Promise<void>) {
  return async function (this: FileHandle): Promise<void> {
    const { size } = await this.stat()
    const bytes = Math.max(0, size - (syncedBytes.get(this) ?? 0))
    queue = queue.then(() => pause((1000 * bytes) / bytesPerSecond))
    await queue
    await sync.call(this)
    syncedBytes.set(this, size)
  }
}

const handle = await open(fileURLToPath(import.meta.url))
const prototype = Object.getPrototypeOf(handle) as FileHandle
await handle.close()
Object.assign(prototype, {
  // oxlint-disable-next-line typescript/unbound-method -- called with the handle as `this`
  sync: throttled(prototype.sync),
  // oxlint-disable-next-line typescript/unbound-method -- called with the handle as `this`
  datasync: throttled(prototype.datasync),
})

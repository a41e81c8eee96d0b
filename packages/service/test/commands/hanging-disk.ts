// A disk that hangs, as a network folder whose server is gone: a preload for Node's `--import`. From the moment when a pipe
// is there whose path is in FAULT_HANGS_AT, whatever is to be synced waits for a reader of that pipe, in a thread of the
// system. Only tests use it.

import fs from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { isMainThread } from 'node:worker_threads'

const pipe = process.env['FAULT_HANGS_AT'] ?? ''

if (isMainThread && pipe !== '') {
  const handle = await fs.promises.open(import.meta.filename, 'r')
  const handles = Object.getPrototypeOf(handle) as Record<'sync' | 'datasync', (this: FileHandle) => Promise<void>>
  await handle.close()
  for (const name of ['sync', 'datasync'] as const) {
    const original = handles[name]
    handles[name] = async function patched() {
      if (fs.existsSync(pipe)) await fs.promises.open(pipe, 'w')
      await original.call(this)
    }
  }
}

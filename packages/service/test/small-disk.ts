// A disk so small that tests can fill it. Called by tests.

import { spawnSync } from 'node:child_process'
import { mkdtemp, rmdir, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'

import { skipWithout } from './required.js'

/** Returns a folder on a disk of one megabyte, or why there is none. */
export async function smallDisk(t: TestContext): Promise<{ at: string } | { skip: string }> {
  const at = await mkdtemp(path.join(os.tmpdir(), 'weir-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at])
  t.after(() => {
    if (mounted.status === 0) spawnSync('umount', [at])
    return rmdir(at)
  })
  const skip = skipWithout('tmpfs', mounted.status === 0, 'run as root where a tmpfs may be mounted')
  if (skip !== false) return { skip }
  return { at }
}

/** Writes until there is no room, not even for a page. */
export async function fill(file: string): Promise<void> {
  for (const bytes of [1 << 16, 1 << 12, 1]) {
    for (let isFull = false; !isFull;) {
      isFull = await writeFile(file, Buffer.alloc(bytes), { flag: 'a' }).then(
        () => false,
        () => true,
      )
    }
  }
}

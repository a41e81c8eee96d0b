// The suites of all sources, and of those that are read again, on a file that is read once, and on one that is followed.

import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'

import type { Source } from '#src/ports/source.js'
import type { FollowPosition } from '#src/sources/follow-state.js'
import { openFollowSource } from '#src/sources/follow.js'
import { testResumedSource, testSource } from '../contract/source.js'
import { HeldTime } from '../held-time.js'
import { folder } from '../running.js'

/** Writes a file, and returns what opens it as a source that stores its position. */
async function written(
  t: TestContext,
  content: Uint8Array,
  follow: boolean,
): Promise<() => Promise<Source<FollowPosition>>> {
  const directory = await folder(t)
  const file = path.join(directory, 'in')
  await writeFile(file, content)
  const stateFile = path.join(directory, 'state')
  const { startTimer } = new HeldTime()
  return () => openFollowSource({ path: file, from: 'start', follow, stateFile, pollMs: 1, startTimer })
}

for (const [name, store, follow] of [
  ['file, read once', Buffer.from, false],
  ['gzip file, read once', gzipSync, false],
  ['file, followed', Buffer.from, true],
] as const) {
  if (!follow) {
    testSource(
      name,
      async (t, content) => (await written(t, store(content), follow))(),
      ({ byte }) => byte,
    )
  }
  testResumedSource(name, async (t, content) => {
    const reopen = await written(t, store(content), follow)
    return { source: await reopen(), reopen }
  })
}

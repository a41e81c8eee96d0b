// The suite of all sources, on a file that is read once.

import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'

import { openFollowSource } from '#src/sources/follow.js'
import { testSource } from '../contract/source.js'
import { HeldTime } from '../held-time.js'
import { folder } from '../running.js'

for (const [name, store] of [
  ['file, read once', Buffer.from],
  ['gzip file, read once', gzipSync],
] as const) {
  testSource(
    name,
    async (t, content) => {
      const directory = await folder(t)
      const file = path.join(directory, 'in')
      await writeFile(file, store(content))
      const { startTimer } = new HeldTime()
      const stateFile = path.join(directory, 'state')
      return openFollowSource({ path: file, from: 'start', follow: false, stateFile, pollMs: 1, startTimer })
    },
    ({ byte }) => byte,
  )
}

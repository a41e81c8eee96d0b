// The suite of all sources, on files, compressed files and named pipes.

import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'

import { fileSource } from '#src/sources/file.js'
import { testSource } from '../contract/source.js'
import { folder, shell } from '../running.js'

testSource('file', async (t, content) => {
  const file = path.join(await folder(t), 'in')
  await writeFile(file, content)
  return fileSource(file)
})

testSource('gzip file', async (t, content) => {
  const file = path.join(await folder(t), 'in')
  await writeFile(file, gzipSync(content))
  return fileSource(file)
})

testSource('named pipe', async (t, content) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'in'), content)
  await shell('mkfifo pipe', directory)
  const writer = shell('cat in > pipe', directory)
  t.after(() => writer)
  return fileSource(path.join(directory, 'pipe'))
})

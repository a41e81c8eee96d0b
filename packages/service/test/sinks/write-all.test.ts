// Many chunks to one descriptor.

import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { writeAll } from '#src/sinks/write-all.js'
import { folder } from '../running.js'

test('more chunks than one system call takes are written in order, empty and shared ones included', async (t) => {
  const file = path.join(await folder(t), 'out')
  const fd = openSync(file, 'w')
  const chunks = Array.from({ length: 2500 }, (_, index) => {
    const chunk = new Uint8Array(new SharedArrayBuffer(index % 3))
    return chunk.fill(65 + (index % 26))
  })
  await writeAll(fd, chunks)
  closeSync(fd)
  assert.ok((await readFile(file)).equals(Buffer.concat(chunks.map((chunk) => chunk.slice()))))
})

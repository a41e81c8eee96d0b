// The suite of all sinks, on files and named pipes.

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'

import { Interrupts } from '#src/interrupts.js'
import { openFileSink } from '#src/sinks/file.js'
import { findTarget } from '#src/sinks/target.js'
import { testSink } from '../contract/sink.js'
import { folder, shell } from '../running.js'

testSink('file', async (t) => {
  const file = path.join(await folder(t), 'out')
  return {
    sink: await openFileSink(await findTarget(file), new Interrupts()),
    arrived: async () => (existsSync(file) ? readFile(file) : undefined),
    canTakeBack: true,
  }
})

testSink('named pipe', async (t) => {
  const directory = await folder(t)
  await shell('mkfifo pipe', directory)
  const reader = shell('cat pipe', directory)
  return {
    sink: await openFileSink(await findTarget(path.join(directory, 'pipe')), new Interrupts()),
    arrived: async () => (await reader).stdout,
    canTakeBack: false,
  }
})

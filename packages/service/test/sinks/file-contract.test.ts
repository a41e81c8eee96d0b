// The suites of all sinks, on files, open descriptors and named pipes.

import { closeSync, existsSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'

import { Interrupts } from '#src/interrupts.js'
import { openFileSink } from '#src/sinks/file.js'
import { findTarget } from '#src/sinks/target.js'
import { testFailingSink, testSink } from '../contract/sink.js'
import { folder, shell } from '../running.js'

const open = async (file: string) => openFileSink(await findTarget(file), new Interrupts())

testSink('file', async (t) => {
  const file = path.join(await folder(t), 'out')
  return {
    sink: await open(file),
    arrived: async () => (existsSync(file) ? readFile(file) : undefined),
    canTakeBack: true,
  }
})

testSink('open descriptor', async (t) => {
  const file = path.join(await folder(t), 'out')
  const fd = openSync(file, 'w')
  t.after(() => closeSync(fd))
  return { sink: await open(`/dev/fd/${fd}`), arrived: () => readFile(file), canTakeBack: false }
})

testSink('named pipe', async (t) => {
  const directory = await folder(t)
  await shell('mkfifo pipe', directory)
  const reader = shell('cat pipe', directory)
  return {
    sink: await open(path.join(directory, 'pipe')),
    arrived: async () => (await reader).stdout,
    canTakeBack: false,
  }
})

testFailingSink('named pipe whose reader leaves', async (t) => {
  const directory = await folder(t)
  await shell('mkfifo pipe', directory)
  const reader = shell('head -c 2 pipe', directory)
  return {
    sink: await open(path.join(directory, 'pipe')),
    arrived: async () => (await reader).stdout,
    canTakeBack: false,
    harm: async () => void (await reader),
  }
})

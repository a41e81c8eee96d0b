// A process that writes numbered lines to a folder and says after each flush how many are acknowledged, until it kills
// itself at a step or is killed. Arguments: folder, compression, first number, step (or `never`), how many times that
// step comes before. Started by directory-crash.test.ts.

import { writeSync } from 'node:fs'

import { openDirectorySink } from '#src/sinks/directory.js'
import { steadyClock } from '#src/time.js'

const [folder = '', compression = 'none', first = '0', dieAt = 'never', times = '0'] = process.argv.slice(2)
let left = Number(times)

const sink = await openDirectorySink({
  path: folder,
  compression: compression === 'gzip' ? 'gzip' : 'none',
  maxFileBytes: 700,
  maxFileAgeMs: 3_600_000,
  clock: Date.now,
  steadyClock,
  startTimer: () => () => undefined,
  atStep: (step) => {
    if (step === dieAt && left-- === 0) process.kill(process.pid, 'SIGKILL')
  },
})

let written = Number(first)
let flushing: Promise<void> | undefined

for (;;) {
  const lines = Array.from({ length: 1 + (written % 3) }, (_, index) => Buffer.from(`{"n":${written + index}}\n`))
  await sink.write(lines, `v${Math.floor(written / 50)}`)
  written += lines.length
  // As a pipeline does: it goes on writing while one flush stands for all that was written before it.
  const upTo = written
  flushing ??= sink.flush().then(() => {
    writeSync(1, `${upTo}\n`)
    flushing = undefined
  })
  if (written % 7 === 0) await flushing
}

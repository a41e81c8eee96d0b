// The process that starts commands for launcher.ts, one at a time, and takes their time. It holds nothing in memory, and
// ends what is running when the suite is gone, however it went.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { Launch, LaunchAnswer } from './launcher.ts'

let running: ChildProcess | undefined

/** Whoever runs the suite may have turned this off; whether a contender has it is part of what the contender is. */
const { NODE_DISABLE_COMPILE_CACHE: _, ...inherited } = process.env

async function run({ command, output, env }: Launch): Promise<LaunchAnswer> {
  const errors: Buffer[] = []
  const file = openSync(output, 'w')
  const started = process.hrtime.bigint()
  // In a group of its own, so that a signal from the terminal is the suite's to handle, and all of it can be ended.
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', file, 'pipe'],
    detached: true,
    env: { ...inherited, ...env },
  })
  running = child
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk))
  return new Promise<LaunchAnswer>((resolve) => {
    child.once('error', ({ message }) => resolve({ failure: message }))
    child.once('close', (code) => {
      const seconds = Number(process.hrtime.bigint() - started) / 1e9
      resolve({ seconds, code, errors: Buffer.concat(errors).toString() })
    })
  }).finally(() => {
    running = undefined
    closeSync(file)
  })
}

process.on('message', (what: Launch) => {
  run(what).then(
    (answer) => process.send?.(answer),
    (error: Error) => process.send?.({ failure: error.message } satisfies LaunchAnswer),
  )
})
process.on('disconnect', () => {
  if (running?.pid === undefined) process.exit()
  running.once('close', () => process.exit())
  try {
    process.kill(-running.pid, 'SIGKILL')
  } catch {
    // It has ended by itself, and its end is about to be told.
  }
})
// The suite decides what a signal from the terminal means.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {})

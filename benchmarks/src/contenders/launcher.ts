// Starts commands and times them, in a process of its own that stays small: to start a process costs milliseconds for each
// gigabyte of the one that starts it, and this suite holds inputs in memory. The other side is launcher-process.ts; called
// by command-line.ts.

import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What is to be started, and where its output goes. */
export interface Launch {
  readonly command: readonly string[]
  readonly output: string
  /** What its environment has besides that of the suite. */
  readonly env?: Readonly<Record<string, string>>
}

/** How a command ended. */
export interface Launched {
  /** From before its start until it and all that it started had closed their outputs. */
  readonly seconds: number
  /** Exit code; null when a signal ended it. */
  readonly code: number | null
  /** What it wrote to standard error. */
  readonly errors: string
}

/** What the launcher answers: how a command ended, or why it could not be started. */
export type LaunchAnswer = Launched | { readonly failure: string }

let launcher: ChildProcess | undefined

/** Runs a command to its end; one at a time. Errors: an Error where it cannot be started, or `endLaunched` ended it. */
export async function launch(what: Launch): Promise<Launched> {
  const child = (launcher ??= startLauncher())
  const answer = answerOf(child)
  child.send(what)
  const launched = await answer
  if ('failure' in launched) throw new Error(launched.failure)
  return launched
}

/** Ends the command that is running, with all that it started; the launcher ends it when it loses this process. */
export async function endLaunched(): Promise<void> {
  const child = launcher
  if (child === undefined) return
  launcher = undefined
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.ref()
  child.disconnect()
  await ended
}

function startLauncher(): ChildProcess {
  const child = fork(fileURLToPath(new URL('./launcher-process.js', import.meta.url)), { stdio: 'inherit' })
  // It waits for the next command, and keeps nobody from ending meanwhile.
  child.unref()
  child.channel?.unref()
  return child
}

function answerOf(child: ChildProcess): Promise<LaunchAnswer> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      stop()
      resolve(message as LaunchAnswer)
    }
    const onExit = (): void => {
      stop()
      if (launcher === child) launcher = undefined
      reject(new Error('the process that starts commands has ended'))
    }
    const stop = (): void => {
      child.channel?.unref()
      child.off('message', onMessage).off('exit', onExit)
    }
    child.channel?.ref()
    child.on('message', onMessage).on('exit', onExit)
  })
}

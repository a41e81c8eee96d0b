// Processes that stand still while a test does something, and surely go on afterwards. Called by tests.

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'

const withinMs = 30_000
/** Stopped, stopped by a debugger, dead: what never runs before somebody has it go on. */
const standing = /^[TtZX]/

/**
 * Runs `work` while the processes stand still, with all that they have open, and has them go on however it ends. Resolves
 * with what `work` resolves with.
 */
export async function whileStopped<T>(pids: readonly number[], work: () => Promise<T>): Promise<T> {
  try {
    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    await Promise.all(pids.map(stopped))
    return await work()
  } finally {
    pids.forEach(goOn)
  }
}

/** One that has ended meanwhile must not keep the others from it. */
function goOn(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Resolves when no thread of the process runs: a signal reaches each at its own time, and one that runs still answers. */
async function stopped(pid: number): Promise<void> {
  if (process.platform !== 'linux') return
  const until = performance.now() + withinMs
  while (!statesOf(pid).every((state) => standing.test(state))) {
    if (performance.now() > until) throw new Error(`Process ${pid} has not stopped within ${withinMs / 1000} s.`)
    await turn()
  }
}

/** The state of each thread, a letter. One that ends meanwhile has none. */
function statesOf(pid: number): readonly string[] {
  const threads = `/proc/${pid}/task`
  return readdirSync(threads).flatMap((thread) => {
    try {
      const text = readFileSync(path.join(threads, thread, 'stat'), 'utf8')
      // The name before it is in brackets, and may hold brackets.
      return [text.slice(text.lastIndexOf(')') + 2)]
    } catch {
      return []
    }
  })
}

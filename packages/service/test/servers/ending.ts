// Ends a server of another program. Called by the servers of this folder.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** Sends the signal, and `SIGKILL` where it does not end within the time. Resolves with its exit code when it is gone. */
export async function endProcess(
  child: ChildProcess | undefined,
  signal: 'SIGTERM' | 'SIGKILL',
  withinMs: number,
): Promise<number | null> {
  if (child?.pid === undefined) return null
  const closed = once(child, 'close')
  // One that stands still takes no SIGTERM.
  child.kill('SIGCONT')
  child.kill(signal)
  const giveUp = setTimeout(() => child.kill('SIGKILL'), withinMs)
  const [code] = (await closed) as [number | null]
  clearTimeout(giveUp)
  return code
}

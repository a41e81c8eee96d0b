// A value that is read from files, and read again when they change: what was read last and is good stays in force while
// the files are not. Knows nothing of what the value is. Called by whoever reads credentials, certificates or tokens.

import { systemCode } from './errors.ts'
import type { StartTimer } from './time.ts'
import { watchFiles } from './watch.ts'
import type { Watch } from './watch.ts'

/** What became of files that have changed. */
export interface WatchedNews {
  /** Why the value before stays in force; absent: what the files hold now is in force. */
  readonly error?: Error
}

/** What `watchValue` is told. */
export interface WatchedValueOptions<T> {
  readonly paths: readonly string[]
  /**
   * Reads the value. *Errors*: one whose `cause` is the system's says that nothing could be read, which is tried again at
   * every look; any other that what is there is bad, until the files change.
   */
  readonly read: () => Promise<T>
  /** Takes what became of a change; each cause for which a value is not in force once. */
  readonly report: (news: WatchedNews) => void
  readonly pollMs?: number
  readonly startTimer?: StartTimer
}

/** A value in force. */
export interface WatchedValue<T> {
  readonly current: T
  /** Looks now whether the files have changed. Never rejects. */
  poll(): Promise<void>
  /** Ends watching. Resolves when no reading is under way. */
  close(): Promise<void>
}

/** Reads the value, and watches its files. *Errors*: those of `read`; then nothing is watched. */
export async function watchValue<T>(options: WatchedValueOptions<T>): Promise<WatchedValue<T>> {
  const { paths, read, report, ...watching } = options
  let refusal: string | undefined
  const refuse = (error: Error) => {
    if (error.message !== refusal) report({ error })
    refusal = error.message
  }
  const onChange = async () => {
    try {
      value.current = await read()
    } catch (error) {
      refuse(error as Error)
      // Nothing is known against what the files hold: an old password must not stay valid for want of a descriptor.
      if (systemCode((error as Error).cause) !== undefined) throw error
      return
    }
    refusal = undefined
    report({})
  }
  // Told where it arose; the watch calls again.
  const onError = () => undefined
  // Watched before it is read: a change between the two is seen.
  const watch: Watch = await watchFiles(paths, onChange, { ...watching, onError })
  const value = { poll: () => watch.poll(), close: () => watch.close() } as { current: T } & WatchedValue<T>
  try {
    value.current = await read()
  } catch (error) {
    await watch.close()
    throw error
  }
  return value
}

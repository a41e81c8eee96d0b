// Notices that files have changed, by asking for their status now and then: which also sees a folder swapped by a
// symbolic link, as mounted secrets are, where notifications of the system do not. Called by sources with credentials
// or certificates.

import { stat } from 'node:fs/promises'

import type { Clock } from './clock.ts'

/** What `WatchedFiles` is made with. */
export interface WatchOptions {
  readonly paths: readonly string[]
  readonly intervalMs: number
  readonly clock: Clock
  /** Called after a change, one call at a time. What it rejects with goes to `report`, once for each state of the files. */
  readonly reload: () => Promise<void>
  readonly report: (error: unknown) => void
}

/** Files that are looked at every so often until `close()`. */
export class WatchedFiles {
  private readonly options: WatchOptions
  private seen = ''
  private isClosed = false
  private cancel: (() => void) | undefined
  private checking: Promise<void> | undefined

  private constructor(options: WatchOptions) {
    this.options = options
  }

  /** Loads for the first time, and watches from then on. *Errors*: of that first `reload()`. */
  static async open(options: WatchOptions): Promise<WatchedFiles> {
    const watched = new WatchedFiles(options)
    // Before reading: a change that comes between is then noticed.
    watched.seen = await fingerprint(options.paths)
    await options.reload()
    watched.schedule()
    return watched
  }

  /** Looks at the files now, and reloads where they have changed. Never rejects. */
  async check(): Promise<void> {
    this.checking ??= this.look().finally(() => (this.checking = undefined))
    await this.checking
  }

  /** Stops. Resolves when no `reload()` is under way. */
  async close(): Promise<void> {
    this.isClosed = true
    this.cancel?.()
    await this.checking
  }

  private schedule(): void {
    if (this.isClosed) return
    this.cancel = this.options.clock.after(this.options.intervalMs, () => {
      void this.check().then(() => this.schedule())
    })
  }

  private async look(): Promise<void> {
    const now = await fingerprint(this.options.paths)
    if (now === this.seen || this.isClosed) return
    this.seen = now
    try {
      await this.options.reload()
    } catch (error) {
      this.options.report(error)
    }
  }
}

/** Returns a text that differs when a file differs, follows links, and has the system's code where there is no file. */
async function fingerprint(paths: readonly string[]): Promise<string> {
  const parts = paths.map(async (path) => {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
      return [dev, ino, size, mtimeNs, ctimeNs].join(':')
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code)
    }
  })
  return (await Promise.all(parts)).join(' ')
}

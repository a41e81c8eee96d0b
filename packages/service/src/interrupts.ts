// What has to be undone when the process ends before its work is done: a list of synchronous clean-ups. start.ts makes
// one, runs it on signals and faults; sinks and the progress bar add to it. Installs no handler itself.

/** Clean-ups that run at most once, the latest first. */
export class Interrupts {
  private readonly cleanups = new Set<() => void>()

  /** Adds a clean-up and returns what takes it off the list again. It must be synchronous. */
  add(cleanup: () => void): () => void {
    this.cleanups.add(cleanup)
    return () => this.cleanups.delete(cleanup)
  }

  /** Runs every clean-up that is still on the list. Never throws: one that fails does not keep the others from running. */
  run(): void {
    const latestFirst = [...this.cleanups].reverse()
    this.cleanups.clear()
    for (const cleanup of latestFirst) {
      try {
        cleanup()
      } catch {
        // The process is ending for another reason, which is the one to report.
      }
    }
  }
}

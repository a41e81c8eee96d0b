// Watches files by asking for their state again and again: through symbolic links, so that a mounted folder that is
// swapped under its name is noticed, and on file systems that send no notices. Whether anything changed is decided by
// content. Knows nothing of what the files mean. Called by whoever reads rules, tokens, credentials or certificates.

import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { BigIntStats } from 'node:fs'

import { systemCode } from './errors.ts'
import { openRegularFile } from './regular-file.ts'
import { startSystemTimer } from './time.ts'
import type { StartTimer } from './time.ts'

/** How files are watched. */
export interface WatchOptions {
  /** Time from the end of one look to the next. Default: a second. A change is told after one or two looks. */
  readonly pollMs?: number
  /** Told of an `onChange` that threw. It is called again at the next look, until it succeeds. */
  readonly onError: (error: unknown) => void
  /** Default: the system's. */
  readonly startTimer?: StartTimer
}

/** Files that are being watched. */
export interface Watch {
  /** Watches these files from now on. What is known of those that stay is kept; new ones are taken as they are. */
  setPaths(paths: readonly string[]): Promise<void>
  /** Looks now. Resolves when what was found has been told. Never rejects. */
  poll(): Promise<void>
  /** Ends watching. Resolves when no call is under way. */
  close(): Promise<void>
}

/** Of a larger file the state stands for the content: nobody takes it, and reading it takes long. */
const mostHashedBytes = 1 << 30

/** Looks at most that many times at files that never come to rest; then they are told as they are. */
const mostRestlessLooks = 10

/**
 * Of what was written so shortly before a look, the state may not tell a later write: many systems have times of files go by
 * ticks of ten milliseconds. Its content is compared once more.
 */
const freshMs = 100

/** What is known of one file. */
interface Known {
  /** The state at the last look, and whether it was fresh then. */
  state: string
  isFresh: boolean
  /** The state whose content was told, that content, and whether another may have come in the same tick. */
  toldState: string
  toldDigest: string
  toldFresh: boolean
}

/**
 * Watches files, and calls `onChange` with the paths whose content changed, one call at a time. All that changed
 * between two looks is told at once, and only when nothing has changed from one look to the next: half-written files,
 * and files that are gone for a moment while they are replaced, are not told. A file that stays away is.
 */
export async function watchFiles(
  paths: readonly string[],
  onChange: (changed: readonly string[]) => Promise<void> | void,
  options: WatchOptions,
): Promise<Watch> {
  const watcher = new PollingWatch(onChange, options)
  await watcher.setPaths(paths)
  watcher.start()
  return watcher
}

class PollingWatch implements Watch {
  readonly #onChange: (changed: readonly string[]) => Promise<void> | void
  readonly #options: WatchOptions
  readonly #files = new Map<string, Known>()
  #looking: Promise<void> | undefined
  #restlessLooks = 0
  #stopTimer: (() => void) | undefined
  #isClosed = false

  constructor(onChange: (changed: readonly string[]) => Promise<void> | void, options: WatchOptions) {
    this.#onChange = onChange
    this.#options = options
  }

  start(): void {
    if (this.#isClosed) return
    const { startTimer = startSystemTimer, pollMs = 1000 } = this.#options
    this.#stopTimer = startTimer(pollMs, () => void this.poll().then(() => this.start()))
  }

  async setPaths(paths: readonly string[]): Promise<void> {
    for (const path of this.#files.keys()) if (!paths.includes(path)) this.#files.delete(path)
    for (const path of paths) {
      if (this.#files.has(path)) continue
      const { state, isFresh } = await stateOf(path)
      const toldDigest = await digestOf(path)
      this.#files.set(path, { state, isFresh, toldState: state, toldDigest, toldFresh: isFresh })
    }
  }

  poll(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) => this.#options.onError(error))
      .finally(() => (this.#looking = undefined))
    return this.#looking
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopTimer?.()
    await this.#looking
  }

  async #look(): Promise<void> {
    if (this.#isClosed || !(await this.#isAtRest())) return
    const changed: [Known, told: Pick<Known, 'toldState' | 'toldDigest' | 'toldFresh'>][] = []
    const names: string[] = []
    for (const [path, known] of this.#files) {
      if (known.state === known.toldState && !known.toldFresh) continue
      const { state: toldState, isFresh: toldFresh } = known
      const toldDigest = await digestOf(path)
      if (toldDigest !== known.toldDigest) names.push(path)
      changed.push([known, { toldState, toldDigest, toldFresh }])
    }
    try {
      if (names.length > 0) await this.#onChange(names)
    } catch (error) {
      // Told again at the next look, also where the file is by then as it was before.
      for (const [known] of changed) known.toldState = known.toldDigest = ''
      throw error
    }
    for (const [known, told] of changed) Object.assign(known, told)
  }

  /** Takes note of the state of every file, and returns whether all are as they were at the look before. */
  async #isAtRest(): Promise<boolean> {
    let isAtRest = true
    for (const [path, known] of this.#files) {
      const { state, isFresh } = await stateOf(path)
      if (state !== known.state) isAtRest = false
      Object.assign(known, { state, isFresh })
    }
    if (!isAtRest && ++this.#restlessLooks < mostRestlessLooks) return false
    this.#restlessLooks = 0
    return true
  }
}

/**
 * Returns text that is another when the file behind the path is another or was written to, and whether that has just
 * happened; never throws.
 */
async function stateOf(path: string): Promise<Pick<Known, 'state' | 'isFresh'>> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs }: BigIntStats = await stat(path, { bigint: true })
    const ageMs = Date.now() - Number(ctimeNs / 1_000_000n)
    return { state: [dev, ino, size, mtimeNs, ctimeNs].join(':'), isFresh: Math.abs(ageMs) < freshMs }
  } catch (error) {
    return { state: systemCode(error) ?? 'unknown', isFresh: false }
  }
}

/** Returns the SHA-256 of the content, or why there is none. */
async function digestOf(path: string): Promise<string> {
  try {
    const handle = await openRegularFile(path)
    const { size } = await handle.stat()
    if (size > mostHashedBytes) {
      await handle.close()
      return (await stateOf(path)).state
    }
    const hash = createHash('sha256')
    // Lists may be large, and are not held in memory for this. The stream closes the file.
    for await (const chunk of handle.createReadStream({ end: size })) hash.update(chunk as Buffer)
    return hash.digest('hex')
  } catch (error) {
    return systemCode(error) ?? 'none to be read'
  }
}

// The progress bar: how much of the inputs is done, on a terminal's standard error. The only file that knows
// cli-progress, and it loads the package with the first bar: most runs draw none. Called by `weir filter`.

import { fstatSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'

import type * as CliProgress from 'cli-progress'

import type { Interrupts } from '../interrupts.ts'

const require = createRequire(import.meta.url)

/** A bar that is drawn until `stop()`. */
export interface Progress {
  /** Sets how many bytes are done. Never throws. */
  update(bytes: number): void
  /** Clears the line; safe to call again. Without it the bar would keep the process alive. */
  stop(): void
}

/** A progress that shows nothing. */
export const noProgress: Progress = { update: () => undefined, stop: () => undefined }

/** Draws a bar for `totalBytes`; for an unknown total, 0, only what is done. An interrupt clears it. */
export function startProgress(totalBytes: number, stream: NodeJS.WriteStream, interrupts: Interrupts): Progress {
  const format = totalBytes > 0 ? '{bar} {percentage} %  {done} of {all}  {rate}/s' : '{done}  {rate}/s'
  const { Presets, SingleBar } = require('cli-progress') as typeof CliProgress
  const bar = new SingleBar(
    { format, stream, clearOnComplete: true, hideCursor: true, fps: 5, barsize: 30 },
    Presets.shades_classic,
  )
  const startedMs = performance.now()
  const payload = (bytes: number) => ({
    done: formatBytes(bytes),
    all: formatBytes(totalBytes),
    rate: formatBytes((bytes * 1000) / Math.max(1, performance.now() - startedMs)),
  })
  bar.start(Math.max(1, totalBytes), 0, payload(0))
  const stop = () => bar.stop()
  const forget = interrupts.add(stop)
  return {
    update: (bytes) => bar.update(totalBytes > 0 ? Math.min(bytes, totalBytes) : 0, payload(bytes)),
    stop: () => {
      forget()
      stop()
    },
  }
}

/** Returns the bytes of all inputs as they are stored; 0 when one of them does not tell, as a pipe. */
export function storedBytes(paths: readonly string[], stdinPath: string): number {
  let sum = 0
  for (const path of paths) {
    try {
      const stats = path === stdinPath ? fstatSync(0) : statSync(path)
      if (!stats.isFile()) return 0
      sum += stats.size
    } catch {
      // Reported when its turn comes.
    }
  }
  return sum
}

/** Returns a number of bytes as people read it: `1.27 GB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toPrecision(3)} ${units[unit] ?? ''}`
}

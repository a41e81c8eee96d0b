// Folders for tests of the sink `directory`: opens it with a clock and timers that tests hold, and reads what is there
// as somebody would who knows only the names. Called by tests.

import { readFile, readdir } from 'node:fs/promises'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'

import type { Sink } from '#src/ports/sink.js'
import { openDirectorySink } from '#src/sinks/directory.js'
import type { DirectorySinkOptions } from '#src/sinks/directory.js'
import { journalName, sequenceOf } from '#src/sinks/directory-journal.js'

/** A clock that stands still, and timers that run when it is put forward. */
export class HeldTime {
  now = Date.parse('2026-03-04T05:06:07.890Z')
  private readonly timers = new Set<{ at: number; callback: () => void }>()

  readonly clock = (): number => this.now

  readonly startTimer = (callback: () => void, ms: number): (() => void) => {
    const timer = { at: this.now + ms, callback }
    this.timers.add(timer)
    return () => this.timers.delete(timer)
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.timers.size
  }

  /** Puts the clock forward and runs what is due. */
  forward(ms: number): void {
    this.now += ms
    this.ring()
  }

  /** Runs what is due. */
  ring(): void {
    for (const timer of [...this.timers]) {
      if (timer.at > this.now) continue
      this.timers.delete(timer)
      timer.callback()
    }
  }
}

/** Opens the sink with files that never roll, unless `options` says otherwise. */
export function openFolder(folder: string, options: Partial<DirectorySinkOptions> = {}): Promise<Sink> {
  const { clock, startTimer } = new HeldTime()
  return openDirectorySink({
    path: folder,
    compression: 'none',
    maxFileBytes: 1 << 30,
    maxFileAgeMs: 3_600_000,
    clock,
    startTimer,
    ...options,
  })
}

/** Names of the sink's files, in order of their numbers. */
export async function dataFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => sequenceOf(name) !== undefined)
  return names.sort((a, b) => (sequenceOf(a) ?? 0) - (sequenceOf(b) ?? 0))
}

/** What the files hold, one after another. */
export async function contentOf(folder: string): Promise<Buffer> {
  const parts: Buffer[] = []
  for (const name of await dataFiles(folder)) {
    const bytes = await readFile(path.join(folder, name))
    parts.push(name.endsWith('.gz') && bytes.length > 0 ? gunzipSync(bytes) : bytes)
  }
  return Buffer.concat(parts)
}

/** The lines of the journal behind its head. */
export async function journalLines(folder: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path.join(folder, journalName), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

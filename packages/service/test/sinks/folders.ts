// Folders for tests of the sink `directory`: opens it with time that tests hold, and reads what is there
// as somebody would who knows only the names. Called by tests.

import { readFile, readdir } from 'node:fs/promises'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'

import type { Sink } from '#src/ports/sink.js'
import { openDirectorySink } from '#src/sinks/directory.js'
import type { DirectorySinkOptions } from '#src/sinks/directory.js'
import { journalName, sequenceOf } from '#src/sinks/directory-journal.js'
import { HeldTime } from '../held-time.js'

/** Opens the sink with files that never roll, unless `options` says otherwise. */
export function openFolder(folder: string, options: Partial<DirectorySinkOptions> = {}): Promise<Sink> {
  const { clock, steadyClock, startTimer } = new HeldTime()
  return openDirectorySink({
    path: folder,
    compression: 'none',
    maxFileBytes: 1 << 30,
    maxFileAgeMs: 3_600_000,
    clock,
    steadyClock,
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

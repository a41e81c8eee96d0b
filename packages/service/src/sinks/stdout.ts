// The sink `stdout`: what is written there cannot be taken back. Called by commands.

import { fstatSync } from 'node:fs'

import type { Sink } from '../ports/sink.ts'
import { pipeSink } from './pipe.ts'
import { writeAll } from './write-all.ts'
import { writeError } from './write-error.ts'

/** What messages call it, and errors in `details.output`. */
export const stdoutName = 'standard output'

const fd = 1
const name = stdoutName

/** Opens the sink on the process's standard output. *Errors* of `write()`: `ERR_CONNECTOR_CLOSED` when its reader left. */
export function openStdoutSink(): Sink {
  const stats = fstatSync(fd)
  if (stats.isFIFO() || stats.isSocket()) return pipeSink({ name, fd, closes: false })
  return {
    name,
    async write(chunks) {
      try {
        await writeAll(fd, chunks)
      } catch (error) {
        throw writeError(name, error)
      }
    },
    finish: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  }
}

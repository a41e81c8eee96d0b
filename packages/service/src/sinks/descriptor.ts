// A sink on a descriptor that was open when the process began: written from where it stands, and left open, for
// whoever handed it over. What is written there cannot be taken back. Called by file.ts and stdout.ts.

import { fstatSync } from 'node:fs'

import type { Sink } from '../ports/sink.ts'
import { pipeSink } from './pipe.ts'
import { writeAll } from './write-all.ts'
import { writeError } from './write-error.ts'

/** Standard input and standard error, which Node or a source may hold in the event loop already. */
const heldElsewhere: ReadonlySet<number> = new Set([0, 2])

/**
 * Has Node make its own stream of standard output before a sink does, which asks for no more than that. Every worker thread
 * that starts asks for it, and while the sink waits for its reader the event loop refuses the descriptor to another (EEXIST).
 */
function makeWayForNode(fd: number): void {
  if (fd === 1) void process.stdout
}

/** Returns the sink. *Errors* of `write()`: `ERR_CONNECTOR_CLOSED` when its reader left. */
export function descriptorSink(name: string, fd: number): Sink {
  const stats = fstatSync(fd)
  // The event loop can watch a descriptor for one owner only. Node and sources have made theirs non-blocking, so that
  // no thread waits on them either.
  if ((stats.isFIFO() || stats.isSocket()) && !heldElsewhere.has(fd)) {
    makeWayForNode(fd)
    return pipeSink({ name, fd, closes: false })
  }
  return {
    name,
    async write(chunks) {
      try {
        await writeAll(fd, chunks)
      } catch (error) {
        throw writeError(name, error)
      }
    },
    flush: () => Promise.resolve(),
    finish: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  }
}

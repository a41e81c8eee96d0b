// A sink on a pipe or socket that is already open. Written through the event loop and not through a thread: a thread
// that waits for a slow reader would keep the process from ending when it is interrupted. Called by file.ts and
// stdout.ts.

import { Socket } from 'node:net'

import type { Sink } from '../ports/sink.ts'
import { writeError } from './write-error.ts'

/** Options of `pipeSink`. */
export interface PipeOptions {
  readonly name: string
  readonly fd: number
  /** Whether the descriptor is closed with the sink. Standard output is not: Node resets its flags at exit. */
  readonly closes: boolean
}

/** Returns a sink that writes to a pipe or socket, as fast as its reader takes it. Nothing can be taken back. */
export function pipeSink(options: PipeOptions): Sink {
  const { name, fd, closes } = options
  const socket = new Socket({ fd, readable: false, writable: true })
  let failure: Error | undefined
  socket.on('error', (error) => (failure ??= error))

  const writeChunk = (chunk: Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      if (failure !== undefined) reject(failure)
      else socket.write(chunk, (error) => (error == null ? resolve() : reject(error)))
    })

  const end = () =>
    new Promise<void>((resolve) => {
      if (!closes) socket.unref()
      if (!closes || socket.destroyed) resolve()
      else socket.end(() => socket.destroy()).once('close', () => resolve())
    })

  return {
    name,
    async write(chunks) {
      try {
        for (const chunk of chunks) await writeChunk(chunk)
      } catch (error) {
        throw writeError(name, error)
      }
    },
    // A write resolves when the reader's side has taken it.
    flush: () => Promise.resolve(),
    finish: end,
    discard: end,
  }
}

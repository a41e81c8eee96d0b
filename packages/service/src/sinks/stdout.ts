// The sink `stdout`: what is written there cannot be taken back. Called by commands.

import type { Sink } from '../ports/sink.ts'
import { descriptorSink } from './descriptor.ts'

/** What messages call it, and errors in `details.output`. */
export const stdoutName = 'standard output'
/** Its descriptor, by whatever name: `/dev/stdout` is the same. */
export const stdoutDescriptor = 1

/** Opens the sink on the process's standard output. *Errors* of `write()`: `ERR_CONNECTOR_CLOSED` when its reader left. */
export function openStdoutSink(): Sink {
  return descriptorSink(stdoutName, stdoutDescriptor)
}

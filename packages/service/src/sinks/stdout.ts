// The sink `stdout`: what is written there cannot be taken back. Called by commands.

import { wasClosed } from '../null-device.ts'
import type { Sink } from '../ports/sink.ts'
import { descriptorSink } from './descriptor.ts'
import { writeError } from './write-error.ts'

/** What messages call it, and errors in `details.output`. */
export const stdoutName = 'standard output'
/** Its descriptor, by whatever name: `/dev/stdout` is the same. */
export const stdoutDescriptor = 1

/**
 * Opens the sink on the process's standard output. *Errors*: `ERR_CONNECTOR_WRITE` where the process was started without one;
 * of `write()`, `ERR_CONNECTOR_CLOSED` when its reader left.
 */
export function openStdoutSink(): Sink {
  if (wasClosed(stdoutDescriptor)) throw writeError(stdoutName, new Error('it is closed'))
  return descriptorSink(stdoutName, stdoutDescriptor)
}

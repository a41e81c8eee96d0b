// The contract of shapes: what turns the bytes of an input that is not NDJSON into NDJSON, piece by piece. Types and
// names only; the shapes are the files beside it. Called by ../sources.

import type { Place, Places, Reject } from '../ports/source.ts'

/** Inputs that the command line knows, in the order of its help. `auto` looks at the first bytes. */
export const inputFormats = ['auto', 'ndjson', 'array', 'object', 'fluentd'] as const
export type InputFormat = (typeof inputFormats)[number]

/** What an input is taken for: a format that was named, or what its first bytes were judged to be. */
export type InputShape = Exclude<InputFormat, 'auto'>

/** NDJSON that was made of some input. */
export interface ShapedBytes {
  /** *Ownership*: the reader's until it asks for more; then the memory is used again. Empty where only rejects came. */
  readonly bytes: Uint8Array
  readonly places: Places
  /** What stood in the input before the end of these bytes and cannot be handed on as NDJSON. */
  readonly rejects?: readonly Reject[]
}

/** Why an input cannot be read on: it has not the shape that it was taken for. */
export interface ShapeFault extends Place {
  /** The rest of the sentence "It … ", without a full stop. */
  readonly problem: string
}

/**
 * Turns one input into NDJSON.
 *
 * *Order of calls*: `push()` with chunks as they come, each read to its end; then `end()`, once, also read to its end.
 * When `fault` is set nothing more comes, and neither is called again; what was yielded before is good.
 */
export interface Shape {
  /** Yields what the chunk makes complete. *Ownership*: the chunk is the shape's, which may write into it. */
  push(chunk: Uint8Array): Iterable<ShapedBytes>
  /** Yields what is left. */
  end(): Iterable<ShapedBytes>
  readonly fault: ShapeFault | undefined
}

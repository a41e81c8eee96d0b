// The format of an object of which nothing is stored: what is wanted is its count and hash, to compare them with those of one
// that is there. Called by ../commands.

import type { ObjectFormat } from './object-format.ts'

/** Takes lines and keeps nothing. */
export const digestFormat: ObjectFormat = {
  extension: '',
  contentType: '',
  open: () => ({ write: () => Promise.resolve(), end: () => Promise.resolve(), discard: () => undefined }),
}

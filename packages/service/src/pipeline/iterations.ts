// Has the iterations of a source follow one another: the next one begins when the one before has ended, however long its
// last read takes. What a source keeps between two values, a file, a place in a text, is then one iteration's alone.
// Called by served.ts.

import type { Source, SourceValue } from '../ports/source.ts'

/** Returns a function that begins iterations, each after the end of the one before. */
export function oneAfterAnother<P>(source: Source<P>): () => AsyncIterable<SourceValue<P>> {
  let last: Promise<unknown> = Promise.resolve()
  return () => ({
    [Symbol.asyncIterator]: () => {
      const before = last
      let inner: Promise<AsyncIterator<SourceValue<P>>> | undefined
      let pending: Promise<unknown> = Promise.resolve()
      const begun = () => (inner ??= before.then(() => source.values()[Symbol.asyncIterator]()))
      return {
        next: () => {
          const next = begun().then((values) => values.next())
          // It has ended when its last read has, whoever waits for that.
          pending = next.catch(() => undefined)
          last = pending
          return next
        },
        return: async () => {
          const ending = inner?.then((values) => values.return?.())
          last = Promise.all([pending, ending?.catch(() => undefined)])
          await ending
          return { done: true, value: undefined }
        },
      }
    },
  })
}

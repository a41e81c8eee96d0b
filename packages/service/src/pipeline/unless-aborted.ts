// Waits for something only as long as nobody calls it off. Called by pipeline.ts and patience.ts.

/** Resolves as `awaited` does, or rejects with the signal's reason when it is aborted: some waits have no end. */
export async function unlessAborted<T>(signal: AbortSignal, awaited: Promise<T>): Promise<T> {
  let onAbort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort)
  })
  try {
    return await Promise.race([awaited, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

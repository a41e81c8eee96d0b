// A question that many have at the same time, as all partitions of a process do when they are taken over: asked once for all
// of them, and never answered with what was found out before somebody asked. Called by ./commands.

/**
 * Returns what asks for all who call it while nothing is being asked; who calls later waits for the next time, so that no answer
 * is older than the question. *Errors*: those of `ask`, told to all who asked together; the next time is asked all the same.
 */
export function askedTogether<T>(ask: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | undefined
  const askNext = async () => {
    await last
    next = undefined
    return ask()
  }
  return () => {
    if (next !== undefined) return next
    const answer = askNext()
    last = answer.catch(() => undefined)
    return (next = answer)
  }
}

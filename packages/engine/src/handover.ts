// One place between a producer and a consumer that iterates: the producer waits until its item was taken and the
// next one is asked for. Nothing is ever queued. Used by Engine.filter.

/** Hands items from `put` to whoever iterates, one at a time. */
export class Handover<T> implements AsyncIterable<T> {
  #item: { readonly value: T; readonly taken: () => void } | undefined
  #end: { readonly error?: unknown; readonly isFailure: boolean } | undefined
  #wake: (() => void) | undefined

  /** Resolves when the consumer has finished with the item, or when the iteration has ended. */
  put(value: T): Promise<void> {
    if (this.#end !== undefined) return Promise.resolve()
    return new Promise((resolve) => {
      this.#item = { value, taken: resolve }
      this.#wake?.()
    })
  }

  /** Ends the iteration after the item that is being handed over. */
  end(): void {
    this.#finish({ isFailure: false })
  }

  /** Ends the iteration with an error. */
  fail(error: unknown): void {
    this.#finish({ error, isFailure: true })
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const item = this.#item
      if (item !== undefined) {
        try {
          yield item.value
        } finally {
          this.#item = undefined
          item.taken()
        }
      } else if (this.#end !== undefined) {
        if (this.#end.isFailure) throw this.#end.error
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }

  #finish(end: { readonly error?: unknown; readonly isFailure: boolean }): void {
    this.#end ??= end
    this.#wake?.()
  }
}

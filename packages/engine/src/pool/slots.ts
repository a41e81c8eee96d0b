// A counting lock: so many may pass, others wait in the order they came. Bounds the tasks that workers have, and
// the batches that a stream has in flight. Knows neither.

/** A number of places, taken and given back. Those who wait are served first come, first served. */
export class Slots {
  readonly #size: number
  #free: number
  readonly #waiting: { readonly need: number; readonly pass: () => void; readonly fail: (error: Error) => void }[] = []
  #refusal: (() => Error) | undefined

  constructor(size: number) {
    this.#size = size
    this.#free = size
  }

  /** Whether a place can be had without waiting. */
  get hasFree(): boolean {
    return this.#free > 0 && this.#waiting.length === 0
  }

  /** Waits for one place; returns the function that gives it back. Calling that twice does nothing more. */
  take(): Promise<() => void> {
    return this.#takeMany(1)
  }

  /** Waits for all places; returns the function that gives them back. */
  takeAll(): Promise<() => void> {
    return this.#takeMany(this.#size)
  }

  /** Refuses all who wait, and all who come from now on, with the error that `refusal` makes. */
  refuse(refusal: () => Error): void {
    this.#refusal = refusal
    for (const { fail } of this.#waiting.splice(0)) fail(refusal())
  }

  #takeMany(need: number): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (this.#refusal !== undefined) return reject(this.#refusal())
      const pass = (): void => {
        let isHeld = true
        resolve(() => {
          if (!isHeld) return
          isHeld = false
          this.#free += need
          this.#serve()
        })
      }
      this.#waiting.push({ need, pass, fail: reject })
      this.#serve()
    })
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.need <= this.#free) {
      const next = this.#waiting.shift()!
      this.#free -= next.need
      next.pass()
    }
  }
}

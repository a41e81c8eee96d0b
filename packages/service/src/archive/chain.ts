// Which offsets of one partition are in objects. Each object says from where to where it reaches: from the offset that the
// group stood at, behind the object before, to its last record. What no object reaches over is a gap. Pure; grows with the
// number of gaps and not with that of objects. Called by
// ledger.ts and ../commands.

/** An object, as far as it is a link of the chain. */
export interface Link {
  readonly key: string
  readonly hour: string
  readonly from: bigint
  readonly first: bigint
  readonly last: bigint
}

/** Offsets [from, to) that no object reaches over, between two objects. */
export interface Gap {
  readonly from: bigint
  readonly to: bigint
  readonly before: Link
  readonly behind: Link
}

/** Objects without a gap between them. */
interface Run {
  from: bigint
  /** Behind the last offset. */
  to: bigint
  /** The objects that it begins and ends with. */
  lowest: Link
  highest: Link
}

/** Links that are remembered one by one, to name the one that another overlaps with. */
const mostRemembered = 256

/** The objects of one partition, in any order; in that of their offsets they cost least. */
export class Chain {
  /** In order, and none reaches another. */
  readonly #runs: Run[] = []
  readonly #recent: Link[] = []
  /** The two objects that begin last, the later one first. */
  #newest: readonly Link[] = []

  /** Offset that the first object reaches back to; absent where there is none. */
  get begin(): bigint | undefined {
    return this.#runs[0]?.from
  }

  /** Offset behind the last record in any object. */
  get end(): bigint | undefined {
    return this.#runs.at(-1)?.to
  }

  /** The object that reaches back furthest. */
  get lowest(): Link | undefined {
    return this.#runs[0]?.lowest
  }

  /** The two objects whose first records come last, the last one first. */
  get newest(): readonly Link[] {
    return this.#newest
  }

  /** Adds an object. Returns one that has records with the same offsets, if there is any. */
  add(link: Link): Link | undefined {
    const [from, to] = [link.from, link.last + 1n]
    // Objects come in the order of their offsets but for clocks that were set back.
    let at = this.#runs.length
    while (at > 0 && this.#runs[at - 1]!.to >= from) at--
    let end = at
    while (end < this.#runs.length && this.#runs[end]!.from <= to) end++
    const near = this.#runs.slice(at, end)
    const overlapped = near.some((run) => run.from < to && from < run.to) ? this.#overlapped(link, near) : undefined
    this.#runs.splice(at, near.length, merged(link, near))
    this.#remember(link)
    return overlapped
  }

  /** Returns what no object reaches over, in order. */
  gaps(): Gap[] {
    return this.#runs.slice(1).map((run, i) => {
      const before = this.#runs[i]!
      return { from: before.to, to: run.from, before: before.highest, behind: run.lowest }
    })
  }

  #overlapped({ from, last }: Link, near: readonly Run[]): Link {
    const recent = this.#recent.findLast((each) => each.from <= last && from <= each.last)
    return recent ?? near.find((run) => run.from <= last && from < run.to)!.highest
  }

  #remember(link: Link): void {
    this.#recent.push(link)
    if (this.#recent.length > mostRemembered) this.#recent.shift()
    this.#newest = [...this.#newest, link].toSorted((a, b) => (a.first < b.first ? 1 : -1)).slice(0, 2)
  }
}

function merged(link: Link, near: readonly Run[]): Run {
  const all: readonly Run[] = [...near, { from: link.from, to: link.last + 1n, lowest: link, highest: link }]
  const lowest = all.reduce((a, b) => (b.from < a.from ? b : a))
  const highest = all.reduce((a, b) => (b.to > a.to ? b : a))
  return { from: lowest.from, to: highest.to, lowest: lowest.lowest, highest: highest.highest }
}

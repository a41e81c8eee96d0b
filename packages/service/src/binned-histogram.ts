// A histogram that takes many observations at once: a count for each bin, or one value so many times. The metrics
// library takes them one by one, which would cost more for a batch than filtering it does. Knows no metric by name;
// metrics.ts registers it where the library's own would stand.

/** Label values of one series, by label name. */
export type Labels = Readonly<Record<string, string>>

interface Series {
  readonly labels: Labels
  /** Observations in each bin; the last bin has no bound. */
  readonly counts: Float64Array
  sum: number
}

/** One line of the exposition, in the form of the metrics library. */
interface Sample {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** A cumulative histogram, with the members that the library's registry asks of a metric. */
export class BinnedHistogram {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  /** Upper bounds of all bins but the last, ascending; a value that equals one is below it. */
  readonly bounds: readonly number[]
  readonly #series = new Map<string, Series>()

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name
    this.help = help
    this.bounds = bounds
  }

  /** Adds `count` observations of one value. */
  observe(labels: Labels, value: number, count = 1): void {
    const series = this.#of(labels)
    const bin = this.bounds.findIndex((bound) => value <= bound)
    series.counts[bin < 0 ? this.bounds.length : bin]! += count
    series.sum += value * count
  }

  /**
   * Adds observations that were counted by bin elsewhere, with the same bounds. `counts` has one number more than there
   * are bounds; `sum` is that of the observed values.
   */
  add(labels: Labels, counts: ArrayLike<number>, sum: number): void {
    if (counts.length !== this.bounds.length + 1) {
      throw new RangeError(`${this.name} has ${this.bounds.length + 1} bins, and ${counts.length} were given.`)
    }
    const series = this.#of(labels)
    for (let bin = 0; bin < counts.length; bin++) series.counts[bin]! += counts[bin]!
    series.sum += sum
  }

  /** Makes a series visible before its first observation, so that rates over it begin at zero. */
  touch(labels: Labels): void {
    this.#of(labels)
  }

  /** Returns what the registry writes. */
  get(): Promise<{ name: string; help: string; type: string; values: Sample[] }> {
    const values = [...this.#series.values()].flatMap((series) => this.#samples(series))
    return Promise.resolve({ name: this.name, help: this.help, type: this.type, values })
  }

  #samples({ labels, counts, sum }: Series): Sample[] {
    let total = 0
    const samples: Sample[] = Array.from(counts, (count, bin) => {
      total += count
      const le = this.bounds[bin] ?? '+Inf'
      return { metricName: `${this.name}_bucket`, labels: { ...labels, le }, value: total }
    })
    samples.push({ metricName: `${this.name}_sum`, labels, value: sum })
    samples.push({ metricName: `${this.name}_count`, labels, value: total })
    return samples
  }

  #of(labels: Labels): Series {
    const key = JSON.stringify(labels)
    let series = this.#series.get(key)
    if (series === undefined) {
      series = { labels, counts: new Float64Array(this.bounds.length + 1), sum: 0 }
      this.#series.set(key, series)
    }
    return series
  }
}

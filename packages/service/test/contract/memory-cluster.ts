// The least cluster with transactions: a log in memory, a position, and one transaction at a time, which fences the one
// before. Judges the contract suite, and the pipeline where no real cluster is needed.

import { ConnectorError } from '#src/errors.js'
import type { Sink } from '#src/ports/sink.js'
import type { Source, SourceValue } from '#src/ports/source.js'
import type { Transaction } from '#src/ports/transaction.js'

/** Where a test may have a step fail, and what has happened, in order. */
export interface ClusterProbes {
  /** Called before each step; throws to have it fail. `commit answered` comes when the commit counts already. */
  at(step: 'begin' | 'write' | 'commit' | 'commit answered'): void
}

/** A cluster of one topic, whose source yields texts with the positions 1, 2 … */
export class MemoryCluster {
  readonly texts: readonly string[]
  private readonly probes: ClusterProbes
  private position = 0
  private visible = ''
  private current: MemoryTransaction | undefined

  constructor(texts: readonly string[], probes: ClusterProbes = { at: () => undefined }) {
    this.texts = texts
    this.probes = probes
  }

  read(): Promise<string> {
    return Promise.resolve(this.visible)
  }

  /** Whoever opens the source anew fences what the last one had begun. */
  openSource(): Promise<Source<number>> {
    this.current = undefined
    const next = () => this.position
    const { texts } = this
    return Promise.resolve({
      name: 'memory',
      async *values(): AsyncGenerator<SourceValue<number>> {
        for (let index = next(); index < texts.length; index++) {
          const bytes = Buffer.from(texts[index]!)
          const origin = { topic: 'texts', partition: 0, offset: BigInt(index), key: null, headers: [], timestampMs: 0 }
          yield { kind: 'messages', values: [bytes], origins: [origin], position: index + 1, inputBytes: bytes.length }
        }
      },
      commit: () => Promise.reject(new Error('There are transactions for that.')),
      begin: () => this.begin(),
      close: () => Promise.resolve(),
    })
  }

  openSink(): Promise<Sink> {
    let joined: MemoryTransaction | undefined
    return Promise.resolve({
      name: 'memory',
      join: (transaction) => {
        if (transaction instanceof MemoryTransaction && transaction.cluster === this) joined = transaction
      },
      write: async (chunks) => {
        this.probes.at('write')
        if (joined === undefined) throw new Error('Written outside of a transaction.')
        joined.text += Buffer.concat(chunks).toString()
      },
      flush: () => Promise.resolve(),
      finish: () => Promise.resolve(),
      discard: () => Promise.resolve(),
    })
  }

  private async begin(): Promise<Transaction<number>> {
    this.probes.at('begin')
    if (this.current !== undefined) throw new Error('Two transactions at once.')
    return (this.current = new MemoryTransaction(this))
  }

  /** Ends a transaction; with a position, it counts. */
  end(transaction: MemoryTransaction, position?: number): void {
    if (this.current !== transaction) throw new ConnectorError('ERR_CONNECTOR_WRITE', 'Fenced.', { retryable: true })
    this.current = undefined
    if (position === undefined) return
    this.probes.at('commit')
    this.visible += transaction.text
    this.position = position
    this.probes.at('commit answered')
  }
}

class MemoryTransaction implements Transaction<number> {
  readonly cluster: MemoryCluster
  text = ''

  constructor(cluster: MemoryCluster) {
    this.cluster = cluster
  }

  async commit(position: number): Promise<void> {
    this.cluster.end(this, position)
  }

  async abandon(): Promise<void> {
    this.cluster.end(this)
  }
}

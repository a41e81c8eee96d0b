// Which records of a fetch a reader of committed records must not see. Pure. Put in the place of the library's own by
// mends.ts: that steps through the broker's list of aborted transactions as if it were sorted by first offset, which it
// is not, one step for each record; and takes any record whose key is four zero bytes for a marker.

/** An aborted transaction that reaches into a fetch, as the broker tells it. */
export interface AbortedTransaction {
  readonly producerId: string | bigint
  readonly firstOffset: string | bigint
}

/** What of a fetched record decides whether it is shown. */
export interface JudgedRecord {
  readonly offset: string | bigint
  /** Whether it is a marker of a broker, and no record of a producer. */
  readonly isControlRecord: boolean
  readonly batchContext: { readonly producerId: string | bigint; readonly inTransaction: boolean }
}

/**
 * Returns the records that are in no aborted transaction, in order; markers stay. A transaction reaches from its first
 * offset to the next marker of its producer. *Order of calls*: `messages` ascend.
 */
export function withoutAborted<T extends JudgedRecord>(given: {
  readonly messages: readonly T[]
  readonly abortedTransactions?: readonly AbortedTransaction[] | null
}): T[] {
  const { messages, abortedTransactions } = given
  if (!abortedTransactions || abortedTransactions.length === 0) return [...messages]
  const ahead = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId: String(producerId), first: BigInt(firstOffset) }))
    .toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  let next = 0
  const aborting = new Set<string>()
  return messages.filter((message) => {
    const offset = BigInt(message.offset)
    // All that have begun by now: where compaction or a fetch from the middle left out records, that may be several.
    for (; next < ahead.length && ahead[next]!.first <= offset; next++) aborting.add(ahead[next]!.producerId)
    const { producerId, inTransaction } = message.batchContext
    if (!message.isControlRecord) return !(inTransaction && aborting.has(String(producerId)))
    aborting.delete(String(producerId))
    return true
  })
}

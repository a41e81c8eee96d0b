// Reads committed records of a partition from one offset to another, as no member of any group: nothing is joined and
// nothing committed. On connections of its own, so that questions do not wait behind fetches. Called by cluster.ts.

import { KafkaError } from '../errors.ts'
import { withoutAborted } from './aborted.ts'
import type { AbortedTransaction } from './aborted.ts'
import { leadersOf } from './admin.ts'
import type { Admin, LibraryCluster } from './admin.ts'
import type { FetchedRecord, Target } from './port.ts'
import { leaseOf } from './record-batches.ts'
import type { DecodedRecord } from './record-batches.ts'

/** How long a fetch waits for the first byte. What is asked for is there already. */
const fetchWaitMs = 500

/** Bytes of a fetch. A batch that is larger comes all the same. */
const mostFetchBytes = 4 << 20

/** Numbers of the protocol: a reader that is no replica, and one of committed records. */
const [nobody, readCommitted] = [-1, 1]

/** What is used of the library's object for a broker. */
interface FetchingBroker {
  fetch(given: object): Promise<{ readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[] }>
}

interface FetchedPartition {
  readonly lastStableOffset: string
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly messages: readonly DecodedRecord[]
}

/**
 * Yields the committed records with offsets in [from, to), in order, in pieces of one fetch; without markers. Ends early
 * where the rest is not committed yet. *Ownership*: keys and values may be read until the next piece is asked for.
 * *Errors*: `KafkaError`; `ERR_KAFKA_OFFSET` where the log does not reach back to `from`, or has ended before it.
 */
export async function* readCommittedRecords(
  admin: Admin,
  of: Target,
  from: bigint,
  to: bigint,
): AsyncGenerator<readonly FetchedRecord[], void, undefined> {
  const doing = `Reading ${of.topic}/${of.partition} from offset `
  for (let next = from; next < to;) {
    const at = next
    const fetched = await admin.ask(doing + at, (cluster) => fetch(cluster, of, at))
    const lease = leaseOf(fetched.messages)
    try {
      const records = shownOf(fetched, at, to, doing)
      if (records.length > 0) yield records
    } finally {
      lease?.release()
    }
    const last = fetched.messages.at(-1)
    // Nothing at all: what comes next belongs to a transaction that is open, or does not exist yet.
    if (last === undefined || last.offset < at) return
    next = last.offset + 1n
  }
}

async function fetch(cluster: LibraryCluster, { topic, partition }: Target, from: bigint): Promise<FetchedPartition> {
  const [[nodeId] = []] = await leadersOf(cluster, topic, [partition])
  if (nodeId === undefined) throw new KafkaError('ERR_KAFKA_TOPIC', `There is no partition ${topic}/${partition}.`)
  const broker = (await cluster.findBroker({ nodeId })) as unknown as FetchingBroker
  const partitions = [{ partition, fetchOffset: String(from), maxBytes: mostFetchBytes }]
  const { responses } = await broker.fetch({
    ...{ replicaId: nobody, isolationLevel: readCommitted, maxWaitTime: fetchWaitMs, minBytes: 1 },
    ...{ maxBytes: mostFetchBytes, topics: [{ topic, partitions }] },
  })
  const found = responses[0]?.partitions[0]
  if (found === undefined) throw new KafkaError('ERR_KAFKA_ANSWER', 'The broker tells nothing of the partition.')
  return found
}

/** Returns the records that a reader of committed records sees. A fetch begins with the batch that `from` lies in. */
function shownOf(
  { messages, abortedTransactions }: FetchedPartition,
  from: bigint,
  to: bigint,
  doing: string,
): readonly FetchedRecord[] {
  const fault = messages[0]?.fault
  if (fault !== undefined) {
    const { code, details, retryable } = fault
    throw new KafkaError(code, `${doing}${from} failed: ${fault.message}.`, { details, retryable })
  }
  const shown = withoutAborted({ messages, abortedTransactions })
  return shown.filter(({ offset, isControlRecord }) => !isControlRecord && offset >= from && offset < to)
}

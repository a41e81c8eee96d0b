// Where the archive of one partition began, as it has noted in the bucket: what was before is in no object, and nothing is missing
// there. Called by verify.ts and ../commands.

import { beginKey, readBegin } from '../objects/begin-note.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { isSameLog } from './ledger.ts'
import type { LogIdentity } from './ledger.ts'
import type { PartitionScope } from './newest.ts'

/** Returns the offset; undefined where none is noted, or of a topic that was there before. One call. *Errors*: `S3Error`. */
export async function begunAt(
  store: ObjectStore,
  { prefix, topic, partition }: PartitionScope,
  log: LogIdentity,
): Promise<bigint | undefined> {
  const stored = await store.head(beginKey(prefix, topic, partition))
  const note = stored === undefined ? undefined : readBegin(stored.metadata)
  return note !== undefined && isSameLog(note, log) ? note.first : undefined
}

// Why a partition of a Kafka source is stopped, and what brokers' refusals mean to it. What happens then is in
// kafka-partition.ts and kafka.ts, the callers.

/** Why a partition is stopped: it goes on when somebody has mended it, and never by a default. */
export type StopReason =
  | 'no_offset'
  | 'offset_out_of_range'
  | 'outputs'
  | 'gap'
  | 'wrong_batch'
  | 'unreadable'
  | 'too_large'
  | 'wrong_key'
  | RefusalReason

/** What brokers refuse to this process until its credentials or its rights are changed. */
export type RefusalReason = 'no_credentials' | 'no_permission'

/** A partition cannot go on without somebody's help. */
export class PartitionStop extends Error {
  override readonly name = 'PartitionStop'
  readonly reason: StopReason

  constructor(reason: StopReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.reason = reason
  }
}

/**
 * How long until what is mended elsewhere is looked at again: rights and topics are changed at the brokers, and nobody
 * tells. Credentials are looked at as soon as their files change.
 */
export const lookAgainMs = 30_000

/** What is mended elsewhere, and can be seen without harm: whoever is let in again goes on where the group stands. */
const mendedElsewhere = new Set<StopReason>(['outputs', 'no_credentials', 'no_permission'])

/** Returns whether a look tells that the reason is gone. */
export function canBeLookedAt(reason: StopReason): boolean {
  return mendedElsewhere.has(reason)
}

/** Returns what the brokers refuse, where an error says that they do. */
export function refusalIn(error: unknown): RefusalReason | undefined {
  const code = codeOf(error)
  if (code === 'ERR_KAFKA_AUTH') return 'no_credentials'
  return code === 'ERR_KAFKA_ACL' ? 'no_permission' : undefined
}

/** Returns why a partition cannot be read on, of what its reader says. */
export function unreadableBy(error: Error): PartitionStop {
  const isOutside = codeOf(error) === 'ERR_KAFKA_OFFSET'
  return new PartitionStop(isOutside ? 'offset_out_of_range' : 'unreadable', error.message, error)
}

/**
 * Returns why what comes of an offset can never be written, where an error says so. `isSmallest`: asked only of what is too
 * large, whether nothing smaller is left to try.
 */
export function unwritableBy(error: unknown, offset: bigint, isSmallest: () => boolean): PartitionStop | undefined {
  const code = codeOf(error)
  const message = `What offset ${offset} and those behind it come to is refused: ${(error as Error).message}`
  if (code === 'ERR_KAFKA_KEY') return new PartitionStop('wrong_key', message, error)
  return code === 'ERR_KAFKA_SIZE' && isSmallest() ? new PartitionStop('too_large', message, error) : undefined
}

/** Returns a stop where the error is a refusal, and else the error. */
export function stopIfRefused(error: unknown): unknown {
  const reason = refusalIn(error)
  return reason === undefined ? error : new PartitionStop(reason, (error as Error).message, error)
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | null)?.code
}

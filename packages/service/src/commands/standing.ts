// Where a consumer group stands in a partition, for people, and what has to be done before that is set by hand. Called by
// offsets.ts and archive-resume.ts.

import type { KafkaSourceSettings } from '../config/schema.ts'
import { ConfigError } from '../errors.ts'
import { transactionalId } from '../kafka/identity.ts'
import type { KafkaCluster, Target } from '../kafka/port.ts'

/** Where a group stands in one partition. Offsets are texts: they may exceed 2^53. */
export interface Standing {
  readonly pipeline: string
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** Absent: the group has none. */
  readonly offset?: string
  /** Version of the rules of the last batch, or the reason why it was set. */
  readonly note?: string
  readonly first: string
  readonly end: string
}

/** Longest reason: brokers take 4 KiB of metadata. */
const mostReasonBytes = 1000

/** Returns why an offset is set. *Errors*: where it says nothing, or too much. */
export function reasonOf({ reason }: { readonly reason: string }): string {
  if (reason.trim() !== '' && Buffer.byteLength(reason) <= mostReasonBytes) return reason
  throw new ConfigError('ERR_CONFIG_OPTION', `--reason: give 1 to ${mostReasonBytes} bytes of text.`)
}

/** Returns where a group stands. *Errors*: the cluster's. */
export async function standingOf(
  pipeline: string,
  { group, topic }: KafkaSourceSettings,
  partition: number,
  { admin }: KafkaCluster,
): Promise<Standing> {
  const target = { topic, partition }
  const committed = await admin.committed(group, target)
  const { first, end } = await admin.range(target)
  const known = committed === undefined ? {} : { offset: String(committed.offset), note: committed.metadata }
  return { pipeline, group, ...target, ...known, first: String(first), end: String(end) }
}

/** Returns it as a sentence. */
export function lineOf({ pipeline, group, topic, partition, offset, note, first, end }: Standing): string {
  const about = note === undefined || note === '' ? '' : ` (${note})`
  const where = offset === undefined ? 'has no offset' : `stands at ${offset}${about}`
  return `${pipeline}: ${topic}, partition ${partition}: ${group} ${where}; the log has ${first} to ${end}`
}

/** A process that was cut off may still have a transaction open, which would move the offset after us. */
export async function fence(cluster: KafkaCluster, group: string, target: Target): Promise<void> {
  const producer = await cluster.transactional(transactionalId(group, target))
  try {
    await producer.initialise()
  } finally {
    producer.discard()
  }
}

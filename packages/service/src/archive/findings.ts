// What can be wrong with an archive: the kinds, and one finding. The messages are verify.ts's, direct.ts's,
// object-checks.ts's and end-checks.ts's; how findings are shown is the command's.

/** Kinds of findings, each with what it means. docs/archive.md has the same table. */
export const findingKinds = {
  gap: 'Offsets that should be in an object are in none: one is gone, or records were passed by.',
  overlap: 'Two objects reach over the same offsets: records are in the bucket twice.',
  content: 'An object does not hold what its manifest says: lines, bytes or SHA-256 differ.',
  damaged: 'An object cannot be inflated to its end, or goes on behind it.',
  unread: 'The store does not give an object that it lists.',
  key: 'The name of an object, or its manifest, contradicts the manifest.',
  foreign: 'Something stands below the prefix that no archive wrote.',
  identity: 'Objects were made from another cluster, or from another topic of the same name.',
  topic: 'An object does not hold the records that the topic has at its offsets.',
  offset: 'The group does not stand where the objects end.',
} as const satisfies Record<string, string>

/** What kind of fault a finding is. */
export type FindingKind = keyof typeof findingKinds

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind
  /** As `hourOf` returns it; absent where it belongs to none. */
  readonly hour?: string
  readonly topic?: string
  readonly partition?: number
  /** Of the object that it is about. */
  readonly key?: string
  /** Offsets [from, to) that it is about. */
  readonly from?: bigint
  readonly to?: bigint
  /** Records that it is about, where somebody has counted them. */
  readonly records?: number
  /** One sentence. */
  readonly message: string
}

/** What was looked at of one partition. */
export interface PartitionSummary {
  readonly topic: string
  readonly partition: number
  readonly objects: number
  readonly records: number
  readonly rawBytes: number
  readonly storedBytes: number
  /** Offset that the first object reaches back to, and the one behind the last record; absent without objects. */
  readonly begin?: bigint
  readonly end?: bigint
  /** Whether records may have been before `begin` that nobody can know of any more. */
  readonly isBeginUnknown: boolean
  /** Where the group stood at last; absent where it was not asked, or has no offset. */
  readonly committed?: bigint
  /** Offsets that are committed in the topic and in no object yet; absent where it was not asked. */
  readonly lag?: bigint
  /** Objects whose records the topic still has, and that were compared with it. */
  readonly compared: number
}

/** What was looked at. */
export interface VerifySummary {
  readonly objects: number
  readonly foreign: number
  readonly findings: number
  readonly partitions: readonly PartitionSummary[]
}

/** What was looked at of a pipeline without a topic. */
export interface DirectSummary {
  readonly objects: number
  readonly foreign: number
  readonly findings: number
  readonly records: number
  readonly rawBytes: number
  readonly storedBytes: number
}

// Archives to be harmed, and verifying them. Called by tests of this folder.

import { verifyArchive } from '#src/archive/verify.js'
import type { VerifyOptions } from '#src/archive/verify.js'
import type { Finding, VerifySummary } from '#src/archive/findings.js'
import { MadeArchive, prefix } from './made-archive.js'

/** What a verification has said. */
export interface Verified {
  readonly findings: readonly Finding[]
  readonly summary: VerifySummary
}

/** How closely to look. */
export type Depth = 'manifests' | 'objects' | 'topic'

/** Verifies an archive to its end. */
export async function verify(
  archive: MadeArchive,
  depth: Depth = 'topic',
  more: Partial<VerifyOptions> = {},
): Promise<Verified> {
  const findings: Finding[] = []
  const verifying = verifyArchive({
    ...{ store: archive.store, scope: { prefix }, readsObjects: depth !== 'manifests' },
    ...(depth === 'topic' ? { topic: archive.topic() } : {}),
    ...more,
  })
  for (;;) {
    const next = await verifying.next()
    if (next.done === true) return { findings, summary: next.value }
    findings.push(next.value)
  }
}

/** Kinds of what was found, with partitions. */
export const kindsOf = ({ findings }: Verified) =>
  findings.map(({ kind, partition }) => `${kind} ${partition ?? ''}`.trim())

/** An archive of so many objects in each partition. */
export async function filled(objects: number, partitions = 1): Promise<MadeArchive> {
  const archive = new MadeArchive(partitions)
  await archive.fill(objects)
  return archive
}

// Verifies objects of a pipeline without a topic, as from HTTP to S3: that each holds what its manifest says. They have no offsets,
// and what is missing or there twice nobody can tell: delivery is at least once, and a name says only who wrote an object.
// Called by ../commands.

import { S3Error } from '../errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { catalog, inOrder } from './catalog.ts'
import type { CatalogEntry, CatalogScope, DirectObject } from './catalog.ts'
import { readContent } from './content.ts'
import type { DirectSummary, Finding, FindingKind } from './findings.ts'
import { contentFault, foreignFinding } from './object-checks.ts'

/** What is verified, and how closely. */
export interface DirectOptions {
  readonly store: ObjectStore
  readonly scope: Omit<CatalogScope, 'partition' | 'offsets'>
  /** Whose objects they are. */
  readonly pipeline: string
  /** Whether objects are read; otherwise only their manifests are. */
  readonly readsObjects: boolean
  /** Told of the bytes of objects that are done, as they are stored. */
  readonly onProgress?: (storedBytes: number) => void
}

/** Objects that are read at a time. */
const mostObjects = 4

/** Yields what is wrong, in the order of keys. Returns what was looked at. *Errors*: `S3Error`, where the store cannot be asked. */
export async function* verifyDirect(options: DirectOptions): AsyncGenerator<Finding, DirectSummary, undefined> {
  const { store, scope, onProgress } = options
  const sums = { objects: 0, foreign: 0, findings: 0, records: 0, rawBytes: 0, storedBytes: 0 }
  const checked = inOrder(catalog(store, scope), mostObjects, async (entry) => ({ entry, ...(await check(entry, options)) })) // prettier-ignore
  for await (const { entry, finding } of checked) {
    if (entry.kind === 'direct') {
      sums.objects++
      sums.records += entry.manifest.count
      sums.rawBytes += entry.manifest.rawBytes
      sums.storedBytes += entry.storedBytes
      onProgress?.(sums.storedBytes)
    } else sums.foreign++
    if (finding === undefined) continue
    sums.findings++
    yield finding
  }
  return sums
}

async function check(entry: CatalogEntry, options: DirectOptions): Promise<{ readonly finding?: Finding }> {
  if (entry.kind !== 'direct') return { finding: foreignFinding(entry) }
  const { key, place, manifest } = entry
  for (const [where, name] of [
    ['its name', place.pipeline],
    ['its manifest', manifest.pipeline],
  ] as const) {
    if (name === options.pipeline) continue
    return { finding: findingOf('key', entry, `${key}: ${where} has the pipeline ${name}, and this is ${options.pipeline}.`) } // prettier-ignore
  }
  if (!options.readsObjects) return {}
  try {
    const fault = contentFault(entry, await readContent(options.store, key, place.extension))
    return fault === undefined ? {} : { finding: findingOf(fault.kind, entry, fault.message) }
  } catch (error) {
    if (!(error instanceof S3Error)) throw error
    return { finding: findingOf('unread', entry, `${key} cannot be read: ${error.message}`) }
  }
}

function findingOf(kind: FindingKind, { key, hour }: DirectObject, message: string): Finding {
  return { kind, hour, key, message }
}

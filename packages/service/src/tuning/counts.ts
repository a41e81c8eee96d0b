// What the rules make of the sample: how many records each decides, and how fast one thread is at it, by which the
// lengths of all measurements go. Called by ../commands/tune.ts.

import { createEngine } from '@weir/engine'
import type { Counts, FieldReport, KernelChoice, KernelInUse, PreparedRules } from '@weir/engine'

import type { Sample } from './sample.ts'
import { noSample } from './sample.ts'

/** What came of a sample. */
export interface SampleCounts {
  readonly kernel: KernelInUse
  /** Of `bytes`, each record checked in full. */
  readonly counts: Counts
  /** What became of each field's values; empty for the portable kernel, which remembers none. */
  readonly fields: readonly FieldReport[]
  /** How much of the sample was counted, from its start. */
  readonly bytes: number
  /** Bytes of input a second, one thread. */
  readonly bytesPerSecond: number
}

/** Counting ends at the first chunk after this time: the portable kernel would take minutes. */
const mostMs = 5_000

/**
 * Counts the sample. *Errors*: `ERR_CONFIG_SAMPLE` where it has no record, or none that is well-formed; those of the engine.
 */
export async function countSample(
  sample: Sample,
  rules: PreparedRules,
  kernel: KernelChoice,
  now: () => number = () => performance.now(),
): Promise<SampleCounts> {
  const engine = await createEngine({ rules, kernel, threads: 1, validation: 'full' })
  try {
    const startedMs = now()
    const { bytesIn, counts } = await engine.filterBatches(
      chunksUntil(sample, () => now() - startedMs > mostMs),
      {
        routes: [],
        onBatch: () => undefined,
      },
    )
    if (counts.records === 0) throw noSample(`The sample ${sample.name} has no record: every line is blank.`)
    if (counts.malformed === counts.records) {
      throw noSample(
        `Every record of the sample ${sample.name} is malformed, all ${counts.records} of ${bytesIn} bytes.`,
      )
    }
    const { evaluateNs } = engine.stats()
    const { fields } = engine.report()
    const bytesPerSecond = bytesIn / (Math.max(1, evaluateNs) / 1e9)
    return { kernel: engine.kernel, counts, fields, bytes: bytesIn, bytesPerSecond }
  } finally {
    await engine.close()
  }
}

/** Yields chunks until it is over, and then the rest of the line: a part of one would count as a malformed record. */
function* chunksUntil({ chunks }: Sample, isOver: () => boolean): Generator<Uint8Array> {
  for (const chunk of chunks) {
    const end = isOver() ? chunk.indexOf(0x0a) + 1 : 0
    yield end === 0 ? chunk : chunk.subarray(0, end)
    if (end > 0) return
  }
}

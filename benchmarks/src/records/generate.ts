// Generated records in many shapes, for benchmarks: the same bytes for the same shape, samples and seed, and fewer
// records are always the first of more. Yields bytes and writes nothing anywhere. Called by inputs.ts and tests.

import { createRandom } from '../schedule.ts'
import { createComposer } from './compose.ts'
import { spoil } from './malformed.ts'
import type { RecordShape } from './shape.ts'
import { createSpeller } from './spelling.ts'
import type { FlatRecord } from './values.ts'

const chunkBytes = 1 << 20
/** No record is longer, spoiled ones included; a chunk is passed on before one could not fit. */
const longestRecordBytes = 64 << 10
/** Draws for what records say, how they are written and how they are spoiled are apart, so that one changes no other. */
const streams = { composing: 0, spelling: 0x51f15e, spoiling: 0x2b7e15 }

/**
 * Yields records as NDJSON, in chunks of whole lines. `samples` are parsed records of `weir generate ds2`.
 *
 * Ownership: a chunk is the caller's until the next one is asked for; then its memory is used again.
 * Cost: 3 to 30 µs a record, by its shape.
 */
export function* generateRecords(
  shape: RecordShape,
  samples: readonly FlatRecord[],
  records: number,
  seed: number,
): Generator<Uint8Array, void, undefined> {
  const compose = createComposer(shape, samples, createRandom(seed + streams.composing))
  const spelling = createRandom(seed + streams.spelling)
  const spoiling = createRandom(seed + streams.spoiling)
  const first = createComposer(shape, samples, createRandom(seed))(0)
  const spell = createSpeller(shape, first, spelling)
  const { malformedEvery = Number.MAX_SAFE_INTEGER } = shape
  const chunk = Buffer.allocUnsafeSlow(chunkBytes)
  let filled = 0
  for (let number = 0; number < records; number++) {
    const record = spell(compose(number), number)
    if (number % malformedEvery === malformedEvery - 1) {
      filled += chunk.write(spoil(Buffer.from(record).toString('latin1'), spoiling), filled, 'latin1')
    } else filled += chunk.write(record, filled)
    chunk[filled++] = 10
    if (filled > chunkBytes - longestRecordBytes) {
      yield chunk.subarray(0, filled)
      filled = 0
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
}

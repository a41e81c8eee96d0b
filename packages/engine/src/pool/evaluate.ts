// Runs a kernel over the whole request of a slab, however often it must be called for that, and leaves one answer.
// Used by workers, and by the engine for inputs too small to hand over.

import { maxSegments, slabFlag, slabWord } from '../batch/batch.ts'
import type { Slab } from '../batch/slab.ts'
import type { Evaluator } from '../kernel/kernel.ts'
import { limits } from '../limits.ts'

const firstSum = slabWord.records
const byRouteEnd = slabWord.byRoute + 256
const answerEnd = slabWord.sample + limits.malformedSamples * 3

/**
 * Evaluates the slab's request. A kernel stops when its verdict arrays are full; unless the caller wants those
 * arrays, it is called again for the rest, and the answers are added up. When the answer holds as many segments as
 * fit, or the arrays are wanted, `consumed` may be below `end`: the caller takes the answer and asks for the rest.
 */
export function evaluateSlab(evaluator: Evaluator, slab: Slab): void {
  const words = slab.words
  if (words[slabWord.start]! >= words[slabWord.end]!) {
    words.fill(0, slabWord.consumed, answerEnd)
    words[slabWord.consumed] = words[slabWord.end]!
    return
  }
  evaluator.evaluate(slab.bytes)
  if (slab.isWhole || (words[slabWord.flags]! & slabFlag.records) !== 0) return
  const request = words.slice(0, slabWord.consumed)
  let sum = words.slice(slabWord.consumed, answerEnd)
  while (!slab.isWhole) {
    const gathered = sum[slabWord.gathered - slabWord.consumed]!
    words[slabWord.start] = words[slabWord.consumed]!
    words[slabWord.flags]! &= ~slabFlag.continues
    words[slabWord.gatherAt] = request[slabWord.gatherAt]! + gathered
    words[slabWord.gatherCapacity] = request[slabWord.gatherCapacity]! - gathered
    const counts = slab.counts.slice()
    const before = sum
    evaluator.evaluate(slab.bytes)
    sum = addAnswers(sum, words)
    if (sum[slabWord.segments - slabWord.consumed]! > maxSegments) {
      // This call's segments do not fit: it is undone, and the caller asks for the rest after taking the others.
      const consumed = words[slabWord.start]!
      slab.counts.set(counts)
      sum = before
      sum[0] = consumed
      break
    }
  }
  words.set(request)
  words.set(sum, slabWord.consumed)
}

/** Returns the answer `sum` with the answer in `words` added; both begin at `slabWord.consumed`. */
function addAnswers(sum: Uint32Array, words: Uint32Array): Uint32Array<ArrayBuffer> {
  const base = slabWord.consumed
  const both = new Uint32Array(sum)
  both[0] = words[base]!
  const [segments, samples] = [sum[slabWord.segments - base]!, sum[slabWord.sampleCount - base]!]
  const [lines, gathered] = [sum[slabWord.lines - base]!, sum[slabWord.gathered - base]!]
  for (let word: number = firstSum; word < byRouteEnd; word++) both[word - base]! += words[word]!
  const newSegments = words[slabWord.segments]!
  for (let i = 0; i < newSegments && segments + i < maxSegments; i++) {
    const [from, to] = [slabWord.segment + i * 3, slabWord.segment - base + (segments + i) * 3]
    both[to] = words[from]!
    both[to + 1] = words[from + 1]! + gathered
    both[to + 2] = words[from + 2]! + gathered
  }
  const room = Math.min(words[slabWord.sampleCount]!, limits.malformedSamples - samples)
  for (let i = 0; i < room; i++) {
    const [from, to] = [slabWord.sample + i * 3, slabWord.sample - base + (samples + i) * 3]
    both[to] = words[from]!
    both[to + 1] = words[from + 1]! + lines
    both[to + 2] = words[from + 2]!
  }
  both[slabWord.sampleCount - base] = samples + room
  return both
}

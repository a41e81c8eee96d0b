// Which kernel runs: the native one where it loads and passes a self-test, else the portable one. Imports the portable
// kernel only when it is needed, because a worker that runs native code should not hold a regex engine in memory.
// Used by the engine and by workers.

import { delayBoundsMs, slabFlag, slabWord } from '../batch/batch.ts'
import { createSlab } from '../batch/slab.ts'
import { EngineError } from '../errors.ts'
import { headerBytes, headerWord, programFormat, programMagic } from '../rules/program.ts'
import type { Plan, Program } from '../rules/program.ts'
import type { Kernel, KernelName } from './kernel.ts'
import { createNativeKernel } from './native.ts'
import { reportLength } from './techniques.ts'

/** A kernel, and, when it is not the one that `auto` prefers, why. */
export interface Selection {
  readonly kernel: Kernel
  /** Why the native kernel is not used; only where `auto` fell back to the portable one. */
  readonly fallback?: string
}

/**
 * Returns the kernel for a choice. `auto` prefers the native kernel, and takes the portable one where the native one
 * cannot be loaded or fails its self-test.
 *
 * Errors: `ERR_ENGINE_KERNEL_UNAVAILABLE` for `native` where it cannot be loaded or fails its self-test.
 * Cost: a millisecond the first time on a thread.
 */
export async function selectKernel(choice: KernelName | 'auto'): Promise<Selection> {
  if (choice === 'portable') return { kernel: await loadPortable() }
  try {
    return { kernel: provenNativeKernel() }
  } catch (error) {
    if (choice === 'native' || !(error instanceof EngineError)) throw error
    return { kernel: await loadPortable(), fallback: error.message }
  }
}

async function loadPortable(): Promise<Kernel> {
  const { createPortableKernel } = await import('./portable.ts')
  return createPortableKernel()
}

let proven: Kernel | undefined

/** Returns the native kernel after its self-test. Errors: `ERR_ENGINE_KERNEL_UNAVAILABLE`. */
export function provenNativeKernel(): Kernel {
  if (proven === undefined) {
    const kernel = createNativeKernel()
    const failure = selfTest(kernel)
    if (failure !== undefined) {
      throw new EngineError('ERR_ENGINE_KERNEL_UNAVAILABLE', `The native kernel fails its self-test: ${failure}`)
    }
    proven = kernel
  }
  return proven
}

/**
 * A rule set that uses a pattern, a number, a decoded field, a prefix and a time, so that every library behind them
 * answers.
 */
const selfTestPlan: Plan = {
  dialect: 'weir',
  version: '0000000000000000',
  missing: ['-'],
  fields: [
    { path: ['status'], decode: 'none' },
    { path: ['agent'], decode: 'url' },
    { path: ['time', 'ms'], decode: 'none' },
    { path: ['time', 'at'], decode: 'none' },
  ],
  timeField: 3,
  predicates: [
    { op: 'regex', field: 0, pattern: '5\\d\\d', whole: true },
    { op: 'regex', field: 1, pattern: '(?i)chrome/|firefox/', whole: false },
    { op: 'compare', field: 2, gte: '500' },
    { op: 'prefix', field: 0, texts: ['4'], fold: false },
  ],
  rules: [
    { id: 'slow', when: ['all', 0, ['any', 1, 2]], route: 0 },
    { id: 'refused', when: 3, route: 3 },
  ],
  defaultRoute: 1,
  routes: ['keep', 'drop', 'malformed', 'refused'],
}

/** Records, and the number of the route that each belongs to. */
const selfTestRecords: readonly (readonly [string, number])[] = [
  ['{"status":"503","agent":"Mozilla%2F5.0+Chrome%2F124"}', 0],
  ['{"status":"503","agent":"curl","time":{"at":"1573840000.125","ms":"0700"}}', 0],
  ['{"status":"503","agent":"curl","time":{"ms":499}}', 1],
  ['{ "st\\u0061tus" : "404", "status": "503" }', 3],
  ['{"status":"503","agent":"FIREFOX%2f1","x":1e400,}', 2],
  ['{"status":"-"}', 1],
]

/** Returns what a kernel answers wrongly on the records above, or undefined. */
function selfTest(kernel: Kernel): string | undefined {
  const input = Buffer.from(selfTestRecords.map(([record]) => `${record}\r\n`).join(''))
  const slab = createSlab({ inputBytes: input.length, recordCapacity: 8, gatherBytes: input.length + 1 })
  slab.input.set(input)
  slab.request({
    start: 0,
    end: input.length,
    flags: slabFlag.records,
    validation: 'kept',
    maxRecordBytes: input.length,
    gather: [0],
    nowMs: 1573840000625,
  })
  try {
    const evaluator = kernel.load(selfTestProgram())
    evaluator.evaluate(slab.bytes)
    if (evaluator.report().length !== reportLength(selfTestPlan.fields.length)) return 'it has other techniques.'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  if (slab.words[slabWord.records] !== selfTestRecords.length)
    return `it counts ${slab.words[slabWord.records]} records.`
  for (const [i, [record, route]] of selfTestRecords.entries()) {
    if (slab.routes[i] !== route) return `it sends ${record} to route ${slab.routes[i]}, not ${route}.`
  }
  // Three are kept or routed; one of them has a time, which is half a second old.
  const { delay, timeMissing, delaySum } = slabWord
  const delays = [delay + delayBoundsMs.indexOf(500), timeMissing, delaySum, delaySum + 1].map((i) => slab.words[i])
  if (String(delays) !== '1,2,500,0') return 'it counts other delays.'
  const kept = Buffer.from(slab.gather.subarray(0, slab.words[slabWord.gathered])).toString()
  return kept === `${selfTestRecords[0]![0]}\r\n${selfTestRecords[1]![0]}\r\n` ? undefined : 'it gathers other bytes.'
}

/** The plan above as a block without lists. */
function selfTestProgram(): Program {
  const plan = Buffer.from(JSON.stringify(selfTestPlan))
  const bytes = new Uint8Array(new SharedArrayBuffer(headerBytes + Math.ceil(plan.length / 4) * 4))
  bytes.set(plan, headerBytes)
  const words = new Uint32Array(bytes.buffer, 0, headerBytes / 4)
  words[headerWord.magic] = programMagic
  words[headerWord.format] = programFormat
  words[headerWord.totalBytes] = bytes.length
  words[headerWord.planAt] = headerBytes
  words[headerWord.planBytes] = plan.length
  words[headerWord.listsAt] = headerBytes
  words[headerWord.foldAt] = headerBytes
  return { plan: selfTestPlan, bytes }
}

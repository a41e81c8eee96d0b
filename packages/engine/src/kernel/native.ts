// The native kernel: loads the addon (native/) and speaks to it, one call per batch. Does not decide whether to use it;
// select.ts does. No caller but select.ts and tests.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { slabFormat } from '../batch/batch.ts'
import { EngineError } from '../errors.ts'
import type { Program } from '../rules/program.ts'
import type { Evaluator, Kernel } from './kernel.ts'
import { reportLayout, standardTechniques, techniqueBits } from './techniques.ts'
import type { TechniqueSettings } from './techniques.ts'

/** What the addon exports. An evaluator is opaque, and keeps the program's memory alive. */
interface Addon {
  readonly slabFormat: number
  load(program: Uint8Array, techniques: number): object
  evaluate(evaluator: object, slab: Uint8Array): void
  report(evaluator: object): Float64Array
  release(evaluator: object): void
}

const require = createRequire(import.meta.url)

/** Places the addon may lie at, best first: built in this checkout, or shipped with the package for this platform. */
function* candidates(): Generator<string> {
  const at = (path: string): string => fileURLToPath(new URL(`../../native/${path}`, import.meta.url))
  yield at('build/Release/weir.node')
  yield at(`prebuilds/${process.platform}-${process.arch}/weir.${libc()}.node`)
}

/** The parts of Node's diagnostic report that are used here; the types of the oldest Node lack `excludeNetwork`. */
interface Report {
  excludeNetwork: boolean
  getReport(): { header: { glibcVersionRuntime?: string } }
}

/** The C library that the addon must have been built for, as prebuilt binaries are named. */
function libc(): string {
  if (process.platform !== 'linux') return process.platform
  const report = process.report as unknown as Report
  const { excludeNetwork } = report
  // A report looks up the names of the peers of this thread's sockets, and waits for the answers. The switch against that
  // is the process's, so only one thread may turn it; workers of the engine have no sockets.
  if (isMainThread) report.excludeNetwork = true
  try {
    return report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
  } finally {
    if (isMainThread) report.excludeNetwork = excludeNetwork
  }
}

function loadAddon(): Addon {
  const failures: string[] = []
  for (const path of candidates()) {
    if (!existsSync(path)) {
      failures.push(`there is no ${path}`)
      continue
    }
    try {
      return require(path) as Addon
    } catch (error) {
      // The first line has the linker's reason, such as a C library that is too old.
      failures.push(error instanceof Error ? error.message.split('\n')[0]! : String(error))
    }
  }
  throw new EngineError('ERR_ENGINE_KERNEL_UNAVAILABLE', `The native kernel cannot be loaded: ${failures.join('; ')}.`)
}

class NativeEvaluator implements Evaluator {
  readonly #addon: Addon
  readonly #program: Uint8Array
  readonly #techniques: number
  /** Undefined after a fault: one that ran out of memory refuses all that follows, so the next call loads anew. */
  #evaluator: object | undefined
  /** What those counted that ended with a fault. */
  #counted: Float64Array | undefined
  #isReleased = false

  constructor(addon: Addon, program: Uint8Array, techniques: number) {
    this.#addon = addon
    this.#program = program
    this.#techniques = techniques
    this.#evaluator = asFault(() => addon.load(program, techniques))
  }

  evaluate(slab: Uint8Array): void {
    asFault(() => {
      if (this.#isReleased) throw new Error('the evaluator was released')
      const evaluator = (this.#evaluator ??= this.#addon.load(this.#program, this.#techniques))
      try {
        this.#addon.evaluate(evaluator, slab)
      } catch (error) {
        this.#evaluator = undefined
        try {
          this.#counted = this.#count(evaluator)
          this.#counted[reportLayout.cacheBytesAt] = 0
        } finally {
          this.#addon.release(evaluator)
        }
        throw error
      }
    })
  }

  report(): Float64Array {
    return asFault(() => {
      if (this.#isReleased) throw new Error('the evaluator was released')
      return this.#count(this.#evaluator)
    })
  }

  #count(evaluator: object | undefined): Float64Array {
    if (evaluator === undefined) return this.#counted?.slice() ?? new Float64Array()
    const numbers = this.#addon.report(evaluator)
    this.#counted?.forEach((count, i) => (numbers[i]! += count))
    return numbers
  }

  release(): void {
    this.#isReleased = true
    const evaluator = this.#evaluator
    this.#evaluator = undefined
    if (evaluator !== undefined) asFault(() => this.#addon.release(evaluator))
  }
}

function asFault<T>(call: () => T): T {
  try {
    return call()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new EngineError('ERR_ENGINE_KERNEL_FAULT', `The native kernel failed: ${reason}`, { cause })
  }
}

/**
 * Returns the native kernel.
 *
 * Errors: `ERR_ENGINE_KERNEL_UNAVAILABLE` when no binary can be loaded here, or the one that can was built for another
 * layout of slabs; the message names every place that was tried.
 */
export function createNativeKernel(): Kernel {
  const addon = loadAddon()
  if (addon.slabFormat !== slabFormat) {
    throw new EngineError(
      'ERR_ENGINE_KERNEL_UNAVAILABLE',
      `The native kernel was built for slab format ${String(addon.slabFormat)}, and this engine uses ${slabFormat}. Build it again.`,
    )
  }
  return {
    name: 'native',
    load: (program: Program, settings: TechniqueSettings = standardTechniques()) =>
      new NativeEvaluator(addon, program.bytes, techniqueBits(settings)),
  }
}

// Rule sets that are compiled beside the calling thread: starts a thread for one, gives it so much time, and ends it. What
// comes back are the program in shared memory and a few names. Nothing is put in force here. Exported by index.ts, and
// called by engine.ts.

import { Worker } from 'node:worker_threads'
import type { ResourceLimits } from 'node:worker_threads'
import type { LoadedRuleSet } from './engine-parts.ts'
import { ConfigError, decodeError, EngineError, RuleSetError } from './errors.ts'
import type { RuleSetIssue } from './errors.ts'
import { standardTechniques } from './kernel/techniques.ts'
import { limits } from './limits.ts'
import { checkKernel, refuseUnknown } from './options.ts'
import type { KernelChoice } from './options.ts'
import { within } from './pool/deadlines.ts'
import { programHandle } from './pool/program-handle.ts'
import { postedSource } from './rules/compile.ts'
import type { PostedSource, RuleSource } from './rules/compile.ts'
import { timeFieldSteps } from './rules/time-field.ts'
import type { RuleTestSummary } from './rule-tests.ts'
import type { PreparedParts, ThreadAnswer, ThreadRequest } from './rules-thread.ts'

/** Options of `prepareRules`. */
export interface PrepareOptions {
  /** That of the engine which is to have the rules. Default: none. */
  readonly timeField?: string
  /** What it is made ready for, and its own tests run on. Default: `auto`. */
  readonly kernel?: KernelChoice
  /** Aborting it ends the work, and has the promise reject with the signal's reason. */
  readonly signal?: AbortSignal
}

/** A rule set that is compiled, and in force nowhere: made by `prepareRules`, for `createEngine` and `Engine.load()`. */
export class PreparedRules {
  /** 16 hexadecimal digits that depend on the meaning of the rule set alone. */
  readonly version: string
  /** Ids of the rules, in order. */
  readonly ruleIds: readonly string[]
  /** `keep`, `drop`, `malformed`, then the named routes. */
  readonly routes: readonly string[]
  /** The routes among them to which a rule or the default sends records. */
  readonly destinations: readonly string[]
  /** List files that the rules name, as they stand there. Their content is part of what was prepared. */
  readonly listFiles: readonly string[]
  /** How the rule set's own tests came out. */
  readonly tests: RuleTestSummary
  /** What looks wrong but is not. */
  readonly warnings: readonly RuleSetIssue[]
  /** The time field that it counts delays by: that of the engine which takes it. */
  readonly timeField: string | undefined
  /** Time in milliseconds that the kernel took to make it ready: about what a worker takes, too. */
  readonly readyMs: number
  readonly #loaded: LoadedRuleSet

  /** Made by `prepareRules`. */
  constructor(parts: PreparedParts, timeField: string | undefined) {
    const { image, outline, ruleIds, destinations, listFiles, tests, warnings, readyMs } = parts
    this.version = outline.version
    this.ruleIds = ruleIds
    this.routes = outline.routes
    this.destinations = destinations
    this.listFiles = listFiles
    this.tests = tests
    this.warnings = warnings
    this.timeField = timeField
    this.readyMs = readyMs
    this.#loaded = { handle: programHandle({ bytes: image }), plan: outline, warnings, readyMs }
  }

  /** Returns what an engine takes of it. */
  static loadedOf(rules: PreparedRules): LoadedRuleSet {
    return rules.#loaded
  }
}

/**
 * Returns a rule set that is compiled, in a thread of its own: the calling thread goes on meanwhile. Its own tests are run
 * as well; whether one that fails matters is for the caller to say. What an object holds is read before the call returns.
 *
 * *Errors*: `ERR_RULESET_INVALID` with all problems, `ERR_RULESET_UNREADABLE`; `ERR_RULESET_TOO_COSTLY` after
 * `limits.compileMs` of processor time, once more for each `limits.compileBytes` of rule text and list files, after six
 * times that by the clock, or where memory runs out;
 * `ERR_ENGINE_WORKER_LOAD`; `ERR_CONFIG_INVALID` for options, and for a test that is not exactly one record.
 * *Cost*: a thread is started and ended, about 0.1 s of another processor, before anything is compiled.
 */
export async function prepareRules(rules: RuleSource, options: PrepareOptions = {}): Promise<PreparedRules> {
  refuseUnknown(options, ['timeField', 'kernel', 'signal'])
  const { timeField, kernel, signal } = options
  if (timeField !== undefined) timeFieldSteps(timeField)
  const request = { source: postedSource(rules), kernel: checkKernel(kernel), runsTests: true }
  const ways = signal === undefined ? {} : { signal }
  return compileBeside({ ...request, ...(timeField === undefined ? {} : { timeField }) }, ways)
}

/** How a thread is run and waited for. All but the signal is set by tests alone. */
export interface ThreadWays {
  readonly signal?: AbortSignal
  /** Default: `limits.compileMs`. */
  readonly compileMs?: number
  /** How long a thread that was ended is waited for. Default: `limits.closeDeadlineMs`. */
  readonly endMs?: number
  /** Another file that the thread runs. */
  readonly url?: URL
  readonly resourceLimits?: ResourceLimits
}

let threadsHung = 0

/** Returns how many threads of this process were given up and could not be ended: a system call held them. */
export function hungThreads(): number {
  return threadsHung
}

/** Does the work of `prepareRules`, on a source that can be posted. Errors: those of `prepareRules`. */
export async function compileBeside(
  request: Omit<ThreadRequest, 'reading' | 'techniques'>,
  ways: ThreadWays = {},
): Promise<PreparedRules> {
  ways.signal?.throwIfAborted()
  const reading = new SharedArrayBuffer(4)
  const { source } = request
  if (source.kind === 'text') new Int32Array(reading)[0] = Math.ceil(source.text.text.length / 1024)
  const worker = startThread({ ...request, reading, techniques: standardTechniques() }, ways)
  const ended = new Promise<void>((resolve) => void worker.once('exit', () => resolve()))
  try {
    const answer = await answerOf(worker, nameOf(source), reading, ways)
    if (answer.status === 'failed') throw decodeError(answer.error)
    return new PreparedRules(answer.prepared, request.timeField)
  } finally {
    await end(worker, ended, ways.endMs)
  }
}

function startThread(workerData: ThreadRequest, { url, resourceLimits = {} }: ThreadWays): Worker {
  const file = (url ?? new URL('./rules-thread.js', import.meta.url)).href
  try {
    // Not by its URL: with `node --input-type=module`, which threads inherit, Node takes no file for its first module.
    return new Worker(`import(${JSON.stringify(file)})`, {
      ...{ eval: true, name: 'weir rules', workerData },
      resourceLimits,
    })
  } catch (cause) {
    throw loadError(cause)
  }
}

/** Waits for the answer, the death of the thread, its time or the signal, whichever comes first. */
function answerOf(worker: Worker, name: string, reading: SharedArrayBuffer, ways: ThreadWays): Promise<ThreadAnswer> {
  const { signal, compileMs = limits.compileMs } = ways
  const started = { ms: performance.now(), cpu: process.cpuUsage() }
  return new Promise((resolve, reject) => {
    let isSettled = false
    let timer: NodeJS.Timeout | undefined
    const settle = (): void => {
      isSettled = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const fail = (error: unknown): void => {
      settle()
      reject(error)
    }
    const onAbort = (): void => fail(signal!.reason)
    const watch = (): void => {
      if (isSettled) return
      const parts = 1 + Math.floor(Atomics.load(new Int32Array(reading), 0) / (limits.compileBytes >> 10))
      const [mostMs, mostWaitMs] = [parts * compileMs, parts * compileMs * limits.compileWaitFactor]
      const passedMs = performance.now() - started.ms
      const { user, system } = process.cpuUsage(started.cpu)
      // Of all threads, so it may be more than this one has had, and is none while others have the processors.
      const spentMs = Math.min(passedMs, (user + system) / 1000)
      const leftMs = Math.min(mostMs - spentMs, mostWaitMs - passedMs)
      // An answer that came while this thread was busy is heard first.
      if (leftMs > 0) timer = setTimeout(() => setImmediate(watch), leftMs)
      else fail(tooSlow(name, spentMs < mostMs ? mostWaitMs : mostMs))
    }
    watch()
    signal?.addEventListener('abort', onAbort)
    worker.once('message', (answer: ThreadAnswer) => {
      settle()
      resolve(answer)
    })
    worker.once('error', (error: unknown) => {
      const isOutOfMemory = (error as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY'
      fail(isOutOfMemory ? tooCostly(`${name} takes more memory to compile than a thread has.`) : loadError(error))
    })
    worker.once('exit', (code) => fail(loadError(new Error(`it ended with exit code ${code}`))))
  })
}

/** Ends the thread, and counts it where it cannot be ended: one that waits in a system call hears nothing. */
async function end(worker: Worker, ended: Promise<void>, endMs: number = limits.closeDeadlineMs): Promise<void> {
  let hasEnded = false
  void ended.then(() => (hasEnded = true))
  void worker.terminate()
  await within(endMs, ended)
  if (hasEnded) return
  threadsHung++
  worker.unref()
}

function nameOf(source: PostedSource): string {
  if (source.kind === 'path') return source.path
  if (source.kind === 'url') return source.href
  return (source.kind === 'text' ? source.text.name : undefined) ?? 'The rule set'
}

function tooSlow(name: string, ms: number): RuleSetError {
  return tooCostly(`${name} takes longer than ${ms} ms to compile, and was given up.`)
}

function tooCostly(message: string): RuleSetError {
  const suggestion = 'use fewer and simpler patterns, or shorter lists'
  return new RuleSetError('ERR_RULESET_TOO_COSTLY', `${message} Suggestion: ${suggestion}.`, [
    { path: '', message, suggestion },
  ])
}

function loadError(cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EngineError('ERR_ENGINE_WORKER_LOAD', `The thread that compiles rules could not start: ${reason}`, {
    cause,
  })
}

/** Returns what an engine takes of prepared rules. *Errors*: `ERR_CONFIG_INVALID` when they count another time field. */
export function takePrepared(rules: PreparedRules, timeField: string | undefined): LoadedRuleSet {
  if (rules.timeField === timeField) return PreparedRules.loadedOf(rules)
  const shown = (field: string | undefined): string => (field === undefined ? 'none' : `"${field}"`)
  throw new ConfigError(
    'ERR_CONFIG_INVALID',
    `\`rules\` were prepared with the time field ${shown(rules.timeField)}, and the engine has ${shown(timeField)}: prepare them with the engine's.`,
    { option: 'timeField' },
  )
}

// What runs in a thread of its own for one rule set: compiles it, runs its own tests, and posts what the asking thread needs
// of it. Keeps nothing; the thread is ended afterwards. Loaded by prepared-rules.ts, which alone speaks to it.

import { parentPort, workerData } from 'node:worker_threads'
import { CompiledRules } from './compiled-rules.ts'
import type { EncodedError, RuleSetIssue } from './errors.ts'
import { encodeError } from './errors.ts'
import { selectKernel } from './kernel/select.ts'
import { setStandardTechniques } from './kernel/techniques.ts'
import type { TechniqueSettings } from './kernel/techniques.ts'
import type { KernelChoice } from './options.ts'
import { noTests, summaryOf } from './rule-tests.ts'
import type { RuleTestSummary } from './rule-tests.ts'
import { compilePosted } from './rules/compile.ts'
import type { PostedSource } from './rules/compile.ts'
import { outlineOf } from './rules/program.ts'
import type { PlanOutline } from './rules/program.ts'

/** What the thread is started with. */
export interface ThreadRequest {
  readonly source: PostedSource
  readonly timeField?: string
  /** The kernel that is to evaluate the program. */
  readonly kernel: KernelChoice
  /** How its evaluators use techniques: only tests change it. */
  readonly techniques: TechniqueSettings
  /** Whether the rule set's own tests are run. */
  readonly runsTests: boolean
  /** One word: KiB of the text, and of files that the thread has begun with, each rounded up. */
  readonly reading: SharedArrayBuffer
}

/** What the thread made of the rules. The image lies in shared memory, so nothing here grows with the lists of the rules. */
export interface PreparedParts {
  readonly image: Uint8Array
  readonly outline: PlanOutline
  readonly ruleIds: readonly string[]
  readonly destinations: readonly string[]
  readonly listFiles: readonly string[]
  readonly tests: RuleTestSummary
  readonly warnings: readonly RuleSetIssue[]
  /** Time that the kernel took to make the program ready here, in milliseconds. */
  readonly readyMs: number
}

/** What the thread answers, once. An error travels as data, for posting one loses its code. */
export type ThreadAnswer =
  | { readonly status: 'done'; readonly prepared: PreparedParts }
  | { readonly status: 'failed'; readonly error: EncodedError }

async function prepare(request: ThreadRequest): Promise<PreparedParts> {
  const { source, timeField, runsTests, reading } = request
  const words = new Int32Array(reading)
  const onRead = (bytes: number): void => void Atomics.add(words, 0, Math.ceil(bytes / 1024))
  const compiled = compilePosted(source, timeField, onRead)
  const { program, ruleSet, listFiles, warnings } = compiled
  const { routes, rules, defaultRoute } = program.plan
  const { kernel } = await selectKernel(request.kernel)
  setStandardTechniques(request.techniques)
  const started = { ms: performance.now(), cpu: process.cpuUsage() }
  // Also where no test is run: what fails here has touched no worker, and how long it takes decides how they get it.
  const ready = new CompiledRules(compiled, kernel)
  const { user, system } = process.cpuUsage(started.cpu)
  // While others have the processors, the clock says nothing of the rules; and the processor time is that of all threads.
  const readyMs = Math.min(performance.now() - started.ms, (user + system) / 1000)
  try {
    return {
      image: program.bytes,
      outline: outlineOf(program.plan),
      ruleIds: ruleSet.rules.map(({ id }) => id),
      destinations: [...new Set([...rules.map(({ route }) => route), defaultRoute])].map((route) => routes[route]!),
      listFiles,
      tests: runsTests ? summaryOf(ready) : noTests,
      warnings,
      readyMs,
    }
  } finally {
    ready.release()
  }
}

const port = parentPort!
void prepare(workerData as ThreadRequest)
  .then(
    (prepared): ThreadAnswer => ({ status: 'done', prepared }),
    (error: unknown): ThreadAnswer => ({ status: 'failed', error: encodeError(error) }),
  )
  .then((answer) => port.postMessage(answer))

// The program of a process in which records are tried that a worker did not survive. Makes an engine of what the first
// message says, then judges the bytes of each further one. It may die of them: that is what it is for. Started by
// trials.ts.

import { createEngine } from '@weir/engine'
import type { Counts, Engine, EngineOptions } from '@weir/engine'

import type { RoutedBytes } from './router.ts'

/** What the process is told. */
export type TrialRequest =
  | { readonly kind: 'open'; readonly engine: EngineOptions; readonly routes: readonly string[] }
  | { readonly kind: 'try'; readonly bytes: Uint8Array }

/** What it answers; to `open` with `ready`. */
export type TrialAnswer =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'judged'
      readonly segments: readonly RoutedBytes[]
      readonly counts: Counts
      readonly version?: string
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }

// As the command does, so that it does not open Node's inspector.
process.on('SIGUSR1', () => undefined)
// A terminal and a service manager tell all processes of a group to end. Whose records are tried decides when this one does:
// an end that nobody asked for would make them guilty.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => undefined)

let engine: Engine | undefined
let routes: readonly string[] = []

async function answer(request: TrialRequest): Promise<TrialAnswer> {
  if (request.kind === 'open') {
    engine = await createEngine(request.engine)
    ;({ routes } = request)
    return { kind: 'ready' }
  }
  const segments: RoutedBytes[] = []
  // As a stream, since small inputs would else be judged on this thread, which has to hear when it is no longer needed.
  const { counts, versions } = await engine!.filterBatches([request.bytes], {
    routes,
    allowMissingRoutes: true,
    onBatch: (batch) => {
      for (const { route, bytes } of batch.segments) segments.push({ route, bytes: new Uint8Array(bytes) })
    },
  })
  const [version] = versions
  return { kind: 'judged', segments, counts, ...(version === undefined ? {} : { version }) }
}

process.on('message', (request: TrialRequest) => {
  answer(request).then(
    (given) => process.send!(given),
    (error: Error & { code?: string }) =>
      process.send!({ kind: 'failed', code: error.code ?? '', message: error.message } satisfies TrialAnswer),
  )
})
// Nobody is left to judge for. Not by an exit, which waits for threads, and one may hang.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

// Contenders: Weir's engine in this process. On one and on two threads, workers read ranges of a file (from the page
// cache, after the first run), and the kept bytes come back in order; and as a consumer of messages calls it, which has
// one batch, waits for its verdict, and takes the next.

import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createEngine, EngineError } from '@weir/engine'
import type { Engine } from '@weir/engine'
import type { Contender, Prepared, Run, Skipped, Task } from '../contender.ts'
import { digest } from '../expected.ts'

/** The engine on so many threads. */
export function engineContender(threads: number): Contender {
  const label = `Weir, engine, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
  return { id: `engine-${threads}`, label, model: 'engine', threads, open: (task) => openEngine(threads, task) }
}

async function openEngine(threads: number, task: Task): Promise<Prepared | Skipped> {
  try {
    const engine = await createEngine({ rules: task.case.rules, threads, kernel: 'native' })
    const file = await open(task.input.path)
    const output = Buffer.allocUnsafeSlow(task.input.bytes + 1)
    return {
      how: `engine.filterFile, ${threads} worker threads, native kernel, kept bytes copied to one buffer`,
      run: async () => {
        let filled = 0
        const started = process.hrtime.bigint()
        const { counts } = await engine.filterFile(file, {
          onBatch: ({ segments }) => {
            for (const { bytes } of segments) {
              output.set(bytes, filled)
              filled += bytes.length
            }
          },
        })
        const seconds = Number(process.hrtime.bigint() - started) / 1e9
        const byRule = [...counts.byRule, counts.byDefault]
        const kept = output.subarray(0, filled)
        return { seconds, answer: async () => ({ kept: counts.kept, byRule, sha256: digest([kept]) }) }
      },
      close: async () => {
        await engine.close()
        await file.close()
      },
    }
  } catch (error) {
    if (error instanceof EngineError && error.code === 'ERR_ENGINE_KERNEL_UNAVAILABLE')
      return { skipped: error.message }
    throw error
  }
}

const callBytes = 2 ** 20

/** The engine on one thread, with a call for each mebibyte of whole lines. */
export const engineCalls: Contender = {
  id: 'engine-calls',
  label: 'Weir, engine, 1 thread, a call per MiB',
  model: 'engine',
  threads: 1,
  open: async (task) => {
    try {
      const engine = await createEngine({ rules: task.case.rules, threads: 1, kernel: 'native' })
      const batches = wholeLines(readFileSync(task.input.path), callBytes)
      const output = Buffer.allocUnsafeSlow(task.input.bytes + 1)
      return {
        how: `engine.evaluate, ${batches.length} batches one after another, 1 worker thread, native kernel`,
        run: () => callForEach(engine, batches, output),
        close: () => engine.close(),
      }
    } catch (error) {
      if (error instanceof EngineError && error.code === 'ERR_ENGINE_KERNEL_UNAVAILABLE')
        return { skipped: error.message }
      throw error
    }
  },
}

async function callForEach(engine: Engine, batches: readonly Uint8Array[], output: Buffer): Promise<Run> {
  const batchMs: number[] = []
  let byRule: number[] = []
  let [kept, filled] = [0, 0]
  const started = performance.now()
  for (const batch of batches) {
    const called = performance.now()
    const verdict = await engine.evaluate(batch)
    const bytes = verdict.gather('keep')
    output.set(bytes, filled)
    filled += bytes.length
    batchMs.push(performance.now() - called)
    const { counts } = verdict
    kept += counts.kept
    byRule = [...counts.byRule, counts.byDefault].map((count, i) => count + (byRule[i] ?? 0))
  }
  const seconds = (performance.now() - started) / 1000
  return { seconds, batchMs, answer: async () => ({ kept, byRule, sha256: digest([output.subarray(0, filled)]) }) }
}

/** Returns the input in pieces of whole lines, each about so long. */
function wholeLines(input: Buffer, bytes: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let start = 0; start < input.length;) {
    const lineFeed = start + bytes >= input.length ? -1 : input.indexOf(10, start + bytes)
    const end = lineFeed < 0 ? input.length : lineFeed + 1
    pieces.push(input.subarray(start, end))
    start = end
  }
  return pieces
}

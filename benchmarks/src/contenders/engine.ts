// Contenders: Weir's engine in this process, on one and on two threads: workers read ranges of a file (from the page
// cache, after the first run), and the kept bytes come back in order.

import { open } from 'node:fs/promises'
import { createEngine, EngineError } from '@weir/engine'
import type { Contender, Prepared, Skipped, Task } from '../contender.ts'
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

// One loop of the calibration, in a thread of its own: a kernel over one input, again and again for as long as it is
// told, and the speed as its answer. No pool and no hand-over. Started by calibration.ts.

import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'

import type { RuleSource } from '@weir/engine'
import { prepareKernelRun } from '@weir/engine/testing'

const { rules, kernel, bytes } = workerData as {
  readonly rules: RuleSource
  readonly kernel: 'native' | 'portable'
  readonly bytes: Uint8Array
}

async function loop(port: MessagePort): Promise<void> {
  const run = await prepareKernelRun(rules, bytes, { kernel })
  run.evaluate()
  port.on('message', (runMs: number) => {
    const startedMs = performance.now()
    let done = 0
    do {
      run.evaluate()
      done += bytes.length
    } while (performance.now() - startedMs < runMs)
    port.postMessage(done / ((performance.now() - startedMs) / 1000))
  })
  port.postMessage(0)
}

// A failure ends the thread, and whoever started it hears of that.
void loop(parentPort!)

// One loop of the calibration, in a process of its own: runs the native kernel over one input again and again for as
// long as it is told, and answers with its speed. Started by calibration.ts, which may pin it to a processor.

import { readFileSync } from 'node:fs'
import { prepareKernelRun } from '@weir/engine/testing'
import { loadCase } from './cases.ts'

const [casePath, inputPath] = process.argv.slice(2) as [string, string]
const { rules } = loadCase(casePath)
const input = readFileSync(inputPath)
const run = await prepareKernelRun(rules, input, { kernel: 'native' })
run.evaluate()

process.on('message', ({ runMs }: { runMs: number }) => {
  const started = performance.now()
  let bytes = 0
  do {
    run.evaluate()
    bytes += input.length
  } while (performance.now() - started < runMs)
  process.send?.({ bytesPerSecond: bytes / ((performance.now() - started) / 1000) })
})
process.on('disconnect', () => process.exit())
process.send?.({ bytesPerSecond: 0 })

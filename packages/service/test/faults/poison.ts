// Makes the native kernel fail on records that say so, in whatever thread or process loads it: a preload for Node's
// `--import`, which workers and child processes inherit by NODE_OPTIONS. Only tests use it.
//
//   "poison":"exit"    the thread ends
//   "poison":"abort"   the process ends, as when memory is found damaged
//   "poison":"crash"   the process ends, as when memory is read that is none
//   "poison":"kill"    the process ends, as when the system lacks memory
//   "poison":"hang"    the call never returns
//   "poison":"memory"  the thread fills its heap, and ends by that
//   "poison":"throw"   the kernel reports a fault
//
// With a member `"once":"FILE"` behind it only the first time: then the file is there.

import { closeSync, openSync } from 'node:fs'

interface Addon {
  evaluate(evaluator: object, slab: Uint8Array): void
}

/** The layout of slabs, from the engine that is tested. */
const { slabWord } = (await import(new URL('../../../engine/dist/batch/batch.js', import.meta.url).href)) as {
  slabWord: Readonly<Record<'start' | 'end' | 'inputAt', number>>
}

const open = process.dlopen.bind(process)
process.dlopen = (module: object, ...rest: [string]) => {
  open(module, ...rest)
  const loaded = module as { exports: Partial<Addon> }
  const { evaluate } = loaded.exports
  if (evaluate === undefined) return
  loaded.exports = {
    ...loaded.exports,
    evaluate: (evaluator, slab) => {
      misbehave(slab)
      evaluate(evaluator, slab)
    },
  }
}

function misbehave(slab: Uint8Array): void {
  const words = new Uint32Array(slab.buffer, slab.byteOffset, 64)
  const inputAt = slab.byteOffset + words[slabWord.inputAt]!
  const start = inputAt + words[slabWord.start]!
  const input = Buffer.from(slab.buffer, start, words[slabWord.end]! - words[slabWord.start]!)
  const at = input.indexOf('"poison":"')
  if (at < 0) return
  const how = input.subarray(at + 10, at + 14).toString()
  const once = /^\w+","once":"([^"]+)"/.exec(input.subarray(at + 10, at + 1000).toString())?.[1]
  if (once !== undefined && !isFirst(once)) return
  if (how === 'exit') process.exit(9)
  if (how === 'abor') endProcess('SIGABRT')
  if (how === 'cras') endProcess('SIGSEGV')
  if (how === 'kill') endProcess('SIGKILL')
  if (how === 'hang') waitForEver()
  if (how === 'memo') fillHeap()
  if (how === 'thro') throw new Error('out of memory, on purpose')
}

/** `process.abort()` is refused in worker threads. */
function endProcess(signal: NodeJS.Signals): never {
  process.kill(process.pid, signal)
  return waitForEver()
}

function waitForEver(): never {
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

function fillHeap(): never {
  const held: number[][] = []
  for (;;) held.push(Array.from({ length: 100_000 }, (_, index) => index + 0.5))
}

/** Leaves the file behind; returns whether it was not there. */
function isFirst(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx'))
    return true
  } catch {
    return false
  }
}

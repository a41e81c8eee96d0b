// Engines for tests: a small rule set, inputs, and engines whose workers fail on command.

import type { EngineInternals } from '#src/engine.js'
import { Engine } from '#src/engine.js'
import type { EngineOptions } from '#src/options.js'
import type { RuleSet } from '#src/rules/rule-set.js'
import type { FailingWorkerData } from './pool/failing-worker.js'
import { action, controlWord, controlWords } from './pool/failing-worker.js'

/** Keeps `k` 1, routes `k` 2 to `side`, drops the rest. */
export const smallRules: RuleSet = {
  version: 1,
  default: 'drop',
  rules: [
    { id: 'one', when: { field: 'k', equals: '1' }, then: 'keep' },
    { id: 'two', when: { field: 'k', equals: '2' }, then: { route: 'side' } },
  ],
}

/** Like `smallRules`, but what was kept is dropped and what was dropped is kept. */
export const otherRules: RuleSet = {
  version: 1,
  default: 'keep',
  rules: [
    { id: 'one', when: { field: 'k', equals: '1' }, then: 'drop' },
    { id: 'two', when: { field: 'k', equals: '2' }, then: { route: 'side' } },
  ],
}

/** Returns `count` records, `k` being 0, 1, 2 in turn. */
export function records(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, i) => `{"k":${i % 3},"n":${i}}\n`).join(''))
}

/** Returns the records that `smallRules` keeps, of those that `records` returns. */
export function keptRecords(count: number): string {
  return records(count)
    .toString()
    .replace(/\{"k":[02],.*\n/g, '')
}

/** An engine whose workers do as they are told. */
export interface FailingEngine {
  readonly engine: Engine
  readonly control: Int32Array
  /** The next `times` tasks that it applies to fail. */
  fail(how: keyof typeof action, times: number): void
  /** Lets blocked workers go on. */
  free(): void
}

/** Returns an engine of failing workers; deadlines are short. */
export async function failingEngine(
  options: Partial<EngineOptions> = {},
  internals: EngineInternals = {},
  data: Omit<FailingWorkerData, 'control'> = {},
): Promise<FailingEngine> {
  const control = new Int32Array(new SharedArrayBuffer(4 * controlWords))
  const engine = await Engine.create(
    { rules: smallRules, threads: 2, batchBytes: 4096, ...options },
    {
      worker: { url: new URL('./pool/failing-worker.js', import.meta.url), data: { ...data, control: control.buffer } },
      ...internals,
    },
  )
  return {
    engine,
    control,
    fail: (how, times) => {
      Atomics.store(control, controlWord.times, times)
      Atomics.store(control, controlWord.action, action[how])
    },
    free: () => {
      Atomics.store(control, controlWord.action, action.none)
      Atomics.store(control, controlWord.gate, 1)
      Atomics.notify(control, controlWord.gate)
    },
  }
}

/** Longer than all timers but deadlines that are held. */
export const heldDeadlineMs = 100_000

/** Deadlines of the pool, from `heldDeadlineMs` on, which pass when the test says so: however long a healthy worker takes. */
export interface HeldDeadlines {
  /** Of the tasks that are not answered, in milliseconds. */
  pending(): number[]
  /** Lets the shortest pass as soon as so many workers have blocked, and so many tasks are not answered. */
  pass(failing: FailingEngine, blocked: number, tasks?: number): Promise<void>
  /** Has timers run by themselves again. */
  restore(): void
}

/** Holds the deadlines that are set from now on. */
export function holdDeadlines(): HeldDeadlines {
  const { setTimeout: set, clearTimeout: clear } = globalThis
  const held = new Map<unknown, { readonly ms: number; readonly run: () => void }>()
  const hold = (run: () => void, ms = 0): unknown => {
    if (ms < heldDeadlineMs) return set(run, ms)
    const timer = {}
    held.set(timer, { ms, run })
    return timer
  }
  globalThis.setTimeout = hold as typeof setTimeout
  globalThis.clearTimeout = (timer) => void (held.delete(timer) || clear(timer))
  return {
    pending: () => Array.from(held.values(), ({ ms }) => ms),
    pass: async ({ control }, blocked, tasks = 1) => {
      await until(() => Atomics.load(control, controlWord.blocked) === blocked && held.size === tasks)
      const [timer, { run }] = [...held].sort(([, a], [, b]) => a.ms - b.ms)[0]!
      held.delete(timer)
      run()
    },
    restore: () => void Object.assign(globalThis, { setTimeout: set, clearTimeout: clear }),
  }
}

/** Returns all chunks as one text. */
export async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts).toString()
}

/** Resolves when `condition` holds, looking once per turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

/** Returns a seeded source of integers from 0 up to, but not including, `below` (mulberry32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000) * below)
  }
}

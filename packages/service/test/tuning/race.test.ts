// The race over made-up machines: what is measured, what is dropped when, and what the choice comes to.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Random } from '#src/generators/random.js'
import { choose, figuresOf } from '#src/tuning/choice.js'
import type { Point } from '#src/tuning/points.js'
import { race } from '#src/tuning/race.js'
import type { Observation, RaceOptions } from '#src/tuning/race.js'

const mib = 1 << 20
const points: readonly Point[] = [1, 2].flatMap((threads) =>
  [1, 2, 4, 8].map((size): Point => ({ threads, batchBytes: size * mib, validation: 'kept' })),
)

/** A machine on which two threads are worth 1.6, and large batches cost a little. */
const trueSpeed = ({ threads, batchBytes }: Point): number =>
  1e9 * (threads === 2 ? 1.6 : 1) * (1 - 0.04 * Math.log2(batchBytes / mib))
/** Latency grows with the batch and with the threads that share the machine. */
const trueLatency = ({ threads, batchBytes }: Point): number => (threads * batchBytes) / mib

/** A normally distributed number: the sum of twelve uniform ones. */
function normal(random: Random): number {
  let sum = -6
  for (let i = 0; i < 12; i++) sum += random.below(65_536) / 65_536
  return sum
}

interface Machine {
  readonly seed: number
  /** Deviation of single measurements, as a share. */
  readonly noise: number
  /** Deviation of whole rounds: what neighbours do for a minute. */
  readonly drift: number
}

async function run(machine: Machine, options: Partial<RaceOptions> = {}) {
  const random = new Random(machine.seed)
  const drifts = Array.from({ length: 30 }, () => Math.exp(machine.drift * normal(random)))
  let measurements = 0
  const outcome = await race({
    points,
    random: (end) => random.below(end),
    hasTime: () => true,
    measure: async (point, round): Promise<Observation> => {
      measurements++
      const luck = drifts[round]! * Math.exp(machine.noise * normal(random))
      return { bytesPerSecond: trueSpeed(point) * luck, p99Ms: trueLatency(point) / luck }
    },
    ...options,
  })
  return { ...outcome, measurements }
}

test('what is far behind is dropped early, and the answer is clear after few rounds', async () => {
  const { runners, ending, rounds, measurements } = await run({ seed: 1, noise: 0.01, drift: 0.3 })
  assert.equal(ending, 'clear')
  assert.ok(rounds <= 4, `${rounds} rounds`)
  assert.ok(measurements < points.length * rounds)
  const out = runners.filter(({ out: why }) => why !== undefined).map(({ point }) => point.threads)
  assert.ok(out.includes(1))
  assert.deepEqual(choose(runners)?.point, points[4])
})

test('a setting with less than 0.6 of the leader twice is out after two rounds', async () => {
  const slow: Point = { threads: 1, batchBytes: 64 * mib, validation: 'kept' }
  const { runners } = await race({
    points: [points[0]!, slow],
    random: () => 0,
    hasTime: () => true,
    measure: async (point) => ({ bytesPerSecond: point === slow ? 50 : 100, p99Ms: 1 }),
  })
  assert.deepEqual(runners[1]?.out, { reason: 'slower', round: 2 })
})

test('a race that all its rounds did not decide names those that may be faster, and one that is clear names none', async () => {
  const undecided = await run({ seed: 1, noise: 0.5, drift: 0 })
  assert.equal(undecided.ending, 'rounds')
  const { rivals, point } = choose(undecided.runners)!
  const left = undecided.runners.filter(({ out }) => out === undefined).map((each) => each.point)
  assert.ok(rivals.length > 0 && rivals.every((each) => each !== point && left.includes(each)))
  const clear = await run({ seed: 1, noise: 0.01, drift: 0.3 })
  assert.deepEqual([clear.ending, choose(clear.runners)?.rivals], ['clear', []])
})

test('the drift of the machine from round to round does not keep the answer from being clear', async () => {
  const { ending } = await run({ seed: 5, noise: 0.005, drift: 0.5 })
  assert.equal(ending, 'clear')
})

test('on noisy machines the recommended setting is worth 0.93 of the best in 97 of 100 races, and mostly as good', async () => {
  let good = 0
  let close = 0
  const seeds = 200
  for (let seed = 0; seed < seeds; seed++) {
    const { runners } = await run({ seed, noise: 0.08, drift: 0.3 })
    const share = trueSpeed(choose(runners)!.point) / trueSpeed(points[4]!)
    if (share >= 0.93) good++
    if (share >= 0.95) close++
  }
  assert.ok(good >= 0.97 * seeds, `${good} of ${seeds}`)
  assert.ok(close >= 0.8 * seeds, `${close} of ${seeds}`)
})

test('an exhaustive race measures everything in every round, and drops nothing', async () => {
  const { runners, rounds, ending } = await run({ seed: 2, noise: 0.01, drift: 0 }, { isExhaustive: true })
  assert.equal(ending, 'rounds')
  assert.equal(rounds, 6)
  for (const { speeds, out } of runners) {
    assert.equal(speeds.size, 6)
    assert.equal(out, undefined)
  }
})

test('the choice of a race overlaps the best of an exhaustive one', async () => {
  for (let seed = 0; seed < 50; seed++) {
    const machine = { seed, noise: 0.05, drift: 0.2 }
    const chosen = choose((await run(machine)).runners)!
    const all = await run({ ...machine, seed: seed + 1000 }, { isExhaustive: true })
    const best = choose(all.runners)!.speed
    const again = figuresOf(all.runners.find(({ point }) => point === chosen.point)!).speed
    assert.ok(again.high >= best.low && best.high >= again.low, `seed ${seed}`)
  }
})

test('when the time is over no other round begins, and the first one is always completed', async () => {
  const { rounds, ending, measurements } = await run({ seed: 3, noise: 0.3, drift: 0 }, { hasTime: () => false })
  assert.deepEqual([rounds, ending, measurements], [1, 'time', points.length])
})

test('an interruption ends it with what was measured', async () => {
  let left = 11
  const { runners, rounds, ending } = await run(
    { seed: 3, noise: 0.3, drift: 0 },
    { measure: async () => (left-- > 0 ? { bytesPerSecond: 1e9, p99Ms: 1 } : undefined) },
  )
  assert.deepEqual([rounds, ending], [1, 'interrupted'])
  assert.equal(
    runners.reduce((sum, { speeds }) => sum + speeds.size, 0),
    11,
  )
  assert.ok(choose(runners) !== undefined)
})

test('with a target the fastest within it is recommended, and what is too late is dropped for that', async () => {
  const { runners } = await run({ seed: 4, noise: 0.01, drift: 0 }, { targetLatencyMs: 1.5 })
  const choice = choose(runners, 1.5)
  assert.deepEqual(choice?.point, points[0])
  assert.equal(choice?.meetsTarget, true)
  assert.ok(runners.some(({ out }) => out?.reason === 'late'))
})

test('where nothing meets the target the nearest is named as that', async () => {
  const { runners, ending } = await run({ seed: 4, noise: 0.01, drift: 0 }, { targetLatencyMs: 0.1 })
  assert.equal(ending, 'clear')
  const choice = choose(runners, 0.1)
  assert.equal(choice?.meetsTarget, false)
  assert.deepEqual(choice?.point, points[0])
})

test('of settings that are equally fast the one with the least memory is recommended, the others named', async () => {
  const { runners } = await race({
    points,
    random: (end) => end - 1,
    hasTime: () => true,
    measure: async (point, round) => ({
      bytesPerSecond: 1e9 * (1 + 0.001 * ((round + point.threads + point.batchBytes / mib) % 3)),
      p99Ms: 1,
    }),
  })
  const choice = choose(runners)
  assert.deepEqual(choice?.point, points[0])
  assert.equal(choice?.ties.length, points.length - 1)
})

test('a choice says what the next best, fewer threads and a sooner answer would cost', async () => {
  const { runners } = await run({ seed: 1, noise: 0.01, drift: 0.1 }, { isExhaustive: true })
  const { point, alternatives } = choose(runners)!
  assert.deepEqual(point, points[4])
  const byKind = new Map(alternatives.map((each) => [each.kind, each]))
  assert.deepEqual(byKind.get('next')?.point, points[5])
  assert.deepEqual(byKind.get('fewer-threads')?.point, points[0])
  const { low, high } = byKind.get('fewer-threads')!.speedRatio
  assert.ok(low <= 1 / 1.6 && 1 / 1.6 <= high, `${low} to ${high}`)
})

test('nothing measured is no choice', () => {
  assert.equal(choose([]), undefined)
})

test('modes race apart: one that is always faster drops none of the others, and the first one is recommended', async () => {
  const modes = (['full', 'read'] as const).flatMap((validation) => points.map((point) => ({ ...point, validation })))
  const random = new Random(1)
  const { runners } = await race({
    points: modes,
    random: (end) => random.below(end),
    hasTime: () => true,
    measure: async (point) => ({
      bytesPerSecond: trueSpeed(point) * (point.validation === 'read' ? 3 : 1) * (1 + random.below(10) / 1000),
      p99Ms: 1,
    }),
  })
  const choice = choose(runners)!
  assert.deepEqual(choice.point, { ...points[4], validation: 'full' })
  const other = choice.alternatives.find(({ kind }) => kind === 'other-mode')!
  assert.deepEqual(other.point, { ...points[4], validation: 'read' })
  assert.ok(Math.abs(other.speedRatio.middle - 3) < 0.05)
})

test('what was dropped is not recommended for the few rounds in which it was faster than those that went on', () => {
  const byRound = (...speeds: readonly number[]) => new Map(speeds.map((speed, i) => [i + 1, speed]))
  const latencies = byRound(1)
  const runners = [
    { point: points[0]!, speeds: byRound(100, 100, 100, 50, 50, 50), latencies },
    { point: points[1]!, speeds: byRound(80, 80, 80, 90, 90, 90), latencies },
    { point: points[2]!, speeds: byRound(90, 90, 90), latencies, out: { reason: 'slower', round: 3 } as const },
  ]
  const { point, ties } = choose(runners)!
  assert.ok([point, ...ties].includes(points[1]!) && ![point, ...ties].includes(points[2]!))
})

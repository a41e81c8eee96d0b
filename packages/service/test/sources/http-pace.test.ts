// When a source is behind: by what became safe before, and by how long bodies have waited. Some of it by letting bodies
// come to a made-up sink, in made-up time.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Pace } from '#src/sources/http-pace.js'

const deadlineMs = 20_000

test('nothing is refused while the oldest body has waited a second at most', () => {
  const pace = new Pace(deadlineMs)
  pace.safe(1, 0, 10_000)
  const held = () => 1e9
  assert.equal(pace.isBehind(held, 20_000, 21_000), false)
  assert.equal(pace.isBehind(held, 20_000, 21_001), true)
})

test('before anything became safe, half of the time for an answer is waited for it', () => {
  const pace = new Pace(deadlineMs)
  assert.equal(
    pace.isBehind(() => 1, 0, 10_000),
    false,
  )
  assert.equal(
    pace.isBehind(() => 1, 0, 10_001),
    true,
  )
})

test('what is held may take half of the time for an answer, at the pace of late', () => {
  const pace = new Pace(deadlineMs)
  pace.safe(1_000, 0, 1_000)
  assert.equal(
    pace.isBehind(() => 10_000, 1_000, 3_000),
    false,
  )
  assert.equal(
    pace.isBehind(() => 10_001, 1_000, 3_000),
    true,
  )
})

test('time in which nothing was held does not count against the pace, and new measures soon outweigh old ones', () => {
  const pace = new Pace(deadlineMs)
  pace.safe(1_000, 0, 1_000)
  pace.safe(1_000, 100_000, 101_000)
  assert.equal(
    pace.isBehind(() => 10_000, 101_000, 102_001),
    false,
  )
  for (let at = 200_000; at < 220_000; at += 1_000) pace.safe(100, at, at + 1_000)
  assert.equal(
    pace.isBehind(() => 1_100, 220_000, 221_001),
    true,
  )
  assert.equal(
    pace.isBehind(() => 900, 220_000, 221_001),
    false,
  )
})

const stepMs = 10
const bodyBytes = 10_000

interface Came {
  /** In milliseconds, from the first. */
  readonly waits: number[]
  readonly refused: number
  /** Bytes that became safe, for each second until the last body came. */
  readonly bytesPerSecond: number
}

/**
 * Lets bodies come, `rate` bytes a second at a time, to a sink that makes everything safe at once that came before: it
 * takes `commitMs` of bytes and time. What is refused does not come again.
 */
function letCome(seconds: number, rate: (ms: number) => number, commitMs: (bytes: number, ms: number) => number): Came {
  const pace = new Pace(deadlineMs)
  let [waiting, flushing]: number[][] = [[], []]
  let [flushedAt, due, refused, safeBytes] = [0, 0, 0, 0]
  const waits: number[] = []
  for (let now = 0; now < 1000 * seconds || flushing!.length > 0; now += stepMs) {
    if (flushing!.length > 0 && now >= flushedAt) {
      pace.safe(flushing!.length * bodyBytes, flushing![0]!, now)
      waits.push(...flushing!.map((cameAt) => now - cameAt))
      if (now < 1000 * seconds) safeBytes += flushing!.length * bodyBytes
      flushing = []
    }
    due += now < 1000 * seconds ? (rate(now) * stepMs) / 1000 : 0
    for (; due >= bodyBytes; due -= bodyBytes) {
      const oldest = flushing![0] ?? waiting![0]
      const held = () => (flushing!.length + waiting!.length) * bodyBytes
      if (oldest !== undefined && pace.isBehind(held, oldest, now)) refused++
      else waiting!.push(now)
    }
    if (flushing!.length > 0 || waiting!.length === 0) continue
    ;[flushing, waiting] = [waiting, []]
    flushedAt = now + commitMs(flushing!.length * bodyBytes, now)
  }
  return { waits: waits.sort((a, b) => a - b), refused, bytesPerSecond: safeBytes / seconds }
}

const share = (sorted: readonly number[], part: number) => sorted[Math.floor(part * (sorted.length - 1))]!
/** A disk of 10 MB/s, which takes 5 ms for a sync. */
const disk = (bytes: number) => 5 + bytes / 10_000
const capacity = 10_000_000

test('at three times what a disk takes, most bodies that are taken are answered within a second, and it is kept busy', () => {
  const { waits, refused, bytesPerSecond } = letCome(300, () => 3 * capacity, disk)
  assert.ok(bytesPerSecond > 0.95 * capacity, String(bytesPerSecond))
  assert.ok(share(waits, 0.95) <= 1000, String(share(waits, 0.95)))
  assert.ok(waits.at(-1)! < deadlineMs)
  assert.ok(refused > 0)
})

test('slightly more than a disk takes is no reason to refuse more than that', () => {
  const { waits, bytesPerSecond } = letCome(300, () => 1.1 * capacity, disk)
  assert.ok(bytesPerSecond > 0.95 * capacity, String(bytesPerSecond))
  assert.ok(share(waits, 0.95) <= 1200, String(share(waits, 0.95)))
})

test('bursts pass without a refusal, also one after the other', () => {
  const burst = (ms: number) => (ms % 30_000 < 3_000 ? 3 * capacity : 0.2 * capacity)
  const { waits, refused } = letCome(120, burst, disk)
  assert.equal(refused, 0)
  assert.ok(waits.at(-1)! < deadlineMs)
})

test('what a disk takes is not refused, nor when it stalls for two seconds', () => {
  assert.equal(letCome(60, () => 0.9 * capacity, disk).refused, 0)
  const stalling = (bytes: number, ms: number) => disk(bytes) + (ms > 20_000 && ms < 20_500 ? 2000 : 0)
  assert.equal(letCome(60, () => 0.4 * capacity, stalling).refused, 0)
})

test('a sink that takes long for every flush, however much is in it, gets its work all the same', () => {
  for (const flushMs of [300, 700, 1500]) {
    const { refused, bytesPerSecond } = letCome(
      120,
      () => capacity,
      () => flushMs,
    )
    assert.ok(bytesPerSecond > 0.9 * capacity, `${flushMs} ms: ${bytesPerSecond}, ${refused} refused`)
  }
})

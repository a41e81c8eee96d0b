// What the calling thread takes of files before threads run: turns that fit the pace, and an end to them.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { limits } from '#src/limits.js'
import { OwnShare } from '#src/pool/own-share.js'

/** Takes so many turns at a pace. */
function take(share: OwnShare, turns: number, bytesPerMs: number): void {
  for (let i = 0; i < turns; i++) share.took(share.turnBytes, (share.turnBytes / bytesPerMs) * 1e6)
}

describe('turns', () => {
  test('take some milliseconds at any pace, and calls of the kernel less', () => {
    for (const bytesPerMs of [10_000, 100_000, 1_000_000, 5_000_000]) {
      const share = new OwnShare(1)
      take(share, 6, bytesPerMs)
      assert.ok(Math.abs(share.turnBytes - Math.max(limits.inlineBytes, 4 * bytesPerMs)) <= 1, String(bytesPerMs))
      const callMs = share.callBytes / bytesPerMs
      assert.ok(callMs <= 1 || share.callBytes === limits.inlineBytes, String(bytesPerMs))
    }
  })

  test('begin small, and grow step by step', () => {
    const share = new OwnShare(1)
    const first = share.turnBytes
    assert.equal(share.callBytes, limits.inlineBytes)
    take(share, 1, 1e7)
    assert.ok(share.turnBytes > first && share.turnBytes < 16 * first)
  })

  test('the short end of a span says nothing of the pace', () => {
    const share = new OwnShare(1)
    take(share, 6, 1_000_000)
    const turn = share.turnBytes
    share.took(100, 1e6)
    assert.equal(share.turnBytes, turn)
  })
})

describe('threads', () => {
  test('are not worth their start for a file that is done sooner', () => {
    const share = new OwnShare(4)
    share.expect(50e6)
    for (let done = 0; done < 50e6; done += share.turnBytes) {
      assert.equal(share.isThreadsTurn, false)
      take(share, 1, 1_000_000)
    }
  })

  test('are for a file that takes long, as soon as the pace is known', () => {
    const share = new OwnShare(4)
    share.expect(1e9)
    take(share, 4, 1_000_000)
    assert.equal(share.isThreadsTurn, false, 'the first turns are slower than what follows')
    take(share, 4, 1_000_000)
    assert.equal(share.isThreadsTurn, true)
    assert.equal(share.isUsedUp, false, 'the calling thread goes on while they start')
  })

  test('are not kept away by a range behind the end of a file', () => {
    const share = new OwnShare(4)
    share.expect(-1e9)
    share.expect(1e9)
    take(share, 8, 1_000_000)
    assert.equal(share.isThreadsTurn, true)
  })

  test('spare less the fewer they are, and one alone nothing', () => {
    const isWorthIt = (threads: number, bytes: number): boolean => {
      const share = new OwnShare(threads)
      share.expect(bytes)
      take(share, 9, 1_000_000)
      return share.isThreadsTurn
    }
    assert.deepEqual(
      [1, 2, 8].map((threads) => isWorthIt(threads, 120e6)),
      [false, false, true],
    )
    assert.deepEqual(
      [1, 2, 8].map((threads) => isWorthIt(threads, 180e6)),
      [false, true, true],
    )
    assert.deepEqual(
      [1, 2, 8].map((threads) => isWorthIt(threads, 300e6)),
      [true, true, true],
      'for too long',
    )
  })

  test('get what is left when the time is over, whatever was expected', () => {
    const share = new OwnShare(1)
    share.took(0, limits.ownThreadMs * 1e6 - 1)
    assert.equal(share.isUsedUp, false)
    share.took(0, 1)
    assert.equal(share.isUsedUp, true)
    assert.equal(share.isThreadsTurn, true)
  })
})

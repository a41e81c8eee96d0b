// Chains of objects, against a set of all offsets.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { Chain } from '#src/archive/chain.js'
import type { Link } from '#src/archive/chain.js'

const link = (from: number, first: number, last: number): Link => {
  return {
    key: `${first}-${last}`,
    hour: '2026-11-22T10',
    from: BigInt(from),
    first: BigInt(first),
    last: BigInt(last),
  }
}

/** Gaps as pairs of numbers, with the objects beside them. */
const gapsOf = (chain: Chain) =>
  chain.gaps().map(({ from, to, before, behind }) => [Number(from), Number(to), before.key, behind.key])

test('objects that reach each other are a chain, whatever lies between their records', () => {
  const chain = new Chain()
  for (const each of [link(0, 3, 9), link(10, 10, 10), link(11, 15, 20)]) assert.equal(chain.add(each), undefined)
  assert.deepEqual([chain.begin, chain.end, chain.lowest?.key, gapsOf(chain)], [0n, 21n, '3-9', []])
  chain.add(link(30, 31, 40))
  chain.add(link(25, 25, 26))
  assert.deepEqual(gapsOf(chain), [
    [21, 25, '15-20', '25-26'],
    [27, 30, '25-26', '31-40'],
  ])
  assert.deepEqual(
    chain.newest.map(({ key }) => key),
    ['31-40', '25-26'],
  )
  assert.deepEqual([new Chain().begin, new Chain().end, new Chain().newest], [undefined, undefined, []])
})

test('objects in any order leave the gaps, and tell the overlaps, that their offsets have', () => {
  const links = fc.array(
    fc
      .tuple(fc.nat(60), fc.nat(3), fc.nat(8))
      .map(([from, ahead, more]) => link(from, from + ahead, from + ahead + more)),
    { minLength: 1, maxLength: 12 },
  )
  fc.assert(
    fc.property(links, (all) => {
      const chain = new Chain()
      const covered = new Set<number>()
      for (const each of all) {
        const offsets = Array.from({ length: Number(each.last - each.from) + 1 }, (_, i) => Number(each.from) + i)
        const overlapped = chain.add(each)
        assert.equal(
          overlapped !== undefined,
          offsets.some((offset) => covered.has(offset)),
          each.key,
        )
        for (const offset of offsets) covered.add(offset)
      }
      const [begin, end] = [Math.min(...covered), Math.max(...covered) + 1]
      assert.deepEqual([Number(chain.begin), Number(chain.end)], [begin, end])
      const missing = Array.from({ length: end - begin }, (_, i) => begin + i).filter((offset) => !covered.has(offset))
      const inGaps = gapsOf(chain).flatMap(([from, to]) =>
        Array.from({ length: Number(to) - Number(from) }, (_, i) => Number(from) + i),
      )
      assert.deepEqual(inGaps, missing)
    }),
  )
})

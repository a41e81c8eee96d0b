// The catalog of an archive: order, how many calls are under way, and what becomes of errors.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { catalog, inOrder } from '#src/archive/catalog.js'
import { MadeArchive, prefix } from './made-archive.js'

async function* counted(to: number, onTake: () => void) {
  for (let n = 0; n < to; n++) {
    onTake()
    yield n
  }
}

test('results come in the order of the items, with only so many under way', async () => {
  let [underWay, most, taken] = [0, 0, 0]
  const gates: (() => void)[] = []
  const work = async (n: number) => {
    most = Math.max(most, ++underWay)
    await new Promise<void>((resolve) => gates.push(resolve))
    underWay--
    return n
  }
  const results: number[] = []
  const done = (async () => {
    for await (const n of inOrder(
      counted(20, () => taken++),
      4,
      work,
    ))
      results.push(n)
  })()
  // The newest first: nothing may come before its turn.
  while (results.length < 20) {
    await new Promise((resolve) => setImmediate(resolve))
    gates.pop()?.()
    assert.ok(taken <= results.length + 5, `${taken} taken, ${results.length} yielded`)
  }
  await done
  assert.deepEqual([results, most], [Array.from({ length: 20 }, (_, n) => n), 4])
})

test('an error comes in its turn, and what is under way is waited for', async () => {
  const results: number[] = []
  const finished: number[] = []
  const work = async (n: number) => {
    await new Promise((resolve) => setImmediate(resolve))
    if (n === 3) throw new Error('three')
    finished.push(n)
    return n
  }
  const all = async () => {
    for await (const n of inOrder(
      counted(20, () => undefined),
      4,
      work,
    ))
      results.push(n)
  }
  await assert.rejects(all(), /^Error: three$/)
  assert.deepEqual(results, [0, 1, 2])
  assert.deepEqual(finished, [0, 1, 2, 4, 5, 6])
})

test('a bucket that is one archive is looked at as a whole, and what lies beside the hours is somebody else’s', async () => {
  const archive = new MadeArchive()
  await archive.fill(2)
  const { objects } = archive.store
  for (const [key, object] of [...objects]) {
    objects.delete(key)
    objects.set(key.slice(prefix.length + 1), object)
  }
  objects.set('readme', { bytes: Buffer.alloc(0), metadata: {}, contentType: '', modifiedMs: 0 })
  const kinds: string[] = []
  for await (const entry of catalog(archive.store, { prefix: '' })) kinds.push(entry.kind)
  assert.deepEqual(kinds, ['archived', 'archived'])
})

test('what is deleted between the list and the look is left out', async () => {
  const archive = new MadeArchive()
  await archive.fill(3)
  const [, second] = archive.store.keys
  archive.store.fateOf = (call, key) => {
    if (call === 'head' && key === second) archive.store.objects.delete(second)
    return 'done'
  }
  const keys: string[] = []
  for await (const { key } of catalog(archive.store, { prefix })) keys.push(key)
  assert.deepEqual(keys, archive.store.keys)
  assert.equal(keys.length, 2)
})

// A disk that is full: nothing is acknowledged early, and the sink goes on when there is room.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { isLack } from '#src/errors.js'
import type { ConnectorError } from '#src/errors.js'
import { names } from '../running.js'
import { fill, smallDisk } from '../small-disk.js'
import { contentOf, openFolder } from './folders.js'

for (const compression of ['none', 'gzip'] as const) {
  test(`${compression}: a full disk is an error that may pass, and when there is room it goes on where it was`, async (t) => {
    const disk = await smallDisk(t)
    if ('skip' in disk) return t.skip(disk.skip)
    const directory = path.join(disk.at, 'out')
    const ballast = path.join(disk.at, 'ballast')
    let sink = await openFolder(directory, { compression, maxFileBytes: 100_000 })
    await writeFile(ballast, Buffer.alloc(300_000))
    const lines = Array.from({ length: 200 }, () => Buffer.from(randomBytes(9_000).toString('base64') + '\n'))
    const acknowledged: Buffer[] = []
    let refusals = 0
    while (acknowledged.length < 100) {
      const line = lines[acknowledged.length] as Buffer
      try {
        await sink.write([line])
        await sink.flush()
        acknowledged.push(line)
      } catch (error) {
        const { code, retryable, details } = error as { code: string; retryable: boolean; details: { system: string } }
        assert.deepEqual({ code, retryable, system: details.system }, { code: 'ERR_CONNECTOR_WRITE', retryable: true, system: 'ENOSPC' }) // prettier-ignore
        await sink.discard()
        refusals++
        assert.ok((await contentOf(directory)).equals(Buffer.concat(acknowledged)))
        // While it is full, opening fails in the same way, or succeeds and changes nothing.
        sink = await openFolder(directory, { compression, maxFileBytes: 100_000 }).catch(async (failed: unknown) => {
          assert.equal((failed as { retryable: boolean }).retryable, true)
          await rm(ballast, { force: true })
          return openFolder(directory, { compression, maxFileBytes: 100_000 })
        })
        await rm(ballast, { force: true })
        if (refusals > 1) break
      }
    }
    assert.ok(refusals > 0 && acknowledged.length > 40, `${refusals} refusals, ${acknowledged.length} acknowledged`)
    await sink.discard()
    assert.ok((await contentOf(directory)).equals(Buffer.concat(acknowledged)))
  })
}

test('a folder on a full disk is there, and what is said does not speak of creating it; nothing is left half-made', async (t) => {
  const disk = await smallDisk(t)
  if ('skip' in disk) return t.skip(disk.skip)
  const directory = path.join(disk.at, 'out')
  const before = await openFolder(directory)
  await before.write([Buffer.from('{"n":1}\n')])
  await before.finish()
  const there = await names(directory)
  const ballast = path.join(disk.at, 'ballast')
  await fill(ballast)
  await assert.rejects(openFolder(directory), (error: ConnectorError) => {
    assert.deepEqual([error.code, error.retryable, isLack(error)], ['ERR_CONNECTOR_CREATE', true, true])
    assert.equal(error.message, `Cannot write to ${directory}: no space left on device (ENOSPC).`)
    return true
  })
  assert.deepEqual(await names(directory), there)
  await rm(ballast)
  await (await openFolder(directory)).discard()
  assert.equal((await contentOf(directory)).toString(), '{"n":1}\n')
})

// What objects take together: memory first, then the folder, then none has room and the largest ends.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { buildObject } from '#src/objects/object-builder.js'
import type { BuildOptions, ObjectBuilder } from '#src/objects/object-builder.js'
import { objectFormat } from '#src/objects/object-format.js'
import { openSpool } from '#src/objects/spool.js'
import type { Spool, SpoolOptions } from '#src/objects/spool.js'
import { HeldTime } from '../held-time.js'
import { folder, names } from '../running.js'
import { fill, smallDisk } from '../small-disk.js'

const mebi = 1 << 20
const format = objectFormat('none', 4)
const bytesOf = (length: number) => randomBytes(length).fill('\n', length - 1)

interface Opened {
  readonly spool: Spool
  readonly time: HeldTime
  begin(options?: Partial<BuildOptions>): ObjectBuilder
  /** Gives everything up, and looks whether anything is left. */
  close(): Promise<void>
}

async function open(t: TestContext, options: SpoolOptions): Promise<Opened> {
  const time = new HeldTime()
  const spool = await openSpool({ steadyClock: time.steadyClock, startTimer: time.startTimer, ...options })
  const builders: ObjectBuilder[] = []
  const close = async () => {
    await Promise.all(builders.map((builder) => builder.release()))
    assert.deepEqual([spool.memoryBytes, spool.diskBytes], [0, 0])
    await spool.close()
    if (options.folder !== undefined) assert.deepEqual(await names(options.folder).catch(() => []), [])
  }
  t.after(close)
  const begin = (more: Partial<BuildOptions> = {}) => {
    const builder = buildObject({ format, spool, ...more })
    builders.push(builder)
    return builder
  }
  return { spool, time, begin, close }
}

/** Whether a promise is settled when everything has happened that does so by itself. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const state = { isSettled: false }
  const note = () => void (state.isSettled = true)
  promise.then(note, note)
  for (let turns = 0; turns < 50 && !state.isSettled; turns++) await turn()
  return state.isSettled
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

/** Adds half a mebibyte. Resolves with what was added. */
async function addTo(builder: ObjectBuilder): Promise<Buffer> {
  const added = bytesOf(mebi / 2)
  await builder.add([added])
  return added
}

/** Adds to an object until it must end. Resolves with all that was added. */
async function fillUp(builder: ObjectBuilder): Promise<Buffer[]> {
  const added: Buffer[] = []
  while (!builder.mustEnd) added.push(await addTo(builder))
  return added
}

async function assertHolds(builder: ObjectBuilder, expected: Uint8Array): Promise<void> {
  const { body } = await builder.finish()
  assert.equal(body.bytes, expected.length)
  for (let times = 0; times < 2; times++) assert.ok((await buffer(body.read())).equals(expected))
}

test('an object grows in memory to 8 MiB, and then in a file that nobody else may read', async (t) => {
  const directory = path.join(await folder(t), 'new', 'spool')
  const { spool, begin } = await open(t, { memoryBytes: 64 * mebi, folder: directory })
  const builder = begin()
  const value = bytesOf(mebi)
  for (let n = 0; n < 8; n++) await builder.add([value])
  await until(() => builder.storedBytes === 8 * mebi)
  assert.deepEqual([spool.memoryBytes, spool.diskBytes], [8 * mebi, 0])
  for (let n = 0; n < 12; n++) await builder.add([value])
  await until(() => spool.diskBytes === 12 * mebi && spool.memoryBytes === 8 * mebi)
  const files = (await names(directory)).filter((name) => name.endsWith('.part'))
  assert.equal(files.length, 1)
  const { size, mode } = await stat(path.join(directory, files[0]!))
  assert.deepEqual([size, mode & 0o777], [12 * mebi, 0o600])
  await assertHolds(builder, Buffer.concat(Array.from({ length: 20 }, () => value)))
  await builder.release()
  assert.deepEqual([spool.memoryBytes, spool.diskBytes, spool.whyFull], [0, 0, undefined])
  assert.deepEqual(
    (await names(directory)).filter((name) => name.endsWith('.part')),
    [],
  )
})

test('where memory is short, objects go to the folder before they are large', async (t) => {
  const { spool, begin } = await open(t, { memoryBytes: 2 * mebi, folder: await folder(t) })
  const builders = Array.from({ length: 4 }, () => begin())
  const value = bytesOf(300_000)
  for (let n = 0; n < 20; n++) await Promise.all(builders.map((builder) => builder.add([value])))
  assert.ok(builders.every(({ mustEnd }) => !mustEnd))
  assert.ok(spool.diskBytes > 18 * mebi, `${spool.diskBytes} bytes on disk`)
  const expected = Buffer.concat(Array.from({ length: 20 }, () => value))
  for (const builder of builders) await assertHolds(builder, expected)
})

test('a folder has one owner, and what a dead one has left is removed, and nothing else', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'weir-spool-7-0123.part'), 'left over')
  await writeFile(path.join(directory, 'notes.part'), 'somebody else’s')
  const spool = await openSpool({ memoryBytes: mebi, folder: directory })
  assert.deepEqual(
    (await names(directory)).filter((name) => name.endsWith('.part')),
    ['notes.part'],
  )
  await assert.rejects(openSpool({ memoryBytes: mebi, folder: directory }), { code: 'ERR_CONNECTOR_LOCKED' })
  await spool.close()
  await (await openSpool({ memoryBytes: mebi, folder: directory })).close()
  const file = path.join(directory, 'notes.part')
  await assert.rejects(openSpool({ memoryBytes: mebi, folder: file }), (error: Error) => {
    assert.match(error.message, /^Cannot open the spool .*notes\.part: not a directory at .*\(ENOTDIR\)\.$/)
    return (error as { code?: string }).code === 'ERR_CONNECTOR_CREATE'
  })
})

test('an object that is alone never waits for room: it is told to end', async (t) => {
  const { spool, begin } = await open(t, { memoryBytes: 2 * mebi })
  let told = 0
  const builder = begin({ onMustEnd: () => told++ })
  const value = bytesOf(mebi)
  let added = 0
  while (!builder.mustEnd) {
    await builder.add([value])
    added++
  }
  assert.ok(added <= 3 && spool.memoryBytes <= 3 * mebi, `${added} values, ${spool.memoryBytes} bytes`)
  // Whoever goes on nevertheless is not held up.
  await builder.add([value])
  assert.equal(told, 1)
  assert.equal(spool.whyFull, undefined)
  await assertHolds(builder, Buffer.concat(Array.from({ length: added + 1 }, () => value)))
  assert.equal(builder.mustEnd, false)
})

test('lines that are still to be compressed are waited for, and no object ends because of them', async (t) => {
  const { spool, begin } = await open(t, { memoryBytes: 4 * mebi })
  const builders = Array.from({ length: 3 }, () => begin({ format: objectFormat('gzip', 1) }))
  const value = Buffer.alloc(3 * mebi, '{"a":1}\n')
  for (let n = 0; n < 4; n++) {
    const adding = Promise.all(builders.map((builder) => builder.add([value])))
    assert.ok(spool.memoryBytes >= 9 * mebi)
    await adding
  }
  assert.ok(builders.every(({ mustEnd }) => !mustEnd))
})

test('the largest object ends, also when nothing is added to it, and the others wait until it is gone', async (t) => {
  const { spool, time, begin } = await open(t, { memoryBytes: 8 * mebi })
  let told = 0
  const largest = begin({ onMustEnd: () => told++ })
  await largest.add([bytesOf(5 * mebi)])
  const others = [begin(), begin()]
  const value = bytesOf(mebi)
  await Promise.all(others.map((builder) => builder.add([value])))
  const adding = Promise.all(others.map((builder) => builder.add([value])))
  await until(() => time.waiting > 0)
  assert.equal(await isSettled(adding), false)
  assert.deepEqual([largest.mustEnd, told, others.some(({ mustEnd }) => mustEnd)], [true, 1, false])
  const { body } = await largest.finish()
  time.forward(2000)
  assert.equal(await isSettled(adding), false)
  assert.equal(spool.whyFull, undefined)
  assert.equal(body.bytes, 5 * mebi)
  await largest.release()
  await adding
  assert.ok(others.every(({ mustEnd }) => !mustEnd))
})

test('where what is finished does not go, the next largest ends after three seconds, and the spool says that it is full', async (t) => {
  const { spool, time, begin } = await open(t, { memoryBytes: 8 * mebi })
  const sizes = [4 * mebi, 3 * mebi, mebi]
  const [first, second, third] = sizes.map(() => begin()) as [ObjectBuilder, ObjectBuilder, ObjectBuilder]
  await first.add([bytesOf(sizes[0]!)])
  await second.add([bytesOf(sizes[1]!)])
  const adding = third.add([bytesOf(sizes[2]!)])
  await until(() => time.waiting > 0)
  assert.equal(await isSettled(adding), false)
  assert.deepEqual([first, second, third].map(({ mustEnd }) => mustEnd), [true, false, false]) // prettier-ignore
  time.forward(2999)
  assert.deepEqual([await isSettled(adding), second.mustEnd, spool.whyFull], [false, false, undefined])
  time.forward(1)
  assert.deepEqual([await isSettled(adding), second.mustEnd], [false, true])
  assert.equal(spool.whyFull, `the memory for objects is full: ${8 * mebi} bytes`)
  time.forward(3000)
  await adding
  assert.equal(third.mustEnd, true)
  assert.equal(spool.whyFull, undefined)
})

test('what a folder may hold is a limit too', async (t) => {
  const directory = await folder(t)
  const { spool, time, begin } = await open(t, { memoryBytes: mebi, folder: directory, maxBytes: 3 * mebi })
  const [builder, other] = [begin(), begin()]
  const value = bytesOf(mebi)
  const added: Buffer[] = []
  while (!builder.mustEnd) {
    await builder.add([value])
    added.push(value)
  }
  assert.ok(
    spool.diskBytes <= 3 * mebi && added.length <= 5,
    `${spool.diskBytes} bytes on disk, ${added.length} values`,
  )
  const waiting = other.add([value])
  await until(() => time.waiting > 0)
  time.forward(2999)
  assert.equal(await isSettled(waiting), false)
  time.forward(1)
  await waiting
  await assertHolds(builder, Buffer.concat(added))
})

test('a full disk counts as a full spool, by its name, and the bytes stay in memory', async (t) => {
  const disk = await smallDisk(t)
  if ('skip' in disk) return t.skip(disk.skip)
  const directory = path.join(disk.at, 'spool')
  const { spool, time, begin, close } = await open(t, {
    memoryBytes: 4 * mebi,
    folder: directory,
    maxBytes: 100 * mebi,
  })
  const ballast = path.join(disk.at, 'ballast')
  await fill(ballast)
  const builder = begin()
  const added = await fillUp(builder)
  assert.ok(spool.memoryBytes >= 4 * mebi && spool.memoryBytes <= 5 * mebi, `${spool.memoryBytes} bytes of memory`)
  assert.equal(spool.diskBytes, 0)
  assert.equal(spool.whyFull, `the spool ${directory} is full: no space left on device (ENOSPC)`)
  await rm(ballast)
  time.forward(1000)
  // The disk takes no more than one mebibyte, and of what waits for it all or nothing.
  const small = begin()
  await small.add([bytesOf(600_000)])
  await until(() => spool.diskBytes > 500_000)
  assert.equal(spool.whyFull, undefined)
  await assertHolds(builder, Buffer.concat(added))
  await close()
})

test('a folder that is gone counts as full, and is looked at again', async (t) => {
  const directory = path.join(await folder(t), 'spool')
  const { spool, time, begin } = await open(t, { memoryBytes: 2 * mebi, folder: directory })
  await rm(directory, { recursive: true })
  const builder = begin()
  const added = await fillUp(builder)
  assert.equal(spool.whyFull, `the spool ${directory} cannot be written: no such file or directory (ENOENT)`)
  time.forward(10_000)
  assert.equal(spool.whyFull, undefined)
  await mkdir(directory)
  added.push(await addTo(builder))
  await until(() => spool.diskBytes > 0)
  await assertHolds(builder, Buffer.concat(added))
})

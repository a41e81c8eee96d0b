// What only files have: gzip and its damage, odd files of the system, paths that cannot be opened.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import zlib, { gzipSync } from 'node:zlib'

import { fileSource } from '#src/sources/file.js'
import { folder, shell } from '../running.js'

interface Drained {
  readonly text: string
  readonly positions: number[]
  readonly kinds: Set<string>
  readonly error?: unknown
}

async function drain(file: string): Promise<Drained> {
  const source = fileSource(file)
  const parts: Buffer[] = []
  const positions: number[] = []
  const kinds = new Set<string>()
  try {
    for await (const value of source.values()) {
      kinds.add(value.kind)
      if (value.kind === 'file') parts.push(await value.handle.readFile())
      else if (value.kind === 'bytes') {
        parts.push(Buffer.from(value.bytes))
        positions.push(value.position)
      }
    }
    return { text: Buffer.concat(parts).toString('latin1'), positions, kinds }
  } catch (error) {
    return { text: Buffer.concat(parts).toString('latin1'), positions, kinds, error }
  } finally {
    await source.close()
  }
}

const text = randomBytes(150_000).toString('base64').replaceAll('A', '\n')

test('a regular file is handed on open, for others to read', async (t) => {
  const file = path.join(await folder(t), 'in')
  await writeFile(file, text)
  const { text: read, kinds } = await drain(file)
  assert.ok(read === text)
  assert.deepEqual(kinds, new Set(['file']))
})

test('gzip is known by its first bytes, whatever the name, and members follow one another', async (t) => {
  const file = path.join(await folder(t), 'in.txt')
  const members = [gzipSync(text), gzipSync(''), gzipSync(text.slice(0, 1000))]
  await writeFile(file, Buffer.concat(members))
  const drained = await drain(file)
  assert.ok(drained.text === text + text.slice(0, 1000))
  // The last bytes came of what stands before the checksum and the length.
  assert.ok(Buffer.concat(members).length - (drained.positions.at(-1) ?? 0) <= 9)
})

test('members may end at any byte of the steps in which they are inflated', async (t) => {
  const directory = await folder(t)
  const member = gzipSync('line\n')
  const file = path.join(directory, 'many.gz')
  await writeFile(file, Buffer.concat(new Array(5000).fill(member) as Buffer[]))
  assert.equal((await drain(file)).text.length, 5000 * 5)
})

test('a gzip file that was cut yields what came before, then the error', async (t) => {
  const file = path.join(await folder(t), 'cut.gz')
  const whole = gzipSync(text)
  await writeFile(file, whole.subarray(0, whole.length - 30_000))
  const { text: read, error } = await drain(file)
  assert.equal((error as { code: string }).code, 'ERR_CONNECTOR_GZIP')
  assert.match(
    (error as Error).message,
    new RegExp(`cut\\.gz ends in the middle of its compressed data, at byte ${whole.length - 30_000}\\.`),
  )
  assert.ok(read.length > text.length / 2 && text.startsWith(read))
})

test('a damaged gzip file yields good bytes before the damage, then the error', async (t) => {
  const file = path.join(await folder(t), 'bad.gz')
  const whole = gzipSync(text, { level: 1 })
  whole.fill(0xff, whole.length - 40_000, whole.length - 39_900)
  await writeFile(file, whole)
  const { text: read, error } = await drain(file)
  assert.equal((error as { code: string }).code, 'ERR_CONNECTOR_GZIP')
  assert.ok(read.length > 0)
})

test('something behind the last gzip member is damage; zeros are padding', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'zeros'), Buffer.concat([gzipSync('a\n'), Buffer.alloc(300_000)]))
  await writeFile(path.join(directory, 'garbage'), Buffer.concat([gzipSync(text), Buffer.from('garbage')]))
  assert.equal((await drain(path.join(directory, 'zeros'))).text, 'a\n')
  const { text: read, error } = await drain(path.join(directory, 'garbage'))
  assert.ok(read === text)
  assert.equal((error as { code: string }).code, 'ERR_CONNECTOR_GZIP')
})

test('a wrong checksum is an error after everything was yielded', async (t) => {
  const file = path.join(await folder(t), 'sum')
  for (const content of ['a\n', text]) {
    const whole = gzipSync(content)
    whole.writeUInt32LE(0x12345678, whole.length - 8)
    await writeFile(file, whole)
    const { text: read, error } = await drain(file)
    assert.ok(read === content)
    assert.match((error as Error).message, /The gzip input .*sum is damaged before byte \d+: incorrect data check/)
  }
})

test('empty and tiny inputs are read as they are', async (t) => {
  const directory = await folder(t)
  for (const content of ['', '\n', '{}', '\x1f\x8b']) {
    await writeFile(path.join(directory, 'tiny'), Buffer.from(content, 'latin1'))
    assert.equal((await drain(path.join(directory, 'tiny'))).text, content)
  }
})

test('a file of the system that says it is empty is read nevertheless', async () => {
  const { text: read, kinds } = await drain('/proc/self/status')
  assert.match(read, /^Name:/)
  assert.deepEqual(kinds, new Set(['bytes']))
})

test('a named pipe is read until its last writer leaves', async (t) => {
  const directory = await folder(t)
  const pipe = path.join(directory, 'pipe')
  await shell('mkfifo pipe', directory)
  const writer = shell('(echo one; echo two) > pipe', directory)
  const { text: read, kinds } = await drain(pipe)
  await writer
  assert.equal(read, 'one\ntwo\n')
  assert.deepEqual(kinds, new Set(['bytes']))
})

test('what cannot be opened is an error that names the input and the reason', async (t) => {
  const directory = await folder(t)
  await mkdir(path.join(directory, 'folder'))
  for (const [name, reason] of [
    ['folder', /Cannot read .*folder: it is a directory \(EISDIR\)/],
    ['missing', /Cannot read .*missing: no such file or directory \(ENOENT\)/],
  ] as const) {
    const { error } = await drain(path.join(directory, name))
    assert.equal((error as { code: string }).code, 'ERR_CONNECTOR_OPEN')
    assert.match((error as Error).message, reason)
  }
})

/** Node's own compressor, which Node 20 and its types do not have. */
const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Uint8Array) => Buffer }

test('zstd is known by its first bytes, and where Node cannot inflate it the error names the cure', async (t) => {
  const file = path.join(await folder(t), 'in.zst')
  await writeFile(file, Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0]))
  const { error } = await drain(file)
  if (zstdCompressSync === undefined) {
    assert.equal((error as { code: string }).code, 'ERR_CONNECTOR_OPEN')
    assert.match(
      (error as Error).message,
      /zstd, which Node 2\d\.\S+ does not know; .*`zstd -dc \S+in\.zst \| weir filter/,
    )
  } else assert.equal((error as { code: string }).code, 'ERR_CONNECTOR_ZSTD')
})

test('frames of zstd follow one another, skippable ones too, and damage is an error', async (t) => {
  if (zstdCompressSync === undefined) return t.skip('this Node has no zstd')
  const directory = await folder(t)
  const frames = [zstdCompressSync(Buffer.from(text)), zstdCompressSync(Buffer.from('end\n'))]
  const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4])
  const whole = Buffer.concat([skippable, ...frames, skippable, ...frames])
  const file = path.join(directory, 'in')
  await writeFile(file, whole)
  assert.ok((await drain(file)).text === `${text}end\n${text}end\n`)
  for (const bytes of [whole.subarray(0, whole.length - 3), Buffer.concat([whole, Buffer.from('garbage')])]) {
    await writeFile(file, bytes)
    const { text: read, error } = await drain(file)
    assert.ok(`${text}end\n${text}end\n`.startsWith(read) && read.length >= text.length)
    assert.equal((error as { code: string }).code, 'ERR_CONNECTOR_ZSTD')
  }
})

test('a pipe is looked at as a file is, and waited for where its first bytes do not tell', async (t) => {
  const directory = await folder(t)
  const pipe = path.join(directory, 'pipe')
  await shell('mkfifo pipe', directory)
  for (const [parts, expected] of [
    ['{ \'"a":\' 1 }', '{"a":1}'],
    ['{ {} 7', '{\n{}\n7\n'],
    [' [ {} , {} ]', '{}\n{}\n'],
  ] as const) {
    const writer = shell(`exec > pipe; for part in ${parts}; do echo "$part"; done`, directory)
    const source = fileSource(pipe, { format: 'auto' })
    const read: Buffer[] = []
    for await (const value of source.values()) if (value.kind === 'bytes') read.push(Buffer.from(value.bytes))
    await writer
    await source.close()
    assert.equal(Buffer.concat(read).toString().trimEnd(), expected.trimEnd())
  }
})

// What only folders have: files that roll, and what is there before and after a flush.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'

import { journalName } from '#src/sinks/directory-journal.js'
import { HeldTime } from '../held-time.js'
import { skipWithout } from '../required.js'
import { folder, names } from '../running.js'
import { diskFault, traceSyncs, withoutTraces } from '../traced-syncs.js'
import { contentOf, dataFiles, journalLines, openFolder } from './folders.js'

const bytes = (text: string) => Buffer.from(text)
const line = (n: number) => bytes(`{"n":${n}}\n`)

test('a file is closed before it would grow beyond its size, and none is empty', async (t) => {
  const directory = await folder(t)
  const sink = await openFolder(directory, { maxFileBytes: 20 })
  for (let n = 0; n < 7; n++) await sink.write([line(n)])
  await sink.write([bytes('x'.repeat(50) + '\n')])
  await sink.write([line(8)])
  await sink.finish()
  const sizes = await Promise.all(
    (await dataFiles(directory)).map(async (f) => (await stat(path.join(directory, f))).size),
  )
  assert.deepEqual(sizes, [16, 16, 16, 8, 51, 8])
  const last = new Map((await journalLines(directory)).map((entry) => [entry['file'], entry]))
  assert.deepEqual([...last.values()].map(({ bytes, state }) => [bytes, state]), sizes.map((size) => [size, 'closed'])) // prettier-ignore
})

test('names say when a file was begun and its number, which goes on over every opening', async (t) => {
  const directory = await folder(t)
  const time = new HeldTime()
  for (let round = 0; round < 3; round++) {
    const sink = await openFolder(directory, {
      ...time,
      prefix: 'cdn.logs',
      compression: round === 1 ? 'gzip' : 'none',
    })
    await sink.write([line(round)])
    await sink.finish()
    time.now += 1000
  }
  assert.deepEqual(await dataFiles(directory), [
    'cdn.logs-20260304T050607Z-000001.ndjson',
    'cdn.logs-20260304T050608Z-000002.ndjson.gz',
    'cdn.logs-20260304T050609Z-000003.ndjson',
  ])
  await assert.rejects(openFolder(directory, { prefix: '../x' }), { code: 'ERR_CONFIG_OPTION' })
})

test('flushes that are asked for at once share one sync, and nothing new is no sync', async (t) => {
  const directory = await folder(t)
  let synced = 0
  const sink = await openFolder(directory, { atStep: (step) => void (step === 'journal synced' && synced++) })
  await sink.write([line(1)])
  synced = 0
  await Promise.all([sink.flush(), sink.flush(), sink.flush(), sink.flush()])
  assert.equal(synced, 1)
  await sink.flush()
  assert.equal(synced, 1)
  await sink.discard()
})

for (const compression of ['none', 'gzip'] as const) {
  test(`${compression}: writes go on while a flush syncs, and belong to the next one`, async (t) => {
    const directory = await folder(t)
    let release: () => void = () => undefined
    let onSyncing: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (release = resolve))
    const syncing = new Promise<void>((resolve) => (onSyncing = resolve))
    const atStep = async (step: string) => {
      if (step !== 'data synced') return
      onSyncing()
      await gate
    }
    const sink = await openFolder(directory, { compression, atStep })
    await sink.write([line(1)])
    const first = sink.flush()
    await syncing
    await sink.write([line(2)])
    const second = sink.flush()
    assert.equal((await journalLines(directory)).length, 1)
    release()
    await first
    await second
    const counted = (await journalLines(directory)).map((entry) => entry['bytes'] as number)
    assert.equal(counted.length, 3)
    assert.ok(counted[0] === 0 && (counted[1] ?? 0) > 0 && (counted[2] ?? 0) > (counted[1] ?? 0), String(counted))
    await sink.discard()
    assert.equal((await contentOf(directory)).toString(), '{"n":1}\n{"n":2}\n')
  })
}

test('discard() takes back what no flush has counted, and a sink that is opened anew goes on there', async (t) => {
  for (const compression of ['none', 'gzip'] as const) {
    const directory = await folder(t)
    const sink = await openFolder(directory, { compression })
    await sink.write([line(1)])
    await sink.flush()
    await sink.write([line(2)])
    await sink.discard()
    await sink.discard()
    for (const late of [sink.write([line(4)]), sink.flush()]) {
      await assert.rejects(late, { code: 'ERR_CONNECTOR_WRITE', message: /it is closed/ })
    }
    assert.equal((await contentOf(directory)).toString(), '{"n":1}\n')
    const again = await openFolder(directory, { compression })
    await again.write([line(3)])
    await again.finish()
    assert.equal((await contentOf(directory)).toString(), '{"n":1}\n{"n":3}\n')
    assert.equal((await dataFiles(directory)).length, 1)
  }
})

test('each flush of gzip ends a member, so that any length of the journal is a whole file', async (t) => {
  const directory = await folder(t)
  const sink = await openFolder(directory, { compression: 'gzip' })
  for (let n = 0; n < 5; n++) {
    await sink.write([line(n)])
    await sink.flush()
  }
  await sink.finish()
  const [name = ''] = await dataFiles(directory)
  const whole = await readFile(path.join(directory, name))
  const lengths = (await journalLines(directory)).filter(({ state }) => state === 'open').map((entry) => entry['bytes'])
  assert.equal(lengths.length, 6)
  for (const [index, length] of lengths.entries()) {
    if (index === 0) continue
    const text = gunzipSync(whole.subarray(0, length as number)).toString()
    assert.equal(text, Array.from({ length: index }, (_, n) => `{"n":${n}}\n`).join(''))
  }
  // RFC 1952: bytes 4 to 7 are the time.
  assert.equal(whole.readUInt32LE(4), 0)
})

test('the journal names the rule sets that judged what it counts, and a file holds records of at most sixteen', async (t) => {
  const directory = await folder(t)
  const sink = await openFolder(directory)
  const versions = Array.from({ length: 20 }, (_, n) => `v${n}`)
  for (const version of versions) {
    await sink.write([line(1)], version)
    await sink.write([line(2)], version)
  }
  await sink.write([line(3)])
  await sink.finish()
  const entries = (await journalLines(directory)).filter(({ bytes }) => bytes !== 0)
  assert.deepEqual(entries.map((entry) => entry['versions']), [versions.slice(0, 16), versions.slice(16)]) // prettier-ignore
})

test('what is in the folder and not of the journal is never touched', async (t) => {
  const directory = await folder(t)
  const sink = await openFolder(directory)
  await sink.write([line(1)])
  await sink.finish()
  const others = [
    'weir-20260304T050607Z-000002.ndjson',
    'weir-20300101T000000Z-000900.ndjson.gz',
    'notes.txt',
    '.weir-x',
  ]
  for (const other of others) await writeFile(path.join(directory, other), 'mine')
  await mkdir(path.join(directory, 'weir-20260304T050607Z-000003.ndjson'))
  const again = await openFolder(directory)
  await again.write([line(2)])
  await again.finish()
  for (const other of others) assert.equal(await readFile(path.join(directory, other), 'utf8'), 'mine')
  assert.ok((await names(directory)).includes('weir-20260304T050607Z-000004.ndjson'))
})

test('closed files may be taken away', async (t) => {
  const directory = await folder(t)
  for (let round = 0; round < 3; round++) {
    const sink = await openFolder(directory)
    await sink.write([line(round)])
    await sink.finish()
    spawnSync('rm', [path.join(directory, (await dataFiles(directory))[0] ?? '')])
  }
  assert.deepEqual(await dataFiles(directory), [])
  assert.equal((await journalLines(directory)).length, 2)
})

test('data is synced first, then the names in the folder, and the journal last', { skip: withoutTraces }, async (t) => {
  const directory = await folder(t)
  const seen = await traceSyncs(t)
  const sink = await openFolder(directory)
  assert.deepEqual(seen.splice(0), ['.weir-journal.new', path.basename(directory)])
  await sink.write([line(1)])
  assert.deepEqual(seen.splice(0), [journalName])
  const [name] = await dataFiles(directory)
  await sink.flush()
  assert.deepEqual(seen.splice(0), [name, path.basename(directory), journalName])
  await sink.write([line(2)])
  await sink.flush()
  assert.deepEqual(seen.splice(0), [name, journalName])
  await sink.discard()
})

test(
  'a sync that fails is never tried again, and what it was for is taken back',
  { skip: withoutTraces },
  async (t) => {
    for (const victim of ['data', 'journal'] as const) {
      const directory = await folder(t)
      let isBroken = false
      const seen = await traceSyncs(t, (name) => {
        if (!isBroken || (victim === 'journal') !== (name === journalName)) return undefined
        return diskFault()
      })
      const sink = await openFolder(directory)
      await sink.write([line(1)])
      await sink.flush()
      await sink.write([line(2)])
      isBroken = true
      seen.length = 0
      const failed = { code: 'ERR_CONNECTOR_WRITE', retryable: false, message: /i\/o error \(EIO\)/ }
      await Promise.all([assert.rejects(sink.flush(), failed), assert.rejects(sink.flush(), failed)])
      await assert.rejects(sink.write([line(3)]), failed)
      await assert.rejects(sink.flush(), failed)
      assert.equal(seen.length, victim === 'data' ? 1 : 2)
      isBroken = false
      await sink.discard()
      const again = await openFolder(directory)
      await again.finish()
      const left = (await contentOf(directory)).toString()
      // Of a journal whose sync failed nobody knows what it says until it is read: then what it says holds.
      assert.equal(left, victim === 'data' ? '{"n":1}\n' : '{"n":1}\n{"n":2}\n')
    }
  },
)

test('Python reads what was written', async (t) => {
  const python = spawnSync('python3', ['--version'])
  const skip = skipWithout('python3', python.status === 0, 'install python3')
  if (skip !== false) return t.skip(skip)
  const directory = await folder(t)
  for (const compression of ['none', 'gzip'] as const) {
    const sink = await openFolder(path.join(directory, compression), { compression, maxFileBytes: 3000 })
    for (let n = 0; n < 2000; n++) {
      await sink.write([line(n)])
      if (n % 100 === 0) await sink.flush()
    }
    await sink.finish()
  }
  const program = `
import gzip, json, os, sys
for folder, opener in (("none", open), ("gzip", gzip.open)):
    seen = []
    names = [name for name in sorted(os.listdir(folder)) if not name.startswith(".")]
    for name in names:
        with opener(os.path.join(folder, name), "rt") as file:
            seen += [json.loads(line)["n"] for line in file]
    assert seen == list(range(2000)), (folder, len(seen))
    journal = [json.loads(line) for line in open(os.path.join(folder, ".weir-journal"))][1:]
    length = {line["file"]: line["bytes"] for line in journal}
    assert length == {name: os.path.getsize(os.path.join(folder, name)) for name in names}
    print(folder, len(names) > 1)
`
  const { stdout, stderr } = spawnSync('python3', ['-c', program], { cwd: directory, encoding: 'utf8' })
  assert.equal(stderr, '')
  assert.equal(stdout, 'none True\ngzip True\n')
})

test('a flush that comes while the folder is given up counts nothing, and the folder opens again', async (t) => {
  const directory = await folder(t)
  const sink = await openFolder(directory)
  await sink.write([line(1)])
  await sink.flush()
  await sink.write([bytes('x'.repeat(1 << 20) + '\n')])
  const discarded = sink.discard()
  await assert.rejects(sink.flush(), { code: 'ERR_CONNECTOR_WRITE' })
  await discarded
  const next = await openFolder(directory)
  await next.finish()
  assert.equal((await contentOf(directory)).toString(), line(1).toString())
})

for (const [what, harm] of [
  ['removed', (file: string) => rm(file)],
  ['moved away', (file: string) => rename(file, `${file}.moved`)],
  ['replaced', (file: string) => writeFile(`${file}.other`, 'other').then(() => rename(`${file}.other`, file))],
] as const) {
  test(`a file that is ${what} while it is open is told, and nothing of it is acknowledged any more`, async (t) => {
    const directory = await folder(t)
    const sink = await openFolder(directory)
    await sink.write([line(1)])
    await sink.flush()
    const [name] = await dataFiles(directory)
    const file = path.join(directory, name!)
    await harm(file)
    await sink.write([line(2)])
    const expected = { code: 'ERR_CONNECTOR_WRITE', retryable: true, message: /somebody removed or replaced it while it was open, with 8 bytes/ } // prettier-ignore
    await assert.rejects(sink.flush(), expected)
    await sink.discard()
    if (what === 'moved away') assert.equal((await readFile(`${file}.moved`)).toString(), line(1).toString())
    if (what === 'replaced') {
      assert.equal((await readFile(file)).toString(), 'other')
      // It has fewer bytes than were acknowledged under its name.
      await assert.rejects(openFolder(directory), { code: 'ERR_CONNECTOR_JOURNAL' })
      return
    }
    const next = await openFolder(directory)
    await next.write([line(3)])
    await next.finish()
    assert.equal((await contentOf(directory)).toString(), line(3).toString())
  })
}

test('a folder that is removed while it is open is told, and made again', async (t) => {
  const directory = path.join(await folder(t), 'out')
  const sink = await openFolder(directory)
  await sink.write([line(1)])
  await sink.flush()
  await rm(directory, { recursive: true })
  await sink.write([line(2)])
  await assert.rejects(sink.flush(), { code: 'ERR_CONNECTOR_WRITE', retryable: true })
  await sink.discard()
  const next = await openFolder(directory)
  await next.write([line(2)])
  await next.finish()
  assert.equal((await contentOf(directory)).toString(), line(2).toString())
})

// What is kept of the bundle between two starts of the command: that it is taken only where it is the user's own, whole and
// of the same text, and that a start never fails for want of it. A bundle of two small files stands in for the real one.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { binary, folder } from './running.js'

const noUsers = process.getuid === undefined ? 'this system has no users by number' : false
const noOthers = process.getuid?.() === 0 ? false : 'only root may give a folder to somebody else'

interface Place {
  readonly bundle: string
  readonly home: string
  /** Where things are kept. */
  readonly kept: string
}

const first = 'const other = require("./b.js"); process.stdout.write(other.word() + require("node:os").EOL)'
const second = 'exports.word = () => "before"'

async function place(t: TestContext): Promise<Place> {
  const root = await folder(t)
  const [bundle, home] = [path.join(root, 'bundle'), path.join(root, 'home')]
  mkdirSync(bundle)
  mkdirSync(home)
  writeFileSync(path.join(bundle, 'a.js'), first)
  writeFileSync(path.join(bundle, 'b.js'), second)
  return { bundle, home, kept: path.join(home, 'weir') }
}

function argumentsFor(bundle: string): string[] {
  const module = JSON.stringify(path.join(path.dirname(binary), 'code-cache.js'))
  return ['-e', `if (!require(${module}).loadKept(${JSON.stringify(bundle)}, 'a', ['a', 'b'])) console.log('not kept')`]
}

function environment(home: string): NodeJS.ProcessEnv {
  const { NODE_DISABLE_COMPILE_CACHE: _, ...others } = process.env
  return { ...others, XDG_CACHE_HOME: home }
}

/** What a process that has run so long keeps nothing of. */
const latestMs = 5_000

/** Runs something again until it has not taken too long for anything to be kept, which is up to the machine. */
async function inTime<T>(run: () => T): Promise<Awaited<T>> {
  for (let attempt = 1; ; attempt++) {
    const began = performance.now()
    const result = await run()
    if (performance.now() - began < latestMs) return result
    assert.ok(attempt < 20, 'no process ends in time here')
  }
}

/** Starts a process that loads the bundle; returns what it says. */
async function start({ bundle, home }: Place, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const env = { ...environment(home), ...more }
  const options = { encoding: 'utf8', env } as const
  const { stdout, stderr, status } = await inTime(() => spawnSync(process.execPath, argumentsFor(bundle), options))
  assert.equal(status, 0, stderr)
  return stdout + stderr
}

/** What is kept, and which file it is: one that was written anew is another. */
function inventory(kept: string): string[] {
  return readdirSync(kept)
    .toSorted()
    .map((name) => `${name} ${statSync(path.join(kept, name)).ino}`)
}

const skip = noUsers

test('what one start has kept the next one takes, and nobody else can read or write it', { skip }, async (t) => {
  const here = await place(t)
  assert.equal(await start(here), 'before\n')
  const made = inventory(here.kept)
  assert.deepEqual(
    made.map((each) => each.split('-')[0]),
    ['a', 'b'],
  )
  assert.equal(lstatSync(here.kept).mode & 0o777, 0o700)
  for (const name of readdirSync(here.kept)) {
    assert.equal(lstatSync(path.join(here.kept, name)).mode & 0o777, 0o600)
  }
  assert.equal(await start(here), 'before\n')
  assert.deepEqual(inventory(here.kept), made)
})

test('another text of the same length is never run by what was kept of the one before', { skip }, async (t) => {
  const here = await place(t)
  assert.equal(await start(here), 'before\n')
  writeFileSync(path.join(here.bundle, 'b.js'), second.replace('before', 'behind'))
  assert.equal(await start(here), 'behind\n')
  assert.equal(inventory(here.kept).length, 3)
  assert.equal(await start(here), 'behind\n')
})

test('what is damaged is not run, and made anew', { skip }, async (t) => {
  const here = await place(t)
  await start(here)
  for (const damage of [
    (bytes: Buffer) => bytes.fill(bytes[bytes.length >> 1]! ^ 0x10, bytes.length >> 1, (bytes.length >> 1) + 1),
    (bytes: Buffer) => bytes.fill(0, 12),
    (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1),
    (bytes: Buffer) => bytes.subarray(0, 12),
    () => Buffer.from('short'),
    () => Buffer.alloc(0),
    // Whole, and of no use to V8.
    (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 8), Buffer.from([0x8d, 0xef, 0x02, 0xd2]), Buffer.alloc(1)]),
  ]) {
    for (const name of readdirSync(here.kept)) {
      const file = path.join(here.kept, name)
      writeFileSync(file, damage(readFileSync(file)))
    }
    const damaged = inventory(here.kept)
    assert.equal(await start(here), 'before\n')
    const mended = inventory(here.kept)
    assert.notDeepEqual(mended, damaged)
    assert.equal(await start(here), 'before\n')
    assert.deepEqual(inventory(here.kept), mended)
  }
})

test('a folder that others can write to, or that is a link, is not used', { skip }, async (t) => {
  const here = await place(t)
  mkdirSync(here.kept)
  for (const mode of [0o770, 0o707, 0o755]) {
    chmodSync(here.kept, mode)
    assert.equal(await start(here), 'not kept\n')
  }
  const linked = { ...here, home: path.join(here.home, 'linked') }
  mkdirSync(linked.home)
  mkdirSync(path.join(here.home, 'target'), { mode: 0o700 })
  symlinkSync(path.join(here.home, 'target'), path.join(linked.home, 'weir'))
  assert.equal(await start(linked), 'not kept\n')
  assert.deepEqual(readdirSync(path.join(here.home, 'target')), [])
})

test(
  'a file that is a pipe, a link, or that others can write to is not read, and nothing waits for it',
  { skip },
  async (t) => {
    const here = await place(t)
    await start(here)
    const names = readdirSync(here.kept)
    const spoil: ((file: string) => void)[] = [
      (file) => chmodSync(file, 0o666),
      (file) => {
        renameSync(file, path.join(here.home, path.basename(file)))
        symlinkSync(path.join(here.home, path.basename(file)), file)
      },
      (file) => {
        rmSync(file)
        assert.equal(spawnSync('mkfifo', [file]).status, 0)
      },
      ...(noOthers === false ? [(file: string) => chownSync(file, 1, 1)] : []),
    ]
    for (const each of spoil) {
      for (const name of names) each(path.join(here.kept, name))
      assert.equal(await start(here), 'before\n')
      for (const name of names) {
        const { mode, uid } = lstatSync(path.join(here.kept, name))
        assert.equal(mode, 0o100600)
        assert.equal(uid, process.getuid?.())
      }
    }
  },
)

test(
  'without a home of its own, nothing is taken from the folder one works in, and none is made there',
  { skip },
  async (t) => {
    const here = await place(t)
    const kept = path.join(here.home, '.cache', 'weir')
    mkdirSync(kept, { recursive: true, mode: 0o700 })
    for (const home of ['', 'home', '.']) {
      const env = { ...environment(''), HOME: home }
      const { stdout, status } = spawnSync(process.execPath, argumentsFor(here.bundle), {
        ...{ encoding: 'utf8', env, cwd: here.home },
      })
      assert.equal(status, 0)
      assert.equal(stdout, 'not kept\n')
    }
    assert.deepEqual(readdirSync(kept), [])
    assert.deepEqual(readdirSync(here.home), ['.cache'])
  },
)

test(
  'a folder that others can put another in the place of is not used, and none is made there',
  { skip },
  async (t) => {
    const here = await place(t)
    chmodSync(here.home, 0o777)
    assert.equal(await start(here), 'not kept\n')
    assert.ok(!existsSync(here.kept))
    mkdirSync(here.kept, { mode: 0o700 })
    assert.equal(await start(here), 'not kept\n')
    // As in /tmp: what is there is moved by its owner alone.
    chmodSync(here.home, 0o1777)
    assert.equal(await start(here), 'before\n')
    assert.equal(inventory(here.kept).length, 2)
  },
)

test('the folder of another user is not used, and none is made in the home of one', { skip: noOthers }, async (t) => {
  const here = await place(t)
  mkdirSync(here.kept, { mode: 0o700 })
  chownSync(here.kept, 1, 1)
  assert.equal(await start(here), 'not kept\n')
  assert.deepEqual(readdirSync(here.kept), [])
  const strange = path.join(here.home, 'strange')
  mkdirSync(strange)
  chownSync(strange, 1, 1)
  assert.equal(await start({ ...here, home: strange }), 'not kept\n')
  assert.equal(await start({ ...here, home: path.join(strange, '.cache') }), 'not kept\n')
  assert.deepEqual(readdirSync(strange), [])
})

test('without a place to keep anything, and where it is not wanted, the bundle is loaded all the same', async (t) => {
  const here = await place(t)
  writeFileSync(path.join(here.home, 'file'), '')
  assert.equal(await start({ ...here, home: path.join(here.home, 'file') }), 'not kept\n')
  assert.equal(await start({ ...here, home: '/proc/self' }), 'not kept\n')
  assert.equal(await start(here, { NODE_DISABLE_COMPILE_CACHE: '1' }), 'not kept\n')
  assert.equal(await start(here, { NODE_OPTIONS: '--enable-source-maps' }), 'not kept\n')
  assert.deepEqual(readdirSync(here.home), ['file'])
  // A relative path says nothing.
  assert.equal(existsSync(path.join(process.cwd(), 'somewhere')), false)
  await start(here, { XDG_CACHE_HOME: 'somewhere', HOME: here.home })
  assert.equal(existsSync(path.join(process.cwd(), 'somewhere')), false)
})

test('processes that start at once all succeed, and leave one whole set', { skip }, async (t) => {
  const here = await place(t)
  const one = async () => {
    const child = spawn(process.execPath, argumentsFor(here.bundle), { env: environment(here.home) })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, said: Buffer.concat(chunks).toString() }
  }
  const all = await inTime(() => Promise.all(Array.from({ length: 6 }, one)))
  for (const each of all) assert.deepEqual(each, { code: 0, said: 'before\n' })
  const left = inventory(here.kept)
  assert.equal(left.length, 2)
  await start(here)
  assert.deepEqual(inventory(here.kept), left)
})

test('what is kept does not pile up', { skip }, async (t) => {
  const here = await place(t)
  mkdirSync(here.kept, { mode: 0o700 })
  for (let i = 0; i < 40; i++) writeFileSync(path.join(here.kept, `a-${i}-0.code`), '')
  writeFileSync(path.join(here.kept, 'a-1-0.code.4711'), 'of a process that was killed')
  writeFileSync(path.join(here.kept, 'notes.txt'), 'of somebody')
  await start(here)
  const names = readdirSync(here.kept)
  assert.equal(names.filter((name) => name.includes('.code')).length, 16)
  assert.ok(names.includes('notes.txt'))
  await start(here)
  assert.deepEqual(readdirSync(here.kept), names)
})

test('the command filters alike with and without what was kept, and keeps it once', { skip }, async (t) => {
  const here = await place(t)
  const rules = path.join(here.home, 'rules.json')
  writeFileSync(
    rules,
    '{"version":1,"default":"drop","rules":[{"id":"a","when":{"field":"k","matches":"1+"},"then":"keep"}]}',
  )
  const run = (env: NodeJS.ProcessEnv) => {
    const input = '{"k":"11"}\n{"k":"2"}\n'
    const options = { input, encoding: 'utf8', env: { ...environment(here.home), ...env } } as const
    return inTime(() => spawnSync(process.execPath, [binary, 'filter', '--rules', rules, '--json'], options))
  }
  const runs = [await run({ NODE_DISABLE_COMPILE_CACHE: '1' }), await run({}), await run({})]
  for (const { status, stdout } of runs) assert.deepEqual([status, stdout], [0, '{"k":"11"}\n'])
  if (!existsSync(path.join(path.dirname(binary), '../bundle/filter.js'))) return
  const made = inventory(here.kept)
  assert.ok(made.some((each) => each.startsWith('shared-')))
  await run({})
  assert.deepEqual(inventory(here.kept), made)
})

// Where runs put what they make: what can be written is found out without leaving anything, and what cannot is named.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { UsageError } from '#src/errors.js'
import { checkFile, makeFolder } from '#src/places.js'
import { skipWithout } from './required.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-places-'))
after(() => rmSync(folder, { recursive: true }))
const at = (...names: string[]): string => join(folder, ...names)
writeFileSync(at('file'), 'kept')
symlinkSync('nowhere', at('link'))
mkdirSync(at('there'))

const withoutProc = skipWithout('linux', process.platform === 'linux', '/proc makes no folders')

const refuses = (attempt: () => void, text: RegExp): void =>
  assert.throws(attempt, (error: unknown) => error instanceof UsageError && text.test(error.message))

test('a folder is made with those above it, and is empty; one that is there is left as it is', () => {
  makeFolder('--cache', at('one', 'two', 'three'))
  assert.deepEqual(readdirSync(at('one', 'two', 'three')), [])
  makeFolder('--cache', at('one'))
  assert.deepEqual(readdirSync(at('one')), ['two'])
})

test('what stands in the way of a folder is named with its place', () => {
  refuses(() => makeFolder('--cache', at('file')), /^--cache .*file: .*file is no folder; give another place/)
  refuses(() => makeFolder('--cache', at('file', 'a', 'b')), /^--cache .*b: .*file is no folder; /)
  refuses(
    () => makeFolder('--cache', at('link', 'a')),
    /^--cache .*a: no folder can be made in .*; give a place on a disk/,
  )
})

test('where a file system makes no folders, or no files, that is said', { skip: withoutProc }, () => {
  refuses(() => makeFolder('--cache', '/proc/x/y'), /^--cache \/proc\/x\/y: no folder can be made in \/proc \(/)
  refuses(() => makeFolder('--cache', '/proc'), /^--cache \/proc: no file can be made in \/proc \(/)
  refuses(() => checkFile('--json', '/proc/x.json'), /^--json \/proc\/x\.json: no file can be made in \/proc \(/)
})

test('a file that can be written is neither made nor changed', () => {
  checkFile('--json', at('there', 'new.json'))
  assert.deepEqual(readdirSync(at('there')), [])
  checkFile('--json', at('file'))
  assert.equal(readFileSync(at('file'), 'utf8'), 'kept')
})

test('a file that cannot be written is refused, and no folder is made for it', () => {
  refuses(() => checkFile('--json', at('there')), /^--json .*there is a folder; name a file in it\.$/)
  refuses(
    () => checkFile('--json', at('none', 'x.json')),
    /: there is no folder .*none; make it, or name a file in another/,
  )
  refuses(() => checkFile('--json', at('file', 'x.json')), /: .*file is no folder; /)
  assert.deepEqual(readdirSync(folder).includes('none'), false)
})

for (const program of ['main', 'service'] as const) {
  const path = fileURLToPath(new URL(`../dist/${program}.js`, import.meta.url))
  const skip = program === 'service' ? withoutProc : false
  test(`${program}: places that take nothing end it with code 2 before anything is made`, { skip }, () => {
    const cache = at(`${program}-cache`)
    const small = program === 'main' ? ['--case', 'one-rule', '--only', 'json-parse', '--bytes', '10kB'] : []
    for (const [args, text] of [
      [['--json', at('none', 'x.json'), '--cache', cache], /^bench: --json .*make it, or name a file in another\.\n$/],
      [['--cache', at('file', 'cache')], /^bench: --cache .*file is no folder; /],
    ] as const) {
      const run = spawnSync(process.execPath, [path, ...small, ...args], { encoding: 'utf8', timeout: 60_000 })
      assert.equal(run.status, 2, run.stderr)
      assert.match(run.stderr, text)
      assert.equal(run.stdout, '')
    }
    assert.ok(!readdirSync(folder).includes(`${program}-cache`))
  })
}

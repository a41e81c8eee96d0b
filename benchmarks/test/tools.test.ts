// How tools are found and installed, without installing any: folders are whole or not there, and faults say why.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { crate } from '#src/tools/crates.js'
import { debianPackage, libraryFolders } from '#src/tools/debian.js'
import { makeFolder, runInstaller, toolsFolder, versionLine } from '#src/tools/tool.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-tools-'))
const name = `test-${process.pid}`
after(() => {
  for (const path of [folder, join(toolsFolder, name), join(toolsFolder, `${name}.new`)]) {
    rmSync(path, { recursive: true, force: true })
  }
})

test('a folder is made whole or not at all, and again from the start', () => {
  const broken = (): string =>
    makeFolder(name, (target) => {
      writeFileSync(join(target, 'half'), '')
      throw new Error('no disk')
    })
  assert.throws(broken, /no disk/)
  assert.equal(existsSync(join(toolsFolder, name)), false)
  for (const content of ['first', 'second']) {
    const made = makeFolder(name, (target) => writeFileSync(join(target, 'file'), content))
    assert.equal(readFileSync(join(made, 'file'), 'utf8'), content)
    assert.equal(existsSync(join(made, 'half')), false)
  }
})

test('a tool that is not there is not found, and an installer that fails is named', () => {
  assert.equal(debianPackage({ name: 'none', program: 'usr/bin/no-such-program-of-weir' }).find(), undefined)
  assert.equal(crate({ name: 'none', version: '1.0.0', program: 'no-such-program-of-weir' }).find(), undefined)
  assert.throws(() => runInstaller('no-such-program-of-weir', ['install']), /no-such-program-of-weir is not installed/)
  assert.throws(() => runInstaller('sh', ['-c', 'exit 3']), /sh -c ended with 3/)
})

test('a tool that nobody knows is refused, with the names of those that are known', () => {
  const main = fileURLToPath(new URL('../dist/peers.js', import.meta.url))
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'jq', 'none'], { encoding: 'utf8' })
  assert.deepEqual([status, stdout], [2, ''])
  assert.match(stderr, /unknown argument none; it takes --table, or names of jq, gojq, .*nginx\.$/m)
})

test('a version is the first line with a digit', () => {
  assert.equal(versionLine("printf 'Welcome\\n  tool 1.2\\n'"), 'tool 1.2')
  assert.equal(versionLine('exit 1'), undefined)
})

test('the folders of shared libraries are found in an unpacked package', () => {
  for (const path of ['usr/lib/x86_64-linux-gnu', 'usr/lib/tool', 'lib/none'])
    mkdirSync(join(folder, path), { recursive: true })
  writeFileSync(join(folder, 'usr/lib/x86_64-linux-gnu/libone.so.1'), '')
  writeFileSync(join(folder, 'usr/lib/tool/libtwo-3.so.0'), '')
  writeFileSync(join(folder, 'lib/none/module.so'), '')
  assert.deepEqual(
    libraryFolders(folder).sort((a, b) => a.localeCompare(b)),
    [join(folder, 'usr/lib/tool'), join(folder, 'usr/lib/x86_64-linux-gnu')],
  )
})

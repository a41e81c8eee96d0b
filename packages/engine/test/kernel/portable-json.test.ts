// The portable kernel's reading of records, held against what Node itself says about UTF-8 and JSON: all kernels are
// judged by this code, so it needs a judge of its own.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { malformedReason } from '#src/batch/batch.js'
import {
  checkRecord,
  findValues,
  isUtf8,
  PathNode,
  readString,
  readText,
  token,
  TokenReader,
} from '#src/kernel/portable-json.js'
import { limits } from '#src/limits.js'
import { mixedInput } from '../generators/records.ts'

const seed = 20240229

function isUtf8ToNode(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

test('UTF-8 is what the platform decodes, for every pair of bytes', () => {
  for (let pair = 0; pair < 0x10000; pair++) {
    const bytes = Uint8Array.of(pair >> 8, pair & 0xff)
    assert.equal(isUtf8(bytes, 0, 2), isUtf8ToNode(bytes), `0x${pair.toString(16)}`)
  }
})

test('UTF-8 is what the platform decodes, for three and four bytes around every limit', () => {
  const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]
  const leads = [0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8]
  for (const lead of leads) {
    for (const second of edges) {
      for (const third of edges) {
        for (const fourth of edges) {
          const bytes = Uint8Array.of(lead, second, third, fourth)
          for (const end of [3, 4])
            assert.equal(isUtf8(bytes, 0, end), isUtf8ToNode(bytes.subarray(0, end)), `${bytes.join(' ')} to ${end}`)
        }
      }
    }
  }
})

test('a record is well-formed exactly when JSON.parse takes it and finds an object', () => {
  const seen = new Map<number, number>()
  const property = fc.property(mixedInput, (input) => {
    for (const line of input.toString('latin1').split('\n')) {
      const bytes = Buffer.from(line, 'latin1')
      const reason = checkRecord(bytes, 0, bytes.length)
      seen.set(reason, (seen.get(reason) ?? 0) + 1)
      assert.equal(reason, reasonByNode(bytes), JSON.stringify(line))
    }
  })
  fc.assert(property, { seed, numRuns: 1500 })
  const reasons = [
    0,
    malformedReason.utf8,
    malformedReason.syntax,
    malformedReason['not-object'],
    malformedReason.depth,
  ]
  for (const reason of reasons) assert.ok((seen.get(reason) ?? 0) > 0, `no record with reason ${reason} was generated`)
})

function reasonByNode(bytes: Buffer): number {
  if (!isUtf8ToNode(bytes)) return malformedReason.utf8
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch {
    return malformedReason.syntax
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return malformedReason['not-object']
  return depthOf(value) > limits.recordDepth ? malformedReason.depth : 0
}

function depthOf(value: unknown): number {
  let depth = 0
  for (let level = [value]; level.length > 0;) {
    const containers = level.filter((item) => typeof item === 'object' && item !== null)
    if (containers.length > 0) depth++
    level = containers.flatMap((item) => Object.values(item) as unknown[])
  }
  return depth
}

test('values are found where JSON.parse has them, in records without duplicates', () => {
  const property = fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 4 }), fc.nat(4), (value, indent) => {
    const record = { a: value, b: { c: value }, d: [0, value] }
    const bytes = Buffer.from(JSON.stringify(record, undefined, indent))
    for (const path of [['a'], ['b', 'c'], ['d', 1]]) {
      const root = new PathNode()
      const node = root.below(path)
      findValues(new TokenReader(bytes, 0, bytes.length), root, 1)
      assert.equal(node.record, 1)
      assert.deepEqual(textOf(bytes, node), textByNode(value))
    }
  })
  fc.assert(property, { seed, numRuns: 500 })
})

function textOf(bytes: Buffer, node: PathNode): unknown {
  if (node.kind === token.string) return readString(bytes, node.at, node.after, node.escaped)
  if (node.kind === token.openObject || node.kind === token.openArray) return {}
  return readText(bytes, node.at, node.after)
}

function textByNode(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) return {}
  return typeof value === 'string' ? Buffer.from(value).toString() : JSON.stringify(value)
}

test('paths share what they have in common and keep apart keys and indexes', () => {
  const root = new PathNode()
  assert.equal(root.below(['a', 'b']), root.below(['a', 'b']))
  assert.equal(root.below([]), root)
  assert.notEqual(root.below(['a', 0]), root.below(['a', '0']))
})

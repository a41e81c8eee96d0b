// What values mean to the portable kernel, with expectations from the platform: BigInt for integers, net.isIP and
// net.BlockList for addresses, decodeURIComponent for escapes. The shared cases hold what the platform cannot say.

import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compareNumbers, decodeUrl, foldText, readAddress, readNumber } from '#src/kernel/portable-values.js'

const seed = 20240229

test('integers within the exact range compare as BigInt does', () => {
  const near = [0n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n), -(2n ** 53n)]
  const integer = fc
    .tuple(fc.constantFrom(...near), fc.bigInt({ min: -3n, max: 3n }))
    .map(([base, offset]) => base + offset)
    .filter((value) => value >= -(2n ** 63n) && value < 2n ** 64n)
  const property = fc.property(integer, integer, fc.nat(30), (a, b, zeros) => {
    const padded = a < 0n ? `-${'0'.repeat(zeros)}${-a}` : `${'0'.repeat(zeros)}${a}`
    const order = compareNumbers(readNumber(padded)!, readNumber(String(b))!)
    assert.equal(Math.sign(order), a < b ? -1 : a > b ? 1 : 0)
  })
  fc.assert(property, { seed, numRuns: 2000 })
})

test('numbers with a fraction or an exponent compare as doubles', () => {
  const property = fc.property(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    (a, b) => {
      const order = compareNumbers(readNumber(a.toExponential())!, readNumber(b.toExponential())!)
      assert.equal(Math.sign(order), a < b ? -1 : a > b ? 1 : 0)
    },
  )
  fc.assert(property, { seed, numRuns: 1000 })
})

test('text is a number when JSON.parse says so, leading zeros aside', () => {
  const characters = fc
    .array(fc.constantFrom(...'0123456789+-.eE x'.split('')), { maxLength: 6 })
    .map((all) => all.join(''))
  const property = fc.property(characters, (text) => {
    const bare = text.replace(/^(-?)0+(?=[0-9])/, '$1')
    let isNumber = true
    try {
      isNumber = bare === bare.trim() && typeof JSON.parse(bare) === 'number'
    } catch {
      isNumber = false
    }
    assert.equal(readNumber(text) !== undefined, isNumber, JSON.stringify(text))
  })
  fc.assert(property, { seed, numRuns: 5000 })
})

test('text of any length is read in time that does not grow with its square', () => {
  const digits = '9'.repeat(1 << 20)
  assert.deepEqual(readNumber(digits), { exact: undefined, double: Infinity })
  assert.deepEqual(readNumber(`${'0'.repeat(1 << 20)}7`), { exact: 7n, double: 7 })
  assert.equal(readNumber(`${digits}x`), undefined)
})

test('escapes decode as the platform decodes them, where it does', () => {
  const property = fc.property(fc.string({ unit: 'grapheme' }), (text) => {
    assert.equal(decodeUrl(encodeURIComponent(text)), text)
    assert.equal(decodeUrl(new URLSearchParams({ '': text }).toString().slice(1)), text)
  })
  fc.assert(property, { seed, numRuns: 1000 })
})

test('form decoding agrees with URLSearchParams on any escaped bytes', () => {
  // ASCII only: URLSearchParams of Node 20 loses a letter such as é before a broken escape.
  const piece = fc.constantFrom(
    '%',
    '%4',
    '%41',
    '%C3',
    '%A9',
    '%e2%82',
    '%ED%A0%80',
    '%F0%9F',
    '%ff',
    '+',
    'a',
    '%EF%BB%BF',
    '%00',
  )
  const property = fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
    const text = pieces.join('')
    assert.equal(decodeUrl(text), new URLSearchParams(`k=${text}`).get('k'))
  })
  fc.assert(property, { seed, numRuns: 5000 })
})

test('folding replaces code points by the table, those of two units too', () => {
  const table = new Map([
    [0x61, 0x41],
    [0x10428, 0x10400],
  ])
  assert.equal(foldText('abA\u{10428}\u{10429}', table), 'AbA\u{10400}\u{10429}')
  assert.equal(foldText('', table), '')
})

test('text is an address when the platform says so, zones aside', () => {
  const piece = fc.constantFrom(
    '0',
    '1',
    '255',
    '256',
    '01',
    'ffff',
    'FFFF',
    'g',
    '12345',
    ':',
    '::',
    '.',
    '1.2.3.4',
    '1:2:3:4:5:6',
    '%1',
    ' ',
    '/8',
    '',
  )
  const property = fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
    const text = pieces.join('')
    const isAddress = isIP(text) !== 0 && !text.includes('%')
    assert.equal(readAddress(text) !== undefined, isAddress, JSON.stringify(text))
  })
  fc.assert(property, { seed, numRuns: 20_000 })
})

test('an address has the number that the platform gives it', () => {
  const groups = fc.array(fc.constantFrom(0, 0, 1, 0xffff, 0x0a01, 0x8000), { minLength: 8, maxLength: 8 })
  const property = fc.property(groups, fc.nat(2), (parts, form) => {
    const plain = parts.map((part) => part.toString(16)).join(':')
    const shortest = new URL(`http://[${plain}]`).hostname.slice(1, -1)
    const quad = [parts[6]! >> 8, parts[6]! & 255, parts[7]! >> 8, parts[7]! & 255].join('.')
    const text = [plain, shortest, plain.replace(/[^:]+:[^:]+$/, quad)][form]!
    const isMapped = parts.slice(0, 5).every((part) => part === 0) && parts[5] === 0xffff
    const words = [0, 2, 4, 6].map((i) => parts[i]! * 0x10000 + parts[i + 1]!)
    assert.deepEqual(readAddress(text), isMapped ? [words[3]] : words, text)
  })
  fc.assert(property, { seed, numRuns: 2000 })
})

test('IPv4 words order as addresses do', () => {
  const list = new BlockList()
  list.addRange('10.0.0.0', '192.168.255.255')
  const property = fc.property(fc.ipV4(), (text) => {
    const word = readAddress(text)![0]!
    const isWithin = word >= readAddress('10.0.0.0')![0]! && word <= readAddress('192.168.255.255')![0]!
    assert.equal(isWithin, list.check(text))
  })
  fc.assert(property, { seed, numRuns: 1000 })
})
